"""A challenger on trial: a document a model, while there is one.

``shadow``: the challenger predicts beside the champion, and is promoted if it turns out better. ``watch``: the
challenger was promoted, its predecessor predicts beside it, and comes back if that one turns out better.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml_core.records import Document
from ml_core.retraining.plain import from_plain, to_plain
from ml_core.store.base import Store

TRIAL_KIND = "retraining_trials"
TrialKind = Literal["shadow", "watch"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Two versions that are compared as truth comes in: ``served`` answers clients, ``hidden`` predicts beside it.

    What was predicted from ``start_time`` on counts, and it ends undecided at ``until_time``. ``log_e_better`` and
    ``log_e_worse`` are the evidence at the last look, for and against the hidden version, see ``evidence``.
    """

    model: str
    kind: TrialKind
    served: int
    hidden: int
    begun_time: datetime
    start_time: datetime
    until_time: datetime
    looked_time: datetime | None = None
    pairs: int = 0
    served_loss: float | None = None
    hidden_loss: float | None = None
    log_e_better: float = 0.0
    log_e_worse: float = 0.0
    revision: int = 0


def read_trial(store: Store, model: str) -> Trial | None:
    """Return the trial of a model that goes on, or None."""
    document = store.get_document(TRIAL_KIND, model)
    return None if document is None else _trial(document)


def list_trials(store: Store) -> list[Trial]:
    """Return the trials that go on, by model."""
    return [_trial(document) for document in store.list_documents(TRIAL_KIND)]


def put_trial(store: Store, trial: Trial) -> Trial | None:
    """Keep a trial in its new state; None if another process has changed or ended it meanwhile."""
    stored = store.put_document(TRIAL_KIND, trial.model, to_plain(trial), expected_revision=trial.revision or None)
    return None if stored is None else _trial(stored)


def end_trial(store: Store, trial: Trial) -> bool:
    """Forget a trial that has ended; False if another process has changed or ended it meanwhile."""
    return store.delete_document(TRIAL_KIND, trial.model, expected_revision=trial.revision)


def _trial(document: Document) -> Trial:
    return Trial(**from_plain(document.content), revision=document.revision)
