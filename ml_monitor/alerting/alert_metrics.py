"""Alerts, channels and the newest measured metrics as Prometheus families, read from the store at scrape time.

The number of series is bounded: only alerts that are pending or fire have one of their own, and a model has its
headline metric, realised and estimated, for all rows and a few segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ml_core.records import Model, Task
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.channels import list_channels
from ml_monitor.monitoring.alerts.states import ShownStatus
from ml_monitor.monitoring.horizons import BY_HORIZON
from ml_monitor.monitoring.performance.catalogue import SKLEARN_NAMES
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Group, list_chunkings, read_results

STATES: tuple[ShownStatus, ...] = get_args(ShownStatus)
_OPEN = ("pending", "firing", "acknowledged", "silenced")
_SEGMENTS = 20
_LOOKBACK = (timedelta(days=3), timedelta(days=35))
_USUAL: dict[Task, str] = {
    "regression": "mae",
    "binary": "f1",
    "multiclass": "accuracy",
    "forecast": "mae",
}
_GROUPS: tuple[Group, ...] = ("performance", "estimate")


def alert_families(store: Store, now: datetime) -> Iterator[Metric]:
    """Yield the state of each open alert, and how many alerts there are in each state."""
    labels = ["model", "cause", "subject", "segment", "rule", "severity", "state"]
    shown = GaugeMetricFamily("ml_alert_state", "1 for an alert that is pending or fires, in its state.", labels=labels)
    counts = GaugeMetricFamily("ml_alerts", "Alerts by state.", labels=["state"])
    counted: Counter[str] = Counter()
    for alert in list_alerts(store):
        key, state = alert.state.key, alert.state.shown_status(now)
        counted[state] += 1
        if state in _OPEN:
            shown.add_metric([key.model, key.cause, key.subject, key.segment, alert.rule, alert.severity, state], 1.0)
    for state in STATES:
        counts.add_metric([state], counted[state])
    yield from (shown, counts)


def channel_family(store: Store) -> Metric:
    """Return whether each channel took what was last sent by it; of one that was never tried nothing."""
    up = GaugeMetricFamily("ml_channel_up", "1 if the channel took the last notice, else 0.", labels=["channel"])
    for channel in list_channels(store):
        up.add_metric([channel.channel], 1.0 if channel.state == "ok" else 0.0)
    return up


def measured_family(store: Store, models: list[Model], now: datetime) -> Metric:
    """Return the newest value of each model's headline metric, as truth has it and as it is estimated without."""
    family = GaugeMetricFamily(
        "ml_model_metric",
        "Newest value of the model's headline metric: performance/... by ground truth, estimate/... without.",
        labels=["model", "metric", "segment"],
    )
    for model in models:
        name = _headline(model)
        chunkings = list_chunkings(store, model.name) if name else []
        if not chunkings:
            continue
        chunk = "day" if "day" in chunkings else chunkings[0]
        for group in _GROUPS:
            newest = _newest(store, model.name, group, str(name), chunk, now)
            for segment in sorted(newest)[:_SEGMENTS]:
                family.add_metric([model.name, f"{group}/{name}", segment], newest[segment])
    return family


def _headline(model: Model) -> str | None:
    name = model.headline_metric
    return SKLEARN_NAMES.get(name, name) if name else _USUAL.get(model.task)


def _newest(store: Store, model: str, group: Group, name: str, chunk: str, now: datetime) -> dict[str, float]:
    """Return the newest value that is defined, by segment."""
    # Truth may be weeks late, but mostly is not: far back is looked only where nothing is near.
    for lookback in _LOOKBACK:
        results = read_results(
            store, model, group, now - lookback, now, chunk=chunk, segment=None, names=frozenset({name})
        )
        values = {
            result.segment: result.value
            for result in sorted(results, key=lambda result: result.start_time)
            # The horizons of a single series would take the room of all others.
            if not isinstance(result.value, Undefined) and result.segment_by != BY_HORIZON
        }
        if values:
            return values
    return {}
