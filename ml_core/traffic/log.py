"""Keeps each served forecast of a link's traffic: for charts, for the monitor, and for its truth to find it by id.

1. Each target is a forecast of its series (``put_forecast``), whose truth are the observations of that series: joined
   by time, so the monitor measures it by series and horizon and against the naive forecast.
2. The inputs and the values are tracked under the forecast's id, as a script of the first system reads them back.
3. Each step of each target is a prediction, ``<forecast id>-<number>``, whose truth comes by that id. They come last: a
   forecast whose steps are there is there whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_core.clock import Clock, format_time
from ml_core.masking import Masking
from ml_core.records import Forecast, ForecastStep, Prediction
from ml_core.store.base import Store
from ml_core.tracking.names import milliseconds_of
from ml_core.tracking.predictions import NewLine, TrackedPredictions
from ml_core.traffic.records import TARGETS, TrafficForecast


class TrafficLog:
    """The log of the forecasts of one serving process."""

    def __init__(self, store: Store, clock: Clock, masking: Masking | None = None) -> None:
        self.store = store
        self.masking = masking or Masking()
        self.tracked = TrackedPredictions(store, clock, self.masking)

    def record(self, model: str, forecasts: Sequence[TrafficForecast]) -> None:
        """Keep forecasts whose ids were made just now, durably; raise ``StoreUnavailable``.

        Should it be cut off, only charts and tracked metrics have heard of those it did not get to.
        """
        for forecast in forecasts:
            if None in self._names(model, forecast).values():
                continue  # the name of its series would tell what is masked
            for target in TARGETS:
                self.store.put_forecast(_as_forecast(forecast, target))
        self.tracked.add_new(model, [_as_line(forecast) for forecast in forecasts])
        rows = [row for forecast in forecasts for row in self._predictions(model, forecast)]
        self.store.record_predictions(model, rows, new_ids=True)

    def _names(self, model: str, forecast: TrafficForecast) -> Mapping[str, Any]:
        window = forecast.window
        return self.masking.mask(model, {"link": window.link, "location": window.location})

    def _predictions(self, model: str, forecast: TrafficForecast) -> list[Prediction]:
        steps = [
            (target, step, time, value)
            for target in TARGETS
            for step, (time, value) in enumerate(zip(forecast.times, forecast.values(target), strict=True), start=1)
        ]
        issue_time = format_time(forecast.issue_time)
        return [
            Prediction(
                f"{forecast.forecast_id}-{number}",
                forecast.made_time,
                self.masking.mask(
                    model,
                    {
                        "link": forecast.window.link,
                        "location": forecast.window.location,
                        "target": target,
                        "step": step,
                        "rx_gbs": forecast.window.rx_gbs[-1],
                        "tx_gbs": forecast.window.tx_gbs[-1],
                        "issue_time": issue_time,
                        "valid_time": format_time(time),
                    },
                ),
                value,
                version=forecast.version,
            )
            for number, (target, step, time, value) in enumerate(steps, start=1)
        ]


def _as_forecast(forecast: TrafficForecast, target: str) -> Forecast:
    steps = tuple(
        ForecastStep(time, value) for time, value in zip(forecast.times, forecast.values(target), strict=True)
    )
    return Forecast(forecast.series(target), forecast.model, forecast.issue_time, steps, forecast.version)


def _as_line(forecast: TrafficForecast) -> NewLine:
    """Return what the first system's deployment tracked of a forecast, by its names, and of which link it is."""
    return NewLine(
        forecast.forecast_id,
        milliseconds_of(forecast.start_time),
        milliseconds_of(forecast.end_time),
        {
            "link": forecast.window.link,
            "location": forecast.window.location,
            "input_rx_data": list(forecast.window.rx_gbs),
            "input_tx_data": list(forecast.window.tx_gbs),
            "rx bytes prediction": list(forecast.rx_gbs),
            "tx bytes prediction": list(forecast.tx_gbs),
            "forecast time": [format_time(time) for time in forecast.times],
        },
    )
