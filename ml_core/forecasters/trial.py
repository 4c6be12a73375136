"""The trial behind a served forecast: the usual plan of a backtest that ends at the issue time.

The plan depends on nothing but the issue time and the step: origins lie whole strides before it, from two days of data
on, and cut-offs are the same for every series. So a series that is cut at the issue time, or has not gone on yet, is
forecast exactly as when it is there in full.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_core.forecasters.backtest import Backtest, Progress, backtest, no_progress, origins_until, refits_until
from ml_core.forecasters.base import Forecaster
from ml_core.timeseries.series import DAY, Series

FEWEST_VALUES, MOST_FIRST_VALUES = 72, 576
MOST_ORIGINS = 500


def first_origin(history: Series) -> int:
    """Return the index from which on origins are tried: two days, but from 72 to 576 steps."""
    return int(np.clip(2 * DAY // history.step, FEWEST_VALUES, MOST_FIRST_VALUES))


def trial_start(history: Series, newest: int, stride: int) -> int:
    """Return the first origin of a trial that ends at ``newest``."""
    first = first_origin(history)
    return newest if newest < first else max(first, newest - stride * MOST_ORIGINS)


def trial(
    history: Series,
    forecasters: Sequence[Forecaster],
    *,
    stride: int,
    issue_index: int | None = None,
    progress: Progress = no_progress,
) -> Backtest:
    """Return the backtest whose last origin is ``issue_index``, the newest value if not told.

    A history too short for a trial is forecast at its issue time alone. Raises ``ValueError`` for an index outside the
    history or a stride below 1.
    """
    newest = len(history) - 1 if issue_index is None else issue_index
    if not 0 <= newest < len(history):
        raise ValueError(f"issue_index: expected 0 to {len(history) - 1}, not {newest}")
    if stride < 1:
        raise ValueError(f"stride: expected at least 1 step, not {stride}")
    known = history.until(newest)
    if newest < first_origin(history):
        return backtest(known, forecasters, origins=[newest], refits=[newest], progress=progress)
    origins = origins_until(newest, stride, trial_start(history, newest, stride))
    cuts = refits_until(newest)
    needed = [cut for cut, following in zip(cuts, [*cuts[1:], newest + 1], strict=True) if following > origins[0]]
    return backtest(known, forecasters, origins=origins, refits=needed, progress=progress)
