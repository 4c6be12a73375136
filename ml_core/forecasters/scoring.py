"""What a forecaster was worth at past origins: its errors, and what bands around it would have covered.

Judged are the origins in the last three tenths of the history, the same for all, so that one that could be fitted late
is not spared an incident. MAPE is told, as many ask for it, and chooses nothing: near zero it means nothing.
"""

from __future__ import annotations

import numpy as np

from ml_core import scores
from ml_core.forecasters.backtest import Backtest
from ml_core.forecasters.base import QUANTILES
from ml_core.forecasters.intervals import intervals
from ml_core.timeseries.series import Floats

JUDGED_FROM = 0.7
_NEARLY_ZERO = 1e-9


def judged_from(tried: Backtest) -> int:
    """Return the first origin that counts; the first of all where none of the last three tenths is complete."""
    first = int(JUDGED_FROM * len(tried.history))
    late = np.isfinite(tried.truths[tried.origins >= first])
    return first if late.any() else int(tried.origins[0])


def score(tried: Backtest, point: Floats) -> dict[str, float]:
    """Return the scores of ``point``, ``(origins, horizon)``, in the unit of the series; none where nothing is known.

    ``weighted_quantile_loss`` is twice the pinball loss over the levels ``QUANTILES`` by the size of the truths, left
    out where that is 0; ``mean_absolute_percentage_error`` is of truths away from zero, in percent.
    """
    there = np.isfinite(point).all(axis=1)
    truths = tried.truths[there]
    quantiles = intervals(tried.history.values, tried.origins[there], point[there], truths)
    counts = np.isfinite(truths) & (tried.origins[there] >= judged_from(tried))[:, None]
    if not counts.any():
        return {}
    bands, came, said = quantiles[counts], truths[counts], point[there][counts]
    found = {
        "mean_absolute_error": scores.mean_absolute_error(came, said),
        "mean_squared_error": scores.mean_squared_error(came, said),
        "coverage_80": float(np.mean((bands[:, 1] <= came) & (came <= bands[:, 3]))),
        "coverage_95": float(np.mean((bands[:, 0] <= came) & (came <= bands[:, 4]))),
    }
    size = float(np.abs(came).sum())
    if size > 0:
        found["weighted_quantile_loss"] = _quantile_loss(came, bands) / size
    away = np.abs(came) > _NEARLY_ZERO
    if away.any():
        shares = np.abs(came - said)[away] / np.abs(came)[away]
        found["mean_absolute_percentage_error"] = float(100 * shares.mean())
    return found


def _quantile_loss(truths: Floats, quantiles: Floats) -> float:
    """Return twice the pinball loss, summed over the values and averaged over the levels."""
    above = truths[:, None] - quantiles
    levels = np.array(QUANTILES)
    return float(2 * np.maximum(levels * above, (levels - 1) * above).sum(axis=0).mean())
