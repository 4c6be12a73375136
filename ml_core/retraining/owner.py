"""What an owner of models says of each so that it can be trained anew; ``retrain`` and ``advance`` do the rest.

An owner writes one class a kind of model. ``predicted.PredictedModel`` has all but ``train`` for models whose
predictions are in the store with their features, ``forecast.ForecastModel`` for those that forecast a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from ml_core.process_parts import ProcessParts
from ml_core.records import ModelVersion

LOSS_COLUMNS = ("known_time", "loss")


class Retrainable(Protocol):
    """One model that can be trained anew. Nothing that became known after ``as_of`` or ``known_at`` may be used."""

    @property
    def model(self) -> str:
        """Its name in the registry."""
        ...

    def labelled_times(self, start: datetime, end: datetime, known_at: datetime) -> Sequence[datetime]:
        """Return the times of all of ``start <= time < end`` on which versions can be compared, oldest first.

        Of predictions those whose truth was known at ``known_at``, of forecasts the issue times.
        """
        ...

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Train a challenger on what lies before ``until`` and was known at ``as_of``, and register it.

        What lies between ``until`` and ``as_of`` is held out: it may serve as reference sample, not to learn from. The
        lineage says ``trained_until_time``. It is not promoted. Raises ``InvalidInput`` if there is too little data.
        """
        ...

    def losses(self, version: ModelVersion, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return what a version lost on each of ``labelled_times``: columns ``LOSS_COLUMNS``, indexed by an id.

        Losses are finite, not negative, and below is better; those of two versions are paired by id. ``known_time`` is
        when the truth became known.
        """
        ...

    def predict_beside(self, version: ModelVersion, start: datetime, end: datetime) -> int:
        """Let a version that is not served predict what was served in ``start <= time < end``; return how many.

        What it says is kept apart from what is served. What it has said before is left alone.
        """
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Who trains some models anew: the name of its job, the parts of its process, and its models."""

    job: str
    parts: ProcessParts
    subjects: Sequence[Retrainable]
