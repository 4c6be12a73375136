"""The truth of served forecasts, from the labels that scripts of the first system track of them.

A label belongs to a step: the first to the first, and so on, or by time where ``final_time_label`` says which. Labels
may stop early, and a null is one that is not known yet; what is there is joined, nothing is shifted. It becomes the
truth of the step's prediction and an observation of the step's series, so every forecast that speaks of the time has
it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ml_core.clock import Clock, format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.records import GroundTruth, Observation
from ml_core.store.base import Store
from ml_core.traffic.records import series_name
from ml_core.traffic.served import ServedStep
from ml_core.traffic.times import read_time

LABELS: Mapping[str, str] = {"final_rx_gbs_label": "rx_gbs", "final_tx_gbs_label": "tx_gbs"}
"""The target of each metric that holds labels."""
TIMES = "final_time_label"


class TrafficTruths:
    """Turns labels into ground truths of predictions and observations of series."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def read(self, steps: Sequence[ServedStep], metrics: Mapping[str, Any]) -> dict[ServedStep, float]:
        """Return the true value of each step that the labels among ``metrics`` speak of.

        Raises ``InvalidInput`` that names the metric: for what is no list of numbers, for more labels than the forecast
        has steps, and for times that are none of its steps.
        """
        truths: dict[ServedStep, float] = {}
        for name, target in LABELS.items():
            if name not in metrics:
                continue
            of_target = [step for step in steps if step.target == target]
            labels = metrics[name]
            if not isinstance(labels, list) or not all(each is None or _is_number(each) for each in labels):
                raise _refused(name, "expected a list of numbers, with null for what is not known yet")
            places = self._places(name, of_target, labels, metrics.get(TIMES))
            truths |= {step: float(label) for step, label in zip(places, labels, strict=True) if label is not None}
        return truths

    def record(self, model: str, truths: Mapping[ServedStep, float]) -> None:
        """Keep true values; one that was known otherwise before is corrected, and the earlier stays in the history."""
        now = self.clock.now()
        by_series: defaultdict[str, list[Observation]] = defaultdict(list)
        for step, value in truths.items():
            if step.link is None or step.location is None:  # a name that is masked is known to nobody
                continue
            length = (step.valid_time - step.issue_time) / step.step
            series = series_name(step.link, step.location, step.target, length)
            by_series[series].append(Observation(step.valid_time, value, now, correct=True))
        for series, rows in by_series.items():
            self.store.record_observations(series, rows)
        rows_of_ids = [GroundTruth(step.prediction_id, value, now, correct=True) for step, value in truths.items()]
        if rows_of_ids:
            self.store.record_truths(model, rows_of_ids)

    def _places(
        self, name: str, steps: Sequence[ServedStep], labels: Sequence[Any], times: Any
    ) -> Sequence[ServedStep]:
        if times is None:
            if len(labels) > len(steps):
                raise _refused(name, f"expected at most {len(steps)} labels, one a step, not {len(labels)}")
            return steps[: len(labels)]
        if not isinstance(times, list) or len(times) != len(labels):
            raise _refused(TIMES, f"expected a list of as many times as {name} has labels")
        by_time = {step.valid_time: step for step in steps}
        places = [by_time.get(_time(each)) for each in times]
        known = [step for step in places if step is not None]
        if len(known) < len(places) or len(set(known)) < len(known):
            listed = ", ".join(format_time(time) for time in by_time)
            raise _refused(TIMES, f"expected times of the forecast's steps, each once: {listed}")
        return known


def _time(value: Any) -> datetime:
    try:
        return read_time(value)
    except ValueError as error:
        raise _refused(TIMES, str(error)) from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e100


def _refused(name: str, message: str) -> InvalidInput:
    field = f"metrics.{name}"
    return InvalidInput(f"the request does not fit: {field}", [FieldError(field, message)])
