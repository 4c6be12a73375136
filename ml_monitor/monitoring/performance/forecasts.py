"""Metrics of forecasts: errors, what prediction intervals hold and how wide they are, and skill against the naive one.

Coverage is better the higher it is, since what fails people is an interval that misses; that one which never misses is
needlessly wide shows in the width and in the interval score. The standard errors take rows as independent. Errors of
forecasts issued shortly after each other are not: there the true scatter is larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from ml_monitor.monitoring.inputs import Column, Flags, Floats, as_numbers, one_dimension, refused
from ml_monitor.monitoring.performance import regression, sampling
from ml_monitor.monitoring.performance.metric_table import Table, measure_rows
from ml_monitor.monitoring.performance.regression import NumberRows
from ml_monitor.monitoring.results import Measured, Metric, Undefined

NAIVE = "naive"
LEVELS = (80, 95)


class ForecastRows(NumberRows):
    """Forecast values with their truth and, by name, further columns: bounds of intervals, the naive forecast."""

    def __init__(self, truths: Column, values: Column, others: pd.DataFrame | None = None) -> None:
        """Prepare the rows.

        ``others`` may have the columns ``lower_80``, ``upper_80``, ``lower_95``, ``upper_95`` and ``naive``. Raises
        ``InvalidInput`` for columns of unequal length.
        """
        super().__init__(truths, values)
        self._others: dict[str, Floats] = {}
        for name, values_there in () if others is None else others.items():
            column = as_numbers(one_dimension(str(name), values_there.to_numpy(), len(self.usable)))
            self._others[str(name)] = column[self.usable]

    def column(self, name: str) -> Floats | None:
        """Return a further column, None if it is not there or holds nothing."""
        found = self._others.get(name)
        return None if found is None or (len(found) and np.isnan(found).all()) else found


def coverage(level: int, rows: ForecastRows) -> Measured:
    """Return the share of truths that lie in the interval, its bounds included."""
    return _of_interval(level, rows, lambda truths, lower, upper: (lower <= truths) & (truths <= upper))


def width(level: int, rows: ForecastRows) -> Measured:
    """Return the mean width of the interval, in units of the series."""
    return _of_interval(level, rows, lambda truths, lower, upper: upper - lower)


def interval_score(level: int, rows: ForecastRows) -> Measured:
    """Return the mean of the width plus 2 / alpha times the distance of a truth outside (Gneiting, Raftery 2007).

    ``alpha`` is the share that may lie outside, 0.2 of an 80 % interval. Only honest bounds make it smallest.
    """
    penalty = 2 / (1 - level / 100)
    return _of_interval(
        level,
        rows,
        lambda truths, lower, upper: (
            (upper - lower) + penalty * (np.maximum(lower - truths, 0) + np.maximum(truths - upper, 0))
        ),
    )


def skill(rows: ForecastRows) -> Measured:
    """Return 1 - MAE / MAE of the naive forecast: 1 is perfect, 0 no better than naive, below 0 worse.

    Rows without a naive forecast are left out of both. Standard error by the delta method.
    """
    naive = rows.column(NAIVE)
    if naive is None:
        return Measured(Undefined("no naive forecast"), None, 0, rows.left_out + len(rows.truths))
    there = np.isfinite(naive)
    errors, naive_errors = rows.absolute[there], np.abs(naive - rows.truths)[there]
    left_out = rows.left_out + len(there) - len(errors)
    of_naive = float(naive_errors.mean()) if len(naive_errors) else 0.0
    if of_naive == 0:
        reason = Undefined("the naive forecast makes no error") if len(errors) else sampling.NOTHING_USABLE
        return Measured(reason, None, len(errors), left_out)
    ratio = float(errors.mean()) / of_naive
    influences = (ratio * naive_errors - errors) / of_naive
    return sampling.measured(1 - ratio, sampling.error_of_mean(influences), len(errors), left_out)


def measure_by_horizon(frame: pd.DataFrame, names: Iterable[str] | None = None) -> dict[int, dict[str, Measured]]:
    """Return the metrics of each horizon, ascending.

    ``frame`` has columns ``horizon`` (steps ahead, whole numbers), ``truth``, ``value`` and those of ``ForecastRows``.
    Raises ``InvalidInput`` if one of the first three is missing or a horizon is no whole number.
    """
    for name in ("horizon", "truth", "value"):
        if name not in frame.columns:
            raise refused(name, "a column of this name")
    if frame.empty:
        return {}
    horizons = frame["horizon"].to_numpy()
    if horizons.dtype.kind not in "iu":
        raise refused("horizon", f"whole numbers, not {horizons.dtype}")
    wanted = [metric.name for metric in METRICS] if names is None else list(names)
    others = [name for name in _OTHERS if name in frame.columns]
    order = np.argsort(horizons, kind="stable")
    distinct, firsts = np.unique(horizons[order], return_index=True)
    measured = {}
    for horizon, positions in zip(distinct, np.split(order, firsts[1:]), strict=True):
        part = frame.iloc[positions]
        rows = ForecastRows(part["truth"].to_numpy(), part["value"].to_numpy(), part[others])
        measured[int(horizon)] = measure_rows(METRICS, rows, wanted)
    return measured


def _of_interval(level: int, rows: ForecastRows, take: Callable[[Floats, Floats, Floats], Floats | Flags]) -> Measured:
    lower, upper = rows.column(f"lower_{level}"), rows.column(f"upper_{level}")
    if lower is None or upper is None:
        return Measured(Undefined(f"no {level} % interval"), None, 0, rows.left_out + len(rows.truths))
    # Bounds the wrong way round are no interval: it would hold nothing at a width below 0.
    there = np.isfinite(lower) & np.isfinite(upper) & (lower <= upper)
    left_out = rows.left_out + int(np.count_nonzero(~there))
    if not there.any():
        return Measured(sampling.NOTHING_USABLE, left_out=left_out)
    found = take(rows.truths[there], lower[there], upper[there])
    if found.dtype == np.bool_:
        return sampling.of_share(int(np.count_nonzero(found)), len(found), left_out)
    return sampling.of_mean(found.astype(np.float64, copy=False), left_out)


def _of_level(level: int) -> Mapping[Metric, Callable[[ForecastRows], Measured]]:
    return {
        Metric(f"coverage_{level}", f"Coverage of the {level} % interval", "higher_is_better", 0.0, 1.0): partial(
            coverage, level
        ),
        Metric(f"width_{level}", f"Mean width of the {level} % interval", "lower_is_better", 0.0): partial(
            width, level
        ),
        Metric(f"interval_score_{level}", f"Score of the {level} % interval", "lower_is_better", 0.0): partial(
            interval_score, level
        ),
    }


_OTHERS = (*(f"{side}_{level}" for level in LEVELS for side in ("lower", "upper")), NAIVE)
METRICS: Table[ForecastRows] = {
    Metric("mae", "Mean absolute error", "lower_is_better", 0.0): regression.mae,
    Metric("rmse", "Root mean squared error", "lower_is_better", 0.0): regression.rmse,
    Metric("bias", "Bias", "nearer_zero_is_better"): regression.bias,
    Metric("skill", "Skill against the naive forecast", "higher_is_better", None, 1.0): skill,
    **_of_level(80),
    **_of_level(95),
}
