"""The trial behind a served forecast: the usual plan of a backtest that ends at the issue time.

The plan depends on nothing but the issue time and the step: origins lie whole strides before it, from two days of data
on, and cut-offs are the same for every series. So a series that is cut at the issue time, or has not gone on yet, is
forecast exactly as when it is there in full. One that is shorter than four days is tried from its twelfth value on.

Of a long series the last 500 to 1,000 origins are tried. The first of them lies at a multiple of 500 strides, so that
issue times between two such multiples share one trial, each row of which is as of its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import Backtest, Progress, backtest, no_progress, origins_until, refits_until
from ml_core.forecasters.base import Forecaster
from ml_core.timeseries.series import DAY, Series

FEWEST_VALUES, MOST_FIRST_VALUES = 72, 576
FIRST_OF_SHORT = 11
FEWEST_ORIGINS = 500
_HOUR = timedelta(hours=1)


def usual_stride(step: timedelta, horizon: int) -> int:
    """Return the steps from origin to origin: an hour, at least two steps, and at most the horizon.

    >>> usual_stride(timedelta(minutes=5), 24), usual_stride(timedelta(hours=1), 6), usual_stride(timedelta(days=1), 1)
    (12, 2, 1)
    """
    return min(max(_HOUR // step, 2), horizon)


def trial_start(history: Series, newest: int, stride: int) -> int:
    """Return the index from which on origins are tried in a trial that ends at ``newest``."""
    first = int(np.clip(2 * DAY // history.step, FEWEST_VALUES, MOST_FIRST_VALUES))
    if newest < 2 * first:
        return min(newest, FIRST_OF_SHORT)
    block = stride * FEWEST_ORIGINS
    return max(first, (newest // block - 1) * block)


def cut_offs(origins: NDArray[np.int64]) -> list[int]:
    """Return the cut-offs at which forecasters are fitted for these origins: of the usual ones, those that are needed.

    The first origin itself is one where no usual cut-off lies before it.
    """
    first = int(origins[0])
    cuts = refits_until(int(origins[-1]))
    before = [cut for cut in cuts if cut <= first]
    return [before[-1] if before else first, *(cut for cut in cuts if cut > first)]


def trial_origins(history: Series, stride: int, newest: int) -> NDArray[np.int64]:
    """Return the origins of a trial that ends at ``newest``."""
    return origins_until(newest, stride, trial_start(history, newest, stride))


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
    origins = trial_origins(history, stride, newest)
    return backtest(history.until(newest), forecasters, origins=origins, refits=cut_offs(origins), progress=progress)
