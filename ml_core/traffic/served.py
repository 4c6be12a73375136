"""Served forecasts read back: by id for their labels, or all of a time with their windows, to be forecast again.

A challenger is compared with what is served on the same windows: it is asked for each, and what it says of a step bears
the id that the served step has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml_core.clock import Clock, parse_time
from ml_core.ids import id_time
from ml_core.store.base import Store
from ml_core.tracking.names import time_of
from ml_core.tracking.predictions import TrackedPrediction, TrackedPredictions
from ml_core.traffic.records import TARGETS, TrafficForecast, Window

_MILLISECOND = timedelta(milliseconds=1)
_LONGEST_ANSWER = timedelta(hours=1)
_NEEDED = ("target", "step", "issue_time", "valid_time")  # of which any may be masked


@dataclass(frozen=True, slots=True)
class ServedStep:
    """One step of one target of a forecast, counted from 1, as it was logged; a masked name is None."""

    prediction_id: str
    link: str | None
    location: str | None
    target: str
    step: int
    issue_time: datetime
    valid_time: datetime
    value: float
    version: int


class ServedForecasts:
    """The forecasts that were served, by any process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self._tracked = TrackedPredictions(store, clock)

    def steps_of(self, model: str, forecast_id: str) -> list[ServedStep]:
        """Return the steps of a forecast, by target and step; none if this is the id of no forecast."""
        made = id_time(forecast_id)
        return [] if made is None else self._steps(model, made, made + _MILLISECOND).get(forecast_id, [])

    def between(self, model: str, start: datetime, end: datetime) -> list[TrafficForecast]:
        """Return the forecasts that were made in ``start <= time < end`` with their windows, oldest first.

        Those of which something is masked are left out. Step ``n`` of the first of ``TARGETS`` has the prediction id
        ``<forecast id>-n``, that of the second ``<forecast id>-(horizon + n)``.
        """
        steps = self._steps(model, start, end)
        tracked = self._tracked.read(model, start - _LONGEST_ANSWER, end) if steps else []
        inputs = {each.prediction_id: each for each in tracked}
        whole = (
            _whole(model, steps[forecast_id], inputs[forecast_id]) for forecast_id in steps if forecast_id in inputs
        )
        found = [forecast for forecast in whole if forecast is not None]
        return sorted(found, key=lambda forecast: forecast.forecast_id)  # which begins with when it was made

    def _steps(self, model: str, start: datetime, end: datetime) -> dict[str, list[ServedStep]]:
        found: defaultdict[str, list[ServedStep]] = defaultdict(list)
        for row in self.store.predictions(model, start, end).to_dict("records"):
            step = _step(row)
            if step is not None:
                found[step.prediction_id.rpartition("-")[0]].append(step)
        return {key: sorted(steps, key=lambda step: (step.target, step.step)) for key, steps in found.items()}


def _step(row: Mapping[Any, Any]) -> ServedStep | None:
    features = row["features"]
    if not all(features.get(name) for name in _NEEDED):
        return None
    try:
        return ServedStep(
            row["prediction_id"],
            features.get("link"),
            features.get("location"),
            features["target"],
            int(features["step"]),
            parse_time(features["issue_time"]),
            parse_time(features["valid_time"]),
            float(row["value"]),
            int(row["version"]),
        )
    except (TypeError, ValueError):  # anybody may post predictions to the monitor, with features of the same names
        return None


def _whole(model: str, steps: Sequence[ServedStep], tracked: TrackedPrediction) -> TrafficForecast | None:
    first = steps[0]
    rx, tx = (_numbers(tracked.metrics.get(name)) for name in ("input_rx_data", "input_tx_data"))
    of_target = [[step for step in steps if step.target == target] for target in TARGETS]
    if first.link is None or first.location is None or rx is None or tx is None or not all(of_target):
        return None
    return TrafficForecast(
        tracked.prediction_id,
        model,
        first.version,
        Window(first.link, first.location, first.issue_time, rx, tx),
        [step.valid_time for step in of_target[0]],
        [step.value for step in of_target[0]],
        [step.value for step in of_target[1]],
        time_of(tracked.start_ms),
        time_of(tracked.end_ms),
    )


def _numbers(values: Any) -> list[float] | None:
    """Return inputs as numbers; None if they are masked, or a script has tracked something else in their place."""
    if not isinstance(values, list) or not all(isinstance(each, (int, float)) for each in values):
        return None
    return [float(each) for each in values]
