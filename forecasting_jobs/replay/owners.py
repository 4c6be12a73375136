"""Which command trains a model anew: the owners of the suite, by the names that they give their models."""

from __future__ import annotations

from collections.abc import Sequence

from ml_core.retraining.requests import read_request
from ml_core.retraining.trials import read_trial
from ml_core.store.base import Store

_EXACT = {
    "housing_price": ("ml_models", "retrain"),
    "payment_fraud": ("ml_models", "retrain"),
    "anomaly_detector": ("anomaly_api", "retrain"),
}
_PREFIXES = {
    "link_traffic_": ("forecasting_jobs", "link-traffic", "retrain"),
    "response-time-": ("forecasting_jobs", "response-time", "retrain"),
    "cpu-": ("cloudwatch_engine", "retrain"),
}


def owner_command(model: str) -> Sequence[str] | None:
    """Return the command of a model's owner; None if nobody in the suite trains it."""
    if model in _EXACT:
        return _EXACT[model]
    return next((command for prefix, command in _PREFIXES.items() if model.startswith(prefix)), None)


def has_work(store: Store, model: str) -> bool:
    """Return whether there is something for a model's owner to do: a request that is not done, or a trial."""
    request = read_request(store, model)
    return (request is not None and request.state != "done") or read_trial(store, model) is not None
