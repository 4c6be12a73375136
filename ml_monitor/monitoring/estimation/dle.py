"""Direct Loss Estimation (DLE) of a regression model: its error before any truth has come.

A second model learns from the reference how large the loss of the first is, given its inputs and its prediction; the
mean of what it predicts for a chunk is the estimated error (the method of NannyML's DLE). The second model is
scikit-learn's histogram gradient boosting with its defaults. Use it for models whose error depends on their inputs.
Limits: where the error does not, the estimate is that of the reference; inputs beyond the reference's range are taken
as its outermost ones; and it cannot see concept drift. The fitted model is not kept: refitting it gives the same again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ml_monitor.monitoring.estimation.estimates import LOSS_METRICS, Estimate, undefined_estimate
from ml_monitor.monitoring.estimation.expected import Floats, widen
from ml_monitor.monitoring.estimation.inputs import numbers, refused
from ml_monitor.monitoring.results import Measured

METRICS = LOSS_METRICS
FEWEST_REFERENCE_ROWS = 100
# Histogram boosting holds at most 255 categories of a column; what is rarer shares one that says "other".
_MOST_CATEGORIES = 200
_OTHER = _MOST_CATEGORIES
_FOLDS = 3
_SEED = 42


@dataclass(frozen=True, slots=True)
class Dle:
    """The estimator of one model version, fitted to its reference by ``fit_dle``."""

    columns: tuple[_Column, ...]
    absolute: _LossModel
    squared: _LossModel
    reference_rows: int

    def estimate(self, features: Mapping[str, ArrayLike], predictions: ArrayLike) -> Estimate:
        """Return the estimated errors of a chunk, in units (``mse``: squared units) of the target.

        ``features`` are columns as long as ``predictions``; others than those of the reference are not looked at. Rows
        without a prediction do not count; missing features do. Raises ``InvalidInput`` for unequal lengths and for a
        column that the reference has and the chunk has not.
        """
        values = numbers("predictions", predictions)
        inputs = _inputs(self.columns, features, values)[np.isfinite(values)]
        basis = f"DLE on {self.reference_rows:,} reference rows"
        if not len(inputs):
            return undefined_estimate(METRICS, "no rows", 0, basis)
        mae, squared = (model.measure(inputs, self.reference_rows) for model in (self.absolute, self.squared))
        assert isinstance(squared.value, float)
        assert squared.standard_error is not None
        root = math.sqrt(squared.value)
        rmse = Measured(root, squared.standard_error / (2 * root) if root else 0.0, len(inputs))
        return Estimate({"mae": mae, "mse": squared, "rmse": rmse}, basis)


def fit_dle(features: Mapping[str, ArrayLike], predictions: ArrayLike, truths: ArrayLike) -> Dle:
    """Return the estimator fitted to a reference: columns of features, predictions and truths of equal length.

    Columns of numbers are taken as such, others as categories. Rows without a prediction or a truth do not count.
    Raises ``InvalidInput`` for unequal lengths and for fewer than ``FEWEST_REFERENCE_ROWS`` rows.
    """
    values, known = numbers("predictions", predictions), numbers("truths", truths)
    if len(known) != len(values):
        raise refused("truths", f"as many values as there are predictions ({len(values)}), not {len(known)}")
    there = np.isfinite(values) & np.isfinite(known)
    rows = int(np.sum(there))
    if rows < FEWEST_REFERENCE_ROWS:
        raise refused("truths", f"at least {FEWEST_REFERENCE_ROWS} rows with a prediction and a truth, not {rows}")
    columns = tuple(_learn_column(name, column, len(values)) for name, column in features.items())
    inputs = _inputs(columns, features, values)[there]
    errors = (known - values)[there]
    categorical = [place for place, column in enumerate(columns) if column.categories is not None]
    with _one_thread():
        absolute, squared = (_fit_loss(inputs, loss, categorical) for loss in (np.abs(errors), errors**2))
    return Dle(columns, absolute, squared, rows)


@dataclass(frozen=True, slots=True)
class _Column:
    """A feature of the reference; ``categories`` holds the code of each of its values, None for numbers."""

    name: str
    categories: Mapping[str, int] | None

    def encode(self, values: ArrayLike, rows: int) -> Floats:
        """Return a column for the loss model: NaN for what is missing or was never seen in the reference."""
        if self.categories is None:
            # A text among numbers is a matter of data quality; for the loss it is a missing value.
            column = np.asarray(pd.to_numeric(pd.Series(np.asarray(values)), errors="coerce"), dtype=np.float64)
        else:
            column = np.asarray(_as_text(values).map(dict(self.categories)), dtype=np.float64)
        if len(column) != rows:
            raise refused(f"features.{self.name}", f"as many values as there are predictions ({rows})")
        return np.where(np.isfinite(column), column, np.nan)


@dataclass(frozen=True, slots=True)
class _LossModel:
    """A regressor of the loss, and how far one row's loss lies from what it says, relative to the size of that."""

    regressor: Any
    spread: float

    def measure(self, inputs: Floats, reference_rows: int) -> Measured:
        """Return the mean loss of a chunk; a mean below 0, which boosting may give, counts as 0."""
        with _one_thread():
            losses = np.asarray(self.regressor.predict(inputs), dtype=np.float64)
        rows = len(losses)
        error = self.spread * math.sqrt(float(np.mean(losses**2)) / rows) * widen(rows, reference_rows)
        return Measured(max(0.0, float(np.mean(losses))), error, rows)


