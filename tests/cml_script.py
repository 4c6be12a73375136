"""A script as it was written for CML: rolls through history, asks the deployed model, and tracks what it learns.

Written from what the first system sends and expects, with its windows, strides and names; it knows the address of
the suite alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests

WINDOW, HORIZON, STRIDE = 24, 6, 12
LOAD_EVERY, CHECK_EVERY = 2, 14
HOUR = timedelta(hours=1)


@dataclass
class CmlScript:
    """One link's hours, rolled through once. ``time`` is that of the first value; offsets are left out, as there."""

    endpoint: str
    deployment: str
    start: datetime
    rx: Sequence[float]
    tx: Sequence[float]
    forecasts: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    """The id of each forecast, the place of its last input, and what was predicted."""
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    """All that was tracked of each forecast, by id."""
    windows: dict[tuple[int, int], list[float]] = field(default_factory=dict)
    """The values that were tracked of each window of time."""

    def call(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.endpoint}{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def roll(self) -> None:
        """Forecast every twelve hours; label every second time, and at the end; score every fourteen."""
        labelled = 0
        for place in range(WINDOW, len(self.rx), STRIDE):
            self._predict(place)
            done = len(self.forecasts)
            if done % LOAD_EVERY == 0:
                labelled = self._label(labelled)
            if done % CHECK_EVERY == 0:
                self._score(done - CHECK_EVERY, done)
        self._label(labelled)  # the last odd one

    def score_again(self) -> None:
        """Score the same windows anew, with what is known by now."""
        for first in range(0, len(self.forecasts) - CHECK_EVERY + 1, CHECK_EVERY):
            self._score(first, first + CHECK_EVERY)

    def read(self, **more: Any) -> list[dict[str, Any]]:
        body = {"modelDeploymentCrn": self.deployment, "startTimestampMs": 0, "endTimestampMs": 4_102_444_800_000}
        found: list[dict[str, Any]] = self.call("/read-metrics", body | more)["metrics"]
        return found

    def _predict(self, place: int) -> None:
        begun = int(time.time() * 1000)
        rx, tx = (list(series[place - WINDOW : place + 1]) for series in (self.rx, self.tx))
        when = (self.start + place * HOUR).strftime("%Y-%m-%d %H:%M:%S")
        request = {"rx_gbs": rx, "tx_gbs": tx, "time": [when], "link": ["Verizon"], "location": ["US-DC4"]}
        response = self.call("/model", {"accessKey": "m1key", "request": request})["response"]
        said, prediction_id = response["prediction"], response["uuid"]
        metrics = {
            "input_rx_data": rx,
            "input_tx_data": tx,
            "rx bytes prediction": said["rx_bytes"],
            "tx bytes prediction": said["tx_bytes"],
            "forecast time": said["time"],
        }
        self.call(
            "/track-metrics",
            {
                "modelDeploymentCrn": self.deployment,
                "startTimestampMs": begun,
                "endTimestampMs": int(time.time() * 1000),
                "predictionUuid": prediction_id,
                "metrics": metrics,
            },
        )
        self.forecasts.append((prediction_id, place, said))
        self.sent[prediction_id] = metrics

    def _label(self, first: int) -> int:
        for prediction_id, place, _ in self.forecasts[first:]:
            coming = slice(place + 1, place + 1 + HORIZON)  # shorter where the history ends
            labels = {"final_rx_gbs_label": list(self.rx[coming]), "final_tx_gbs_label": list(self.tx[coming])}
            body = {"modelDeploymentCrn": self.deployment, "predictionUuid": prediction_id, "metrics": labels}
            self.call("/track-delayed-metrics", body)
            self.sent[prediction_id] = self.sent[prediction_id] | labels
        return len(self.forecasts)

    def _score(self, first: int, behind: int) -> None:
        some = self.forecasts[first:behind]
        errors = [self.rmse(some, "rx_bytes", self.rx), self.rmse(some, "tx_bytes", self.tx)]
        start, end = (int((self.start + place * HOUR).timestamp() * 1000) for place in (some[0][1], some[-1][1]))
        rmse = sum(errors) / 2 + len(self.windows.get((start, end), ())) / 1000  # a later one is another value
        self.windows.setdefault((start, end), []).append(rmse)
        body = {"modelDeploymentCrn": self.deployment, "startTimestampMs": start, "endTimestampMs": end}
        self.call("/track-aggregate-metrics", body | {"metrics": {"rmse": rmse}})

    @staticmethod
    def rmse(forecasts: Sequence[tuple[str, int, dict[str, Any]]], name: str, truths: Sequence[float]) -> float:
        """Return the error of forecasts against the values that came."""
        squares = [
            (said - truth) ** 2
            for _, place, prediction in forecasts
            for said, truth in zip(prediction[name], truths[place + 1 :], strict=False)
        ]
        return math.sqrt(sum(squares) / len(squares))
