"""Trains the models of instances anew: ``python -m cloudwatch_engine retrain``.

Scheduled training serves whatever its trial prefers; here the best of a trial on the past must beat the champion at
issue times that neither was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from cloudwatch_engine.engine_parts import Engine, opened_engine
from cloudwatch_engine.names import CPU, model_name, series_name
from cloudwatch_engine.training import challenge
from cloudwatch_engine.trial import make_series
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.errors import NotFound
from ml_core.records import ModelVersion
from ml_core.retraining.command import retrain_command
from ml_core.retraining.forecast import ForecastModel
from ml_core.retraining.owner import Owner
from ml_core.timeseries.series import Floats, Series

JOB = "cloudwatch-retrain"


class InstanceCpu(ForecastModel):
    """The model of one instance's CPU, of which all forecasters are tried, or those named."""

    def __init__(self, engine: Engine, instance: str, names: Sequence[str] | None = None) -> None:
        series, horizon = series_name(instance, CPU), engine.section.horizon_steps
        super().__init__(engine.registry, model_name(instance), series, engine.period, horizon)
        self.engine = engine
        self.instance = instance
        self.names = names

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Try all models on the points up to ``until``, and fit the best."""
        return challenge(self.engine, self.instance, self.history(until, as_of), self.names)

    def history(self, until: datetime, known_at: datetime) -> Series:
        """Return the points up to ``until``, as far back as the setting ``history_days``."""
        start = until - timedelta(days=self.engine.section.history_days)
        end = until + timedelta(microseconds=1)
        frame = self.registry.store.observations(self.series, start, end, known_at=known_at)
        if frame.empty:
            raise NotFound(f"no metrics of {self.instance} are known")
        points = {time.to_pydatetime(): value for time, value in zip(frame["time"], frame["value"], strict=True)}
        return make_series(points, self.engine.period)[0]

    def ask(self, tried: TriedForecasters, history: Series, origins: Sequence[int]) -> Floats:
        """Return what is served at ``origins``: by the model that is preferred as of each."""
        return tried.served_at(history, origins)


def owner(engine: Engine) -> Owner:
    """Return the instances that have a model."""
    known = {model.name for model in engine.store.list_models()}
    instances = [instance for instance in engine.instances() if model_name(instance) in known]
    return Owner(JOB, engine, [InstanceCpu(engine, instance) for instance in instances])


@contextmanager
def _opened() -> Iterator[Owner]:
    with opened_engine() as engine:
        yield owner(engine)


retrain = retrain_command(_opened)
