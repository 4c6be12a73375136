"""What is done with the metrics that scripts track: kept, joined, and taken for the truth of forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ml_core.clock import Clock
from ml_core.errors import BodyTooLarge, FieldError, InvalidInput, NotFound
from ml_core.masking import Masking
from ml_core.settings import LimitSettings
from ml_core.store.base import Store
from ml_core.tracking.aggregates import TrackedAggregate, TrackedAggregates
from ml_core.tracking.names import time_of
from ml_core.tracking.predictions import NewLine, TrackedPrediction, TrackedPredictions
from ml_core.traffic.served import ServedForecasts
from ml_core.traffic.truths import LABELS, TrafficTruths
from ml_models.cml.deployments import Deployments


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was tracked of a model in a range of time."""

    predictions: list[TrackedPrediction]
    aggregates: list[TrackedAggregate]


class Tracking:
    """The metric calls, for any deployment of ours."""

    def __init__(
        self, store: Store, clock: Clock, deployments: Deployments, limits: LimitSettings, masking: Masking
    ) -> None:
        self.deployments = deployments
        self.limits = limits
        self.predictions = TrackedPredictions(store, clock, masking)
        self.aggregates = TrackedAggregates(store, clock)
        self.served = ServedForecasts(store, clock)
        self.truths = TrafficTruths(store, clock)

    def track(self, deployment: str | None, line: NewLine) -> None:
        """Keep metrics of a prediction; raise ``NotFound`` and ``BodyTooLarge``."""
        self._check_size(line.metrics)
        self.predictions.add(self.deployments.find(deployment).name, line)

    def track_delayed(self, deployment: str | None, prediction_id: str, metrics: Mapping[str, Any]) -> int:
        """Keep what became known later of a prediction; return how many true values of forecast steps were among it.

        Raises ``NotFound`` for a deployment or a prediction that nobody knows, ``InvalidInput`` for labels that do not
        fit the forecast, and ``BodyTooLarge``, with nothing stored.
        """
        self._check_size(metrics)
        for model in self.deployments.candidates(deployment):
            steps = self.served.steps_of(model.name, prediction_id) if LABELS.keys() & metrics.keys() else []
            truths = self.truths.read(steps, metrics) if steps else {}
            if self.predictions.add_delayed(model.name, prediction_id, metrics):
                self.truths.record(model.name, truths)
                return len(truths)
        message = "no such prediction: expected the id of one that was tracked, or answered by this app"
        raise NotFound(f"predictionUuid: {message}", [FieldError("predictionUuid", message)])

    def track_aggregate(self, deployment: str | None, start_ms: int, end_ms: int, metrics: Mapping[str, Any]) -> int:
        """Set metrics over a window; return how many changed. Raises ``NotFound`` and ``BodyTooLarge``."""
        self._check_size(metrics)
        return self.aggregates.update(self.deployments.find(deployment).name, start_ms, end_ms, metrics)

    def read(self, deployment: str | None, start_ms: int, end_ms: int, known_at_ms: int | None = None) -> Tracked:
        """Return what was tracked and starts in a range of time, its end included, as known at a time.

        Raises ``NotFound``, and ``InvalidInput`` for more than the setting ``limits.batch_rows``.
        """
        model = self.deployments.find(deployment).name
        start, end = time_of(start_ms), time_of(end_ms + 1)
        known_at = None if known_at_ms is None else time_of(known_at_ms)
        found = Tracked(
            self.predictions.read(model, start, end, known_at=known_at),
            self.aggregates.read(model, start, end, known_at=known_at),
        )
        count = len(found.predictions) + len(found.aggregates)
        if count > self.limits.batch_rows:
            message = f"expected a range with at most {self.limits.batch_rows} records; this one has {count}"
            raise InvalidInput(f"endTimestampMs: {message}", [FieldError("endTimestampMs", message)])
        return found

    def _check_size(self, metrics: Mapping[str, Any]) -> None:
        size = len(orjson.dumps(metrics))
        if size > self.limits.features_bytes:
            message = f"{size} bytes; at most {self.limits.features_bytes} are taken"
            raise BodyTooLarge(f"metrics: {message}", [FieldError("metrics", message)])
