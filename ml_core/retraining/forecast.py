"""A model that forecasts a series: its owner says how to train it, and which values were known when.

Versions are compared at issue times that lie a horizon apart, so that no value is forecast twice and each pair is news.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.clock import format_time
from ml_core.errors import ArtifactError
from ml_core.records import Forecast, ForecastStep, ModelVersion
from ml_core.registry import Registry
from ml_core.retraining.owner import LOSS_COLUMNS
from ml_core.store.companions import shadow_name
from ml_core.timeseries.series import Floats, Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ForecastModel(ABC):
    """See ``owner.Retrainable``. The series is regular, with ``step`` between two values; ``horizon`` counts steps."""

    def __init__(self, registry: Registry, model: str, series: str, step: timedelta, horizon: int) -> None:
        self.registry = registry
        self._model = model
        self.series = series
        self.step = step
        self.horizon = horizon

    @property
    def model(self) -> str:
        """Its name in the registry."""
        return self._model

    @abstractmethod
    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Train a challenger on the values up to ``until``, as known at ``as_of``, and register it."""

    @abstractmethod
    def history(self, until: datetime, known_at: datetime) -> Series:
        """Return the values up to the time ``until`` as they were known at ``known_at``; raise ``NotFound``."""

    def ask(self, tried: TriedForecasters, history: Series, origins: Sequence[int]) -> Floats:
        """Return what is said at each of ``origins``, indices of ``history``: ``(origins, horizon)``.

        The forecast at an origin may go by the values up to it alone. Here it is that of the only forecaster.
        """
        (member,) = tried.members.values()
        point: Floats = member.forecast_at(history, np.array(origins, dtype=np.int64)).point
        return point

    def labelled_times(self, start: datetime, end: datetime, known_at: datetime) -> Sequence[datetime]:
        """Return the issue times, a horizon apart, of which every value that came was known at ``known_at``."""
        values = self._values(start, end, known_at)
        return [time for time in self._issue_times(start, end) if len(self._truths(values, time)) == self.horizon]

    def losses(self, version: ModelVersion, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return the mean absolute error of a version's forecast at each of ``labelled_times``, by issue time.

        What it has served or said in the shadow is taken as it was said; for the rest it is asked now.
        """
        times = self.labelled_times(start, end, known_at)
        values = self._values(start, end, known_at)
        said = self._said(version, times)
        said |= self._ask(version, [time for time in times if time not in said], known_at)
        found = {}
        for time in times:
            truths = self._truths(values, time)
            if time in said:
                error = float(np.mean(np.abs(truths["value"].to_numpy(dtype=np.float64) - said[time])))
                found[format_time(time)] = (truths["received_time"].max(), error)
        return pd.DataFrame.from_dict(found, orient="index", columns=list(LOSS_COLUMNS))

    def predict_beside(self, version: ModelVersion, start: datetime, end: datetime) -> int:
        """Let a version forecast at the issue times that have come; return how many of its forecasts are new."""
        known_at = self.registry.clock.now()
        times = self._issue_times(start, min(end, known_at))
        missing = [time for time in times if time not in self._said(version, times)]
        asked = self._ask(version, missing, known_at)
        for time, values in asked.items():
            steps = tuple(
                ForecastStep(time + number * self.step, float(value)) for number, value in enumerate(values, start=1)
            )
            name = shadow_name(self.model, version.number)
            self.registry.store.put_forecast(Forecast(self.series, name, time, steps, version.number))
        return len(asked)

    def _issue_times(self, start: datetime, end: datetime) -> list[datetime]:
        apart = self.horizon * self.step
        first = _EPOCH - (_EPOCH - start) // apart * apart
        return [first + number * apart for number in range(max(-((first - end) // apart), 0))]

    def _values(self, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return the values of which forecasts issued in ``start <= time < end`` speak, indexed by their time."""
        until = end + (self.horizon + 1) * self.step
        return self.registry.store.observations(self.series, start, until, known_at=known_at).set_index("time")

    def _truths(self, values: pd.DataFrame, issue_time: datetime) -> pd.DataFrame:
        return values[values.index.isin([issue_time + step * self.step for step in range(1, self.horizon + 1)])]

    def _said(self, version: ModelVersion, times: Sequence[datetime]) -> dict[datetime, Floats]:
        """Return the whole forecasts that a version has made at some issue times, served or in the shadow."""
        found: dict[datetime, Floats] = {}
        if not times:
            return found
        end = times[-1] + (self.horizon + 1) * self.step
        for name in (shadow_name(self.model, version.number), self.model):
            steps = self.registry.store.forecasts(self.series, times[0], end, model=name)
            own = steps[steps["version"].eq(version.number).fillna(False).astype(bool)]
            for time, rows in own[own["issue_time"].isin(times)].groupby("issue_time"):
                values = rows.sort_values("valid_time")["value"].to_numpy(dtype=np.float64)
                if len(values) == self.horizon:
                    found[pd.Timestamp(time).to_pydatetime()] = values  # type: ignore[arg-type]
        return found

    def _ask(self, version: ModelVersion, times: Sequence[datetime], known_at: datetime) -> dict[datetime, Floats]:
        """Return what a version says at issue times; those without a value in the history are left out."""
        if not times:
            return {}
        history = self.history(times[-1], known_at)
        origins = {
            time: history.index_at(time)
            for time in times
            if history.start_time <= time <= history.end_time and np.isfinite(history.values[history.index_at(time)])
        }
        if not origins:
            return {}
        tried = load_artifact(self.registry.artifact_folder(version), version.artifact_sha256 or "")
        if not isinstance(tried, TriedForecasters):
            raise ArtifactError(f"version {version.number} of {self.model} holds no forecaster: train anew")
        points = self.ask(tried, history, list(origins.values()))
        if points.shape[1] < self.horizon:
            raise ArtifactError(
                f"version {version.number} of {self.model} looks {points.shape[1]} steps ahead: train anew"
            )
        return dict(zip(origins, points[:, : self.horizon], strict=True))
