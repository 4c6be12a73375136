"""Trains the six models anew: ``python -m forecasting_jobs response-time retrain``.

``train`` serves the six if they beat the naive forecasts in a race; here they must beat the champion, at issue times
that neither was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import Parts, opened_parts
from forecasting_jobs.response_time.train_model import HORIZON, challenge
from ml_core.records import ModelVersion
from ml_core.retraining.command import retrain_command
from ml_core.retraining.forecast import ForecastModel
from ml_core.retraining.owner import Owner
from ml_core.timeseries.series import Series

JOB = "response-time-retrain"


class ResponseTime(ForecastModel):
    """The model of the main server's response time; ``trials`` settings of the trees are tried."""

    def __init__(self, parts: Parts, trials: int = 4) -> None:
        super().__init__(parts.registry, parts.model, parts.series, timedelta(hours=1), HORIZON)
        self.parts = parts
        self.trials = trials

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Tune and train the six on the hours up to ``until``."""
        return challenge(self.parts, self.history(until, as_of), trials=self.trials)

    def history(self, until: datetime, known_at: datetime) -> Series:
        """Return the hours up to ``until`` that were over at ``known_at``."""
        return self.parts.history(min(until + HOUR, self.parts.finished(known_at)), known_at)


def owner(parts: Parts) -> Owner:
    """Return the model, if it is registered."""
    return Owner(JOB, parts, [ResponseTime(parts)] if parts.store.get_model(parts.model) else [])


@contextmanager
def _opened() -> Iterator[Owner]:
    with opened_parts() as parts:
        yield owner(parts)


retrain = retrain_command(_opened)
