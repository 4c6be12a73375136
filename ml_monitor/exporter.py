"""Facts of the store as Prometheus metrics, read when Prometheus asks: nothing here has a state of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ml_core.clock import Clock
from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.jobs.known_jobs import KnownJob
from ml_core.jobs.wanted_jobs import wanted_jobs
from ml_core.records import SpoolStatus
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_monitor.alerting.alert_metrics import alert_families, channel_family, measured_family
from ml_monitor.job_metrics import job_families
from ml_monitor.retraining_metrics import retraining_families

log = logging.getLogger(__name__)
_DAY = timedelta(days=1)


class StoreExporter(Collector):
    """Models, champions, their metrics and alerts, how many predictions came, and how the cron jobs go."""

    def __init__(self, registry: Registry, clock: Clock, settings: Settings | None = None) -> None:
        self.registry = registry
        self.clock = clock
        self.settings = settings

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
        yield from self._spool()

    def _spool(self) -> Iterator[Metric]:
        """Yield what waits on this machine; of a spool that cannot be read nothing."""
        records = GaugeMetricFamily("ml_spool_records", "Records that wait on this machine for the database.")
        size = GaugeMetricFamily("ml_spool_bytes", "Bytes of the records that wait.")
        oldest = GaugeMetricFamily(
            "ml_spool_oldest_timestamp_seconds", "When the oldest record that waits was accepted."
        )
        poisoned = GaugeMetricFamily(
            "ml_poisoned_records", "Records set apart because the database does not take them."
        )
        try:
            status = self.registry.store.spool_status() or SpoolStatus()
        except StoreUnavailable as error:
            log.error("the spool cannot be read for /metrics: %s", error.message)
        else:
            records.add_metric([], status.records)
            size.add_metric([], status.bytes)
            poisoned.add_metric([], status.poisoned)
            if status.oldest_time is not None:
                oldest.add_metric([], status.oldest_time.timestamp())
        yield from (records, size, oldest, poisoned)

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
        models, newest = store.list_models(), store.last_prediction_times()
        for model in models:
            champion = self.registry.champion(model)
            if champion is not None:
                version.add_metric([model.name], champion.number)
                for name, value in champion.metrics.items():
                    if isinstance(value, (int, float)):
                        score.add_metric([model.name, name], value)
            if model.name in newest:
                last.add_metric([model.name], newest[model.name].timestamp())
            # A little past now: a prediction that is being stored while this runs belongs to the day.
            counts = store.count_predictions(model.name, now - _DAY, now + timedelta(minutes=1), _DAY)
            day.add_metric([model.name], sum(counts.values()))
        yield from (version, score, last, day)
        yield measured_family(store, models, now)
        yield from alert_families(store, now)
        yield channel_family(store)
        yield from retraining_families(store)
        yield from job_families(store, now, self._known_jobs())

    def _known_jobs(self) -> Mapping[str, KnownJob]:
        """Return the wanted jobs; of a crontab that cannot be read none, for the rest is worth telling."""
        if self.settings is None:
            return {}
        try:
            return wanted_jobs(self.settings)
        except ConfigurationError as error:
            log.error("what the jobs should do is not known for /metrics: %s", error.message)
            return {}