def _one_thread() -> AbstractContextManager[object]:
    """Hold boosting to one thread: several wait by spinning, which on a busy machine took twenty times the CPU time.

    scikit-learn comes first, since a limit binds only the libraries that are loaded already.
    """
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def _fit_loss(inputs: Floats, losses: Floats, categorical: list[int]) -> _LossModel:
    """Fit the regressor; its spread comes from folds, whose rows it has not learnt from.

    Losses spread in proportion to their size, so that a chunk with small errors has a narrow band too.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold

    def new() -> Any:
        # Early stopping would keep a part of the reference back, drawn anew for each fit.
        return HistGradientBoostingRegressor(categorical_features=categorical, early_stopping=False, random_state=_SEED)

    unseen = np.empty(len(losses))
    for learnt, tested in KFold(_FOLDS, shuffle=True, random_state=_SEED).split(inputs):
        unseen[tested] = new().fit(inputs[learnt], losses[learnt]).predict(inputs[tested])
    size = float(np.mean(unseen**2))
    spread = math.sqrt(float(np.mean((losses - unseen) ** 2)) / size) if size else 0.0
    return _LossModel(new().fit(inputs, losses), spread)


def _learn_column(name: str, values: ArrayLike, rows: int) -> _Column:
    column = pd.Series(np.asarray(values)).infer_objects()
    if len(column) != rows:
        raise refused(f"features.{name}", f"as many values as there are predictions ({rows}), not {len(column)}")
    if pd.api.types.is_numeric_dtype(column):
        return _Column(name, None)
    counts = _as_text(values).value_counts(sort=True)
    return _Column(name, {str(value): min(code, _OTHER) for code, value in enumerate(counts.index)})


def _as_text(values: ArrayLike) -> pd.Series[str]:
    column = pd.Series(np.asarray(values, dtype=object))
    return column.where(column.isna(), column.astype(str))


def _inputs(columns: tuple[_Column, ...], features: Mapping[str, ArrayLike], predictions: Floats) -> Floats:
    """Return the columns and, last, the prediction: the error often depends on its size."""
    encoded = []
    for column in columns:
        if column.name not in features:
            raise refused(f"features.{column.name}", "a column that the reference has")
        encoded.append(column.encode(features[column.name], len(predictions)))
    return np.column_stack([*encoded, predictions])
