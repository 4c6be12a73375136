"""What the page of a model shows of its training anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_core.records import Model
from ml_core.retraining.history import Event, list_events
from ml_core.retraining.requests import RetrainRequest, read_request
from ml_core.retraining.telling import e_value
from ml_core.retraining.trials import Trial, read_trial
from ml_core.store.base import Store

MOST_EVENTS = 30


@dataclass(frozen=True, slots=True)
class TrialShown:
    """A trial with its evidence: the e-values for and against the hidden version, and the bound that decides."""

    trial: Trial
    e_better: float
    e_worse: float
    bound: float


@dataclass(frozen=True, slots=True)
class RetrainingShown:
    """The newest request, the trial that goes on, and the newest events of ``events_total``, newest first.

    ``can_ask`` tells that no request waits or is worked on; ``earlier`` is the version to which one can go back.
    """

    request: RetrainRequest | None
    trial: TrialShown | None
    events: tuple[Event, ...]
    events_total: int
    can_ask: bool
    earlier: int | None


def read_retraining(store: Store, model: Model, alpha: float) -> RetrainingShown:
    """Return what is known of the training anew of a model."""
    request, trial = read_request(store, model.name), read_trial(store, model.name)
    events, champions = list_events(store, model.name), model.champions()
    return RetrainingShown(
        request,
        None if trial is None else _shown(trial, alpha),
        tuple(reversed(events[-MOST_EVENTS:])),
        len(events),
        model.champion is not None and (request is None or request.state == "done"),
        champions[-2] if len(champions) > 1 else None,
    )


def _shown(trial: Trial, alpha: float) -> TrialShown:
    return TrialShown(trial, e_value(trial.log_e_better), e_value(trial.log_e_worse), 1.0 / alpha)


def is_unheard(request: RetrainRequest | None, now: datetime) -> bool:
    """Return whether a request waits for longer than cron would let it."""
    return request is not None and request.state == "open" and (now - request.requested_time).total_seconds() > 7_200
