"""ARIMA: maximum likelihood by statsmodels, the order by a stepwise search of the least AICc.

The series is differenced once where that makes its variance smaller. Orders p and q up to 3 are compared by the AICc of
the regression of Hannan and Rissanen (1982), on lags and on the residuals of a long autoregression, which takes
milliseconds; the best is then fitted by maximum likelihood. Forecasts at later origins take new values with the fitted
parameters: innovations by the ARMA recursion, started at 0.
"""

from __future__ import annotations

import itertools
import time
import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, Forecaster, Paths
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import Scaler

TRAINING_VALUES = 600
MOST_LAGS = 3


class Arima(Forecaster):
    """ARIMA(p, d, q) with a mean where d is 0; without a season. ``order`` tells what was found."""

    name: ClassVar[str] = "arima"
    needs: ClassVar[int] = 30

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self.order = (0, 0, 0)
        self._scaler = Scaler(0.0, 1.0)
        self._constant = 0.0
        self._phi, self._theta = np.zeros(0), np.zeros(0)

    def _fit(self, values: Floats, history: Series) -> None:
        known = values[-TRAINING_VALUES:]
        self._scaler = Scaler.fitted(known)
        scaled = self._scaler.scale(known)
        differences = int(float(np.diff(scaled).var()) < float(scaled.var()))
        worked = np.diff(scaled, differences) if differences else scaled
        if float(worked.std()) < 1e-9:  # a constant, or a straight line: the likelihood has no maximum
            self.order, self._constant = (0, differences, 0), float(worked.mean())
            self._phi, self._theta = np.zeros(0), np.zeros(0)
            return
        p, q = _least_aicc(worked)
        self.order = (p, differences, q)
        fitted = _likelihood_fit(worked, p, q, with_mean=differences == 0, seconds=self.budget_seconds)
        parameters = dict(zip(fitted.param_names, fitted.params, strict=True))
        self._phi = np.array([parameters[f"ar.L{lag}"] for lag in range(1, p + 1)])
        self._theta = np.array([parameters[f"ma.L{lag}"] for lag in range(1, q + 1)])
        self._constant = float(parameters.get("intercept", 0.0))

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        scaled = self._scaler.scale(values)
        differences = self.order[1]
        worked = np.diff(scaled, prepend=scaled[:1]) if differences else scaled
        innovations = self._innovations(worked)
        p, q = len(self._phi), len(self._theta)
        past = np.stack([worked[np.maximum(origins - lag, 0)] for lag in range(p)] or [np.zeros(len(origins))])
        shocks = np.stack([innovations[np.maximum(origins - lag, 0)] for lag in range(q)] or [np.zeros(len(origins))])
        made = np.empty((len(origins), self.horizon))
        for step in range(self.horizon):
            value = np.full(len(origins), self._constant)
            if p:
                value = value + self._phi @ past
                past = np.concatenate([value[None], past[:-1]])
            if q:
                value = value + self._theta @ shocks
                if p:
                    past[0] = value
                shocks = np.concatenate([np.zeros((1, len(origins))), shocks[:-1]])
            made[:, step] = value
        if differences:
            made = scaled[origins][:, None] + np.cumsum(made, axis=1)
        return Paths(self._scaler.unscale(made))

    def _innovations(self, worked: Floats) -> Floats:
        innovations = np.zeros(len(worked))
        if not len(self._theta):
            return innovations
        p, q = len(self._phi), len(self._theta)
        for index in range(max(p, q), len(worked)):
            expected = self._constant
            expected += float(self._phi @ worked[index - p : index][::-1]) if p else 0.0
            expected += float(self._theta @ innovations[index - q : index][::-1])
            innovations[index] = worked[index] - expected
        return innovations

    def _arrays(self) -> Arrays:
        return {
            "order": np.array(self.order),
            "scaler": np.array([self._scaler.centre, self._scaler.spread]),
            "constant": np.array(self._constant),
            "phi": self._phi,
            "theta": self._theta,
        }

    def _restore(self, arrays: Arrays) -> None:
        p, d, q = (int(part) for part in arrays["order"])
        self.order = (p, d, q)
        self._scaler = Scaler(*(float(part) for part in arrays["scaler"]))
        self._constant = float(arrays["constant"])
        self._phi, self._theta = arrays["phi"], arrays["theta"]


def _least_aicc(worked: Floats) -> tuple[int, int]:
    """Return the orders (p, q) of the least AICc of the two-step regression."""
    long = min(20, len(worked) // 4)
    rows = np.arange(long, len(worked))
    lags = np.stack([worked[rows - lag] for lag in range(1, long + 1)], axis=1)
    ones = np.ones((len(rows), 1))
    residuals = np.zeros(len(worked))
    residuals[rows] = _left_over(np.concatenate([ones, lags], axis=1), worked[rows])
    rows = np.arange(long + MOST_LAGS, len(worked))
    scores = {}
    for p, q in itertools.product(range(MOST_LAGS + 1), repeat=2):
        columns = [worked[rows - lag] for lag in range(1, p + 1)] + [residuals[rows - lag] for lag in range(1, q + 1)]
        left = _left_over(np.stack([np.ones(len(rows)), *columns], axis=1), worked[rows])
        parameters, count = p + q + 2, len(rows)
        variance = max(float((left**2).mean()), 1e-300)
        scores[p, q] = count * np.log(variance) + 2 * parameters * count / max(count - parameters - 1, 1)
    return min(scores, key=lambda order: scores[order])


def _left_over(features: Floats, targets: Floats) -> Floats:
    solution, *_ = np.linalg.lstsq(features, targets, rcond=None)
    left: Floats = targets - features @ solution
    return left


def _likelihood_fit(worked: Floats, p: int, q: int, *, with_mean: bool, seconds: float) -> Any:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    until = time.monotonic() + seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starting values and of convergence, which also a budget cuts short
        model = SARIMAX(worked, order=(p, 0, q), trend="c" if with_mean else "n")
        fitted = model.fit(disp=False, maxiter=10)
        for _ in range(4):
            if fitted.mle_retvals.get("converged", True) or time.monotonic() > until:
                break
            fitted = model.fit(fitted.params, disp=False, maxiter=10)
    return fitted
