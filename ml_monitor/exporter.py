"""Facts of the store as Prometheus metrics, read when Prometheus asks: nothing here has a state of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ml_core.clock import Clock
from ml_core.errors import StoreUnavailable
from ml_core.registry import Registry

log = logging.getLogger(__name__)
_DAY = timedelta(days=1)


class StoreExporter(Collector):
    """Models, champions, their metrics, and how many predictions came."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self.clock = clock

    def describe(self) -> list[Metric]:
        """Return nothing: asking the store on registration would be too early."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now; of a store that is away only that it is."""
        up = GaugeMetricFamily("ml_store_up", "1 if the store can be read, else 0.")
        try:
            families = list(self._read())
        except StoreUnavailable as error:
            log.error("the store cannot be read for /metrics: %s", error.message)
            families = []
        up.add_metric([], 1.0 if families else 0.0)
        yield up
        yield from families

    def _read(self) -> Iterator[Metric]:
        version = GaugeMetricFamily("ml_model_champion_version", "Version that is served.", labels=["model"])
        score = GaugeMetricFamily(
            "ml_model_training_metric", "Metric of the champion on its held-out rows.", labels=["model", "metric"]
        )
        last = GaugeMetricFamily(
            "ml_model_last_prediction_timestamp_seconds", "Time of the newest prediction.", labels=["model"]
        )
        day = GaugeMetricFamily("ml_model_predictions_last_day", "Predictions of the last 24 hours.", labels=["model"])
        now, store = self.clock.now(), self.registry.store
        for model in store.list_models():
            champion = self.registry.champion(model)
            if champion is not None:
                version.add_metric([model.name], champion.number)
                for name, value in champion.metrics.items():
                    if isinstance(value, (int, float)):
                        score.add_metric([model.name, name], value)
            newest = store.last_prediction_time(model.name)
            if newest is not None:
                last.add_metric([model.name], newest.timestamp())
            # A little past now: a prediction that is being stored while this runs belongs to the day.
            counts = store.count_predictions(model.name, now - _DAY, now + timedelta(minutes=1), _DAY)
            day.add_metric([model.name], sum(counts.values()))
        yield from (version, score, last, day)
