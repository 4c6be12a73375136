"""What the linear forecasters share: a regression for each of some steps ahead, on features of the newest values.

Targets and features are taken relative to a base level and in units of a spread of the training data, and are clipped,
so that one incident does not bend the fit. Of long horizons only some steps are fitted, and the others take the
coefficients of the nearest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, Forecaster, Paths
from ml_core.timeseries.features import trailing_median
from ml_core.timeseries.series import Floats, Series

TRAINING_VALUES = 2880
_FARTHEST_FEATURE, _FARTHEST_TARGET = 8.0, 10.0  # in spreads


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is computed once for all steps: the values, where forecasts are wanted, and features of each time."""

    history: Series
    values: Floats
    origins: NDArray[np.int64]
    shared: Floats


class StepwiseRegression(Forecaster):
    """A linear forecaster; subclasses say what the base, the features and the loss are."""

    needs: ClassVar[int] = 24
    absolute_loss: ClassVar[bool] = True
    penalty: ClassVar[float] = 10.0

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self._steps = self._regressed_steps()
        self._bases = np.zeros(len(self._steps), dtype=np.int64)
        self._spread = 1.0
        self._coefficients = np.zeros((0, 0))

    def fewest_values(self, step: timedelta) -> int:
        return self.needs + self.horizon

    def _fit(self, values: Floats, history: Series) -> None:
        last = len(values) - 1
        start = max(min(history.steps_per_day, last // 3), len(values) - TRAINING_VALUES)
        origins = np.arange(start, last, dtype=np.int64)
        known = Known(history, values, origins, self._shared(values, history))
        levels = self._levels(values, known)
        self._spread = _spread_of(values, origins)
        rows = []
        for place, step in enumerate(self._steps):
            here = origins[origins + step <= last]
            truths = values[here + step]
            errors = np.abs(truths[:, None] - levels[here]).mean(axis=0)
            self._bases[place] = int(errors.argmin())
            base = levels[here, self._bases[place]]
            features = self._scaled_features(Known(history, values, here, known.shared), int(step), base)
            targets = np.clip((truths - base) / self._spread, -_FARTHEST_TARGET, _FARTHEST_TARGET)
            sizes = np.sqrt((features**2).mean(axis=0)) + 1e-6
            rows.append(self._solved(features / sizes, targets) / sizes)
        self._coefficients = np.stack(rows)

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        known = Known(history, values, origins, self._shared(values, history))
        levels = self._levels(values, known)
        made = np.empty((len(origins), self.horizon))
        for ahead in range(1, self.horizon + 1):
            # Of the nearest step that was fitted; the features are the step's own, with its hour and time of day.
            place = int(np.abs(np.log(self._steps / ahead)).argmin())
            base = levels[origins, self._bases[place]]
            features = self._scaled_features(known, ahead, base)
            made[:, ahead - 1] = base + self._spread * (features @ self._coefficients[place])
        return Paths(made)

    def _scaled_features(self, known: Known, step: int, base: Floats) -> Floats:
        features = self._features(known, step, base)
        return np.clip(features / self._spread, -_FARTHEST_FEATURE, _FARTHEST_FEATURE)

    def _solved(self, features: Floats, targets: Floats) -> Floats:
        """Return ridge coefficients for squares, or by iterated weights for absolute errors."""
        ridge = np.eye(features.shape[1])
        weights = np.ones(len(targets))
        coefficients = np.zeros(features.shape[1])
        for _ in range(8 if self.absolute_loss else 1):
            weighted = (features * weights[:, None]).T
            penalty = self.penalty * np.sqrt(len(targets)) * float(np.median(weights))
            coefficients = np.linalg.solve(weighted @ features + penalty * ridge, weighted @ targets)
            # Weights of 1/|error| make squares of absolute errors (Schlossmacher 1973); near zero they are kept finite.
            weights = 1 / np.maximum(np.abs(targets - features @ coefficients), 0.1)
        return coefficients

    def _regressed_steps(self) -> NDArray[np.int64]:
        if self.horizon <= 12:
            return np.arange(1, self.horizon + 1)
        later = np.round(np.geomspace(12, self.horizon, 10)).astype(np.int64)
        return np.unique(np.concatenate([[1, 2, 3, 4, 6, 8, 10], later]))

    def _levels(self, values: Floats, known: Known) -> Floats:
        """Return ``(len(values), choices)``: levels that a forecast may start from; the best in training is taken."""
        return values[:, None]

    @abstractmethod
    def _shared(self, values: Floats, history: Series) -> Floats:
        """Return ``(len(values), columns)``: what each time knows, whatever the step."""

    @abstractmethod
    def _features(self, known: Known, step: int, base: Floats) -> Floats:
        """Return ``(origins, columns)`` relative to ``base``, in the unit of the series."""

    def _arrays(self) -> Arrays:
        return {"bases": self._bases, "spread": np.array(self._spread), "coefficients": self._coefficients}

    def _restore(self, arrays: Arrays) -> None:
        self._bases, self._coefficients = arrays["bases"], arrays["coefficients"]
        self._spread = float(arrays["spread"])


def _spread_of(values: Floats, origins: NDArray[np.int64]) -> float:
    """Return about the usual distance from the local median; never zero.

    Where a tenth of the values lie far off, as those of a job that runs each hour do, they count; single incidents do
    not.
    """
    training = values[origins[0] :] if len(origins) else values
    distances = np.abs(training - trailing_median(training, 12))
    usual, often = np.quantile(distances, [0.5, 0.9])
    spread = max(float(usual), float(often) / 4) + 0.05 * float(training.std())
    return spread if spread > 1e-12 * float(np.abs(training).max()) else 1.0
