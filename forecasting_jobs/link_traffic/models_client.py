"""Asks ``ml_models`` for forecasts over HTTP, and tells it what became known of them: the calls of the first system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from ml_core.clock import format_time, parse_time
from ml_core.errors import SuiteError
from ml_core.http_client import new_session
from ml_core.settings import Settings
from ml_core.tracking.names import milliseconds_of
from ml_core.traffic.records import Window

_TIMEOUT_SECONDS = 90.0  # the first answer waits until the network is loaded
_SHOWN = 300


class ModelsUnavailable(SuiteError):
    """``ml_models`` did not do what it was asked for."""

    code = "models_unavailable"
    status = 503


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A forecast that was served: ``said`` and ``labels`` are received and sent Gbit/s of each of ``times``.

    ``labels`` are None until the truth was sent; a step whose truth never came is None.
    """

    forecast_id: str
    link: str
    location: str
    times: Sequence[datetime]
    said: tuple[Sequence[float], Sequence[float]]
    labels: tuple[Sequence[float | None], Sequence[float | None]] | None = None

    @property
    def issue_time(self) -> datetime:
        """The time of the last value that it was made from."""
        return self.times[0] - (self.times[1] - self.times[0])


class ModelsClient:
    """One model behind ``ml_models``. Every call raises ``ModelsUnavailable`` if it fails, with the reason."""

    def __init__(self, url: str, model: str, *, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.model = model
        self._session = new_session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def forecast(self, windows: Sequence[Window]) -> list[Served]:
        """Forecast from each of the windows."""
        rows = [
            {
                "link": window.link,
                "location": window.location,
                "time": format_time(window.time),
                "rx_gbs": list(window.rx_gbs),
                "tx_gbs": list(window.tx_gbs),
            }
            for window in windows
        ]
        answer = self._post(f"/models/{self.model}/predictions", {"windows": rows})
        return [
            Served(
                each["forecast_id"],
                each["link"],
                each["location"],
                [parse_time(time) for time in each["times"]],
                (each["rx_gbs"], each["tx_gbs"]),
            )
            for each in answer["forecasts"]
        ]

    def label(self, served: Served, labels: tuple[Sequence[float | None], Sequence[float | None]]) -> None:
        """Send the truth of a forecast, each value with the time that it is of."""
        metrics = {
            "final_rx_gbs_label": list(labels[0]),
            "final_tx_gbs_label": list(labels[1]),
            "final_time_label": [format_time(time) for time in served.times],
        }
        body = {"modelDeploymentCrn": self.model, "predictionUuid": served.forecast_id, "metrics": metrics}
        self._post("/track-delayed-metrics", body)

    def set_aggregates(self, start: datetime, end: datetime, metrics: Mapping[str, float]) -> None:
        """Set metrics over a window of time, in place of those set before."""
        self._post("/track-aggregate-metrics", {**self._range(start, end), "metrics": dict(metrics)})

    def served_between(self, start: datetime, end: datetime) -> list[Served]:
        """Return the forecasts that were served in a range of time, with the truth that was sent of them."""
        items = self._post("/read-metrics", self._range(start, end))["metrics"]
        return [_served(item) for item in items if _is_forecast(item)]

    def _range(self, start: datetime, end: datetime) -> dict[str, Any]:
        return {
            "modelDeploymentCrn": self.model,
            "startTimestampMs": milliseconds_of(start),
            "endTimestampMs": milliseconds_of(end),
        }

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            answer = self._session.post(f"{self.url}{path}", json=body, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise ModelsUnavailable(
                f"ml_models at {self.url} cannot be reached ({type(error).__name__}): start it, or set "
                "link_traffic.models_url"
            ) from None
        if not answer.ok:
            raise ModelsUnavailable(f"ml_models refused {path} with {answer.status_code}: {answer.text[:_SHOWN]}")
        return answer.json()


def client_of(settings: Settings, model: str) -> ModelsClient:
    """Return the client for a model, by the settings."""
    url = settings.link_traffic.models_url or f"http://{settings.models.host}:{settings.models.port}"
    tokens = settings.auth.write_tokens
    return ModelsClient(url, model, token=tokens[0].get_secret_value() if tokens else None)


_NEEDED = ("link", "location", "forecast time", "rx bytes prediction", "tx bytes prediction")


def _is_forecast(item: Mapping[str, Any]) -> bool:
    """Return whether an item is a forecast whose link is known: scripts track others, and names can be masked."""
    return "predictionUuid" in item and all(item["metrics"].get(name) for name in _NEEDED)


def _served(item: Mapping[str, Any]) -> Served:
    metrics = item["metrics"]
    labels = None
    if "final_rx_gbs_label" in metrics and "final_tx_gbs_label" in metrics:
        labels = metrics["final_rx_gbs_label"], metrics["final_tx_gbs_label"]
    return Served(
        item["predictionUuid"],
        metrics["link"],
        metrics["location"],
        [parse_time(time) for time in metrics["forecast time"]],
        (metrics["rx bytes prediction"], metrics["tx bytes prediction"]),
        labels,
    )
