"""Requests to train models anew, and challengers on trial, as Prometheus families."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ml_core.retraining.requests import RequestState, list_requests
from ml_core.retraining.trials import list_trials
from ml_core.store.base import Store

_STATES: tuple[RequestState, ...] = ("open", "claimed")


def retraining_families(store: Store) -> Iterator[Metric]:
    """Yield the requests that wait or are worked on, and of each trial how much it shows."""
    requests = GaugeMetricFamily(
        "ml_retrain_requests", "Requests to train a model anew that are not done.", labels=["state"]
    )
    states = [request.state for request in list_requests(store)]
    for state in _STATES:
        requests.add_metric([state], states.count(state))
    labels = ["model", "kind", "version"]
    evidence = GaugeMetricFamily(
        "ml_retraining_log_e", "Logarithm of the e-value for the version that predicts in the shadow.", labels=labels
    )
    pairs = GaugeMetricFamily("ml_retraining_pairs", "Pairs of outcomes in that e-value.", labels=labels)
    for trial in list_trials(store):
        key = [trial.model, trial.kind, str(trial.hidden)]
        evidence.add_metric(key, trial.log_e_better)
        pairs.add_metric(key, trial.pairs)
    yield from (requests, evidence, pairs)
