"""How good forecasts have been where the truth is known by now: by model, and by how far ahead they looked.

``mae`` is the mean of ``|forecast - truth|``, ``rmse`` the root of the mean of its square, ``bias`` the mean of
``forecast - truth``. ``coverage`` is the share of truths inside an interval, for a sound one about what its name says.
Definitions: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, sections 5.8 and 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_HORIZONS = 48
_LEVELS = ("80", "95")


@dataclass(frozen=True, slots=True)
class ModelScore:
    """The errors of one model's steps whose truth is known; a coverage is None where no step has the interval."""

    model: str
    steps: int
    mae: float
    rmse: float
    bias: float
    coverage_80: float | None
    coverage_95: float | None


@dataclass(frozen=True, slots=True)
class HorizonError:
    """The error of one model's steps that looked about so far ahead."""

    model: str
    horizon_seconds: float
    steps: int
    mae: float


def score_models(scored: pd.DataFrame) -> tuple[ModelScore, ...]:
    """Return the scores of each model in a frame of ``scored_forecasts``, the least ``mae`` first."""
    known = scored[scored["truth"].notna()]
    scores = [_score(str(model), rows) for model, rows in known.groupby("model", sort=True)]
    return tuple(sorted(scores, key=lambda score: score.mae))


def score_by_horizon(scored: pd.DataFrame) -> tuple[HorizonError, ...]:
    """Return the error of each model by horizon, ascending; more than ``MOST_HORIZONS`` are put together evenly."""
    known = scored[scored["truth"].notna()]
    if known.empty:
        return ()
    seconds = known["horizon"].dt.total_seconds().to_numpy()
    distinct = np.unique(seconds)
    per_group = -(-len(distinct) // MOST_HORIZONS)
    last_of_group = distinct[per_group - 1 :: per_group]
    if len(distinct) % per_group:
        last_of_group = np.append(last_of_group, distinct[-1])
    groups = last_of_group[np.searchsorted(last_of_group, seconds)]
    errors = pd.DataFrame(
        {
            "model": known["model"].to_numpy(),
            "horizon": groups,
            "error": np.abs(known["value"].to_numpy(float) - known["truth"].to_numpy(float)),
        }
    )
    means = errors.groupby(["model", "horizon"], sort=True, as_index=False)["error"].agg(["size", "mean"])
    columns = (means[name].tolist() for name in ("model", "horizon", "size", "mean"))
    return tuple(HorizonError(*row) for row in zip(*columns, strict=True))


def _score(model: str, rows: pd.DataFrame) -> ModelScore:
    truth = rows["truth"].to_numpy(float)
    errors = rows["value"].to_numpy(float) - truth
    coverages = []
    for level in _LEVELS:
        lower, upper = rows[f"lower_{level}"].to_numpy(float), rows[f"upper_{level}"].to_numpy(float)
        has_interval = ~(np.isnan(lower) | np.isnan(upper))
        inside = (lower <= truth) & (truth <= upper)
        coverages.append(float(inside[has_interval].mean()) if has_interval.any() else None)
    return ModelScore(
        model,
        len(rows),
        float(np.abs(errors).mean()),
        float(np.sqrt(np.square(errors).mean())),
        float(errors.mean()),
        *coverages,
    )
