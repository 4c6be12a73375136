"""What all forecasters are: fitted on a history up to a cut-off, then asked at an issue time for the next steps.

``forecast(history)`` speaks of the steps after the last value of ``history``: a forecaster is handed what was known, so
it cannot look ahead. ``forecast_at(history, origins)`` does the same for many issue times at once and must answer as if
each had been asked alone; the contract suite cuts and shuffles what lies behind the origins and compares.

The public verbs check; the private ones hold the method. Before a method sees a history, each gap (NaN) holds the
last value before it.

>>> from datetime import UTC, datetime, timedelta
>>> import numpy as np
>>> from ml_core.forecasters.naive import Naive
>>> history = Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=5), np.array([1.0, 3.0, 2.0]))
>>> forecaster = Naive(horizon=2)
>>> forecaster.fit(history)
>>> path = forecaster.forecast(history)
>>> path.point.tolist(), path.issue_time.isoformat()
([2.0, 2.0], '2026-01-01T00:10:00+00:00')
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import ArtifactError, FieldError, InvalidInput
from ml_core.timeseries.series import DAY, LARGEST_VALUE, Floats, Series
from ml_core.timeseries.windows import filled_forward

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
MOST_STEPS = 2016  # a week of 5 minutes
MOST_HISTORY = 8064  # four weeks of 5 minutes: what lies farther back is neither learnt nor looked at
Arrays = Mapping[str, NDArray[Any]]


class CannotForecast(InvalidInput):
    """This history is not one that this forecaster can do something with; the message says what it needs."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A forecast: the value at ``issue_time + step``, ``+ 2 step``, ..., in the unit of the series.

    ``point`` has the shape ``(horizon,)``; ``quantiles``, where the method has its own, ``(horizon, 5)`` for the levels
    ``QUANTILES``.
    """

    issue_time: datetime
    step: timedelta
    point: Floats
    quantiles: Floats | None = None

    def valid_times(self) -> list[datetime]:
        """Return the time of which each step speaks."""
        return [self.issue_time + (index + 1) * self.step for index in range(len(self.point))]


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """The forecasts at many origins (indices of issue times): ``(origins, horizon)`` and ``(origins, horizon, 5)``."""

    point: Floats
    quantiles: Floats | None = None


class Forecaster(ABC):
    """A method, fitted or not. ``fit`` again starts from what is there where the method can use it.

    ``needs`` is the fewest values that the method takes, see ``fewest_values``; ``longest_step`` the coarsest grid that
    it can make something of.
    """

    name: ClassVar[str]
    needs: ClassVar[int] = 1
    longest_step: ClassVar[timedelta] = DAY
    is_neural: ClassVar[bool] = False

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        """``budget_seconds`` is about how long one fit may take; a method that iterates stops there with what it has.

        Raises ``ValueError`` for a horizon outside 1..2016.
        """
        if not 1 <= horizon <= MOST_STEPS:
            raise ValueError(f"horizon: expected 1 to {MOST_STEPS} steps, not {horizon}")
        self.horizon = horizon
        self.seed = seed
        self.budget_seconds = budget_seconds
        self.is_fitted = False

    def fewest_values(self, step: timedelta) -> int:
        """Return how many values a history with this step must have to be fitted on."""
        return self.needs

    def fit(self, history: Series) -> None:
        """Learn from a history, whose last value is the cut-off. Raises ``CannotForecast`` if it is too short."""
        history = history.latest(MOST_HISTORY)
        values = self._checked(history)
        known = int(np.isfinite(history.values).sum())
        if known < self.fewest_values(history.step):
            raise CannotForecast(
                f"{self.name} needs at least {self.fewest_values(history.step)} values to forecast "
                f"{self.horizon} steps of {history.step}, and the history has {known}",
                [FieldError("history", "too short")],
            )
        self._fit(values, history)
        self.is_fitted = True

    def forecast(self, history: Series) -> Path:
        """Return the forecast of the steps after the last value of ``history``; see ``forecast_at``."""
        paths = self.forecast_at(history, [len(history) - 1])
        quantiles = None if paths.quantiles is None else paths.quantiles[0]
        return Path(history.end_time, history.step, paths.point[0], quantiles)

    def forecast_at(self, history: Series, origins: Sequence[int] | NDArray[np.int64]) -> Paths:
        """Return the forecasts issued when each of ``origins``, indices of ``history``, was the newest value.

        Raises ``CannotForecast`` if nothing was known yet at an origin, or the forecast is not finite, and
        ``ValueError`` before ``fit`` or for origins outside the history.
        """
        if not self.is_fitted:
            raise ValueError(f"{self.name} must be fitted before it forecasts")
        index = np.asarray(origins, dtype=np.int64)
        if not len(index):
            return Paths(np.empty((0, self.horizon)))
        if index.min() < 0 or index.max() >= len(history):
            raise ValueError(f"origins: expected indices from 0 to {len(history) - 1}")
        skipped = max(int(index.min()) + 1 - MOST_HISTORY, 0)
        history, index = history.latest(len(history) - skipped), index - skipped
        values = self._checked(history)
        if not np.isfinite(history.values[: int(index.min()) + 1]).any():
            raise CannotForecast(f"{self.name}: no value is known at the first issue time")
        paths = self._forecast(values, index, history)
        for array in (paths.point, paths.quantiles):
            if array is not None and not np.isfinite(array).all():
                raise CannotForecast(f"{self.name} came to no finite forecast on this history")
        return paths

    def save(self, path: FilePath) -> None:
        """Write what was learnt to ``path`` as plain arrays (NumPy's ``.npz``), which hold no code."""
        if not self.is_fitted:
            raise ValueError(f"{self.name} must be fitted before it is saved")
        with path.open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                __name__=np.array(self.name),
                __horizon__=np.array(self.horizon),
                **self._arrays(),
            )

    def load(self, path: FilePath) -> None:
        """Read what ``save`` wrote. Raises ``ArtifactError`` if it is damaged, or of another method or horizon."""
        try:
            with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            name, horizon = str(arrays.pop("__name__")), int(arrays.pop("__horizon__"))
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ArtifactError(f"{path.name}: cannot be read as a forecaster: {error}") from error
        if (name, horizon) != (self.name, self.horizon):
            raise ArtifactError(
                f"{path.name}: holds {name} for {horizon} steps, expected {self.name} for {self.horizon}: train anew"
            )
        try:
            self._restore(arrays)
        except (ValueError, KeyError) as error:
            raise ArtifactError(f"{path.name}: lacks a part of {self.name}: train anew") from error
        self.is_fitted = True

    @abstractmethod
    def _fit(self, values: Floats, history: Series) -> None:
        """Learn from ``values``: those of ``history`` with gaps carried forward."""

    @abstractmethod
    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        """Return the forecasts; that at ``origins[i]`` must depend on ``values[: origins[i] + 1]`` alone."""

    def _arrays(self) -> Arrays:
        """Return what was learnt as arrays of numbers or text."""
        return {}

    def _restore(self, arrays: Arrays) -> None:  # noqa: B027 - a method that keeps nothing has nothing to take
        """Take what ``_arrays`` returned."""

    def _checked(self, history: Series) -> Floats:
        if not len(history) or not np.isfinite(history.values).any():
            raise CannotForecast(f"{self.name}: the history has no values", [FieldError("history", "has no values")])
        if np.nanmax(np.abs(history.values)) > LARGEST_VALUE:
            raise CannotForecast(f"{self.name}: expected values of at most {LARGEST_VALUE:g} in size")
        return filled_forward(history.values)
