"""The rolling-origin backtest: every forecaster at every past origin, each as of its time, refitted now and then.

Between refits a forecaster keeps what it learnt and takes the new values as history. Nothing here chooses or scores
what is served; ``serving`` and ``scoring`` do, from what this returns.

>>> from datetime import UTC, datetime, timedelta
>>> import numpy as np
>>> from ml_core.forecasters.naive import Naive
>>> history = Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), np.arange(10.0))
>>> tried = backtest(history, [Naive(horizon=2)], origins=[5, 7, 9], refits=[5])
>>> tried.paths["naive"].point.tolist()
[[5.0, 5.0], [7.0, 7.0], [9.0, 9.0]]
>>> tried.truths.tolist()
[[6.0, 7.0], [8.0, 9.0], [nan, nan]]
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.timeseries.series import Floats, Series

# A cut-off may depend on nothing but what was known then, so it cannot be a share of the whole: a series that is cut at
# an issue time has another 70 %. These grow by 70 / 45, so that from 45 % of a series on there are two; of 4,032 values
# they are those at 45 and 70 %.
FIRST_REFIT, REFIT_GROWTH = 1814, 70 / 45
Progress = Callable[[str, int, int], None]
"""Called with what is done, how many pieces of work are done, and how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A forecaster that could not be fitted at ``refit`` (an index of the history), and why."""

    name: str
    refit: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """What each forecaster said at each origin, and what came.

    ``origins``: indices of the history, ascending. ``truths``: ``(origins, horizon)``, NaN where the value is a gap or
    has not come yet. ``paths``: by forecaster, NaN at origins for which it could not be fitted. ``seconds``: processor
    time by forecaster, fits and forecasts together.
    """

    history: Series
    horizon: int
    origins: NDArray[np.int64]
    truths: Floats
    paths: Mapping[str, Paths]
    left_out: Sequence[LeftOut]
    seconds: Mapping[str, float]

    def at(self, rows: NDArray[np.bool_]) -> Backtest:
        """Return the origins that ``rows`` marks."""
        paths = {
            name: Paths(made.point[rows], None if made.quantiles is None else made.quantiles[rows])
            for name, made in self.paths.items()
        }
        return replace(self, origins=self.origins[rows], truths=self.truths[rows], paths=paths)


def refits_until(index: int, fewest: int = 1) -> list[int]:
    """Return the cut-offs from ``fewest`` to ``index``, which are the same for every series and every length."""
    first = -math.floor(math.log(FIRST_REFIT, REFIT_GROWTH))
    cuts: list[int] = []
    for power in itertools.count(first):
        cut = round(FIRST_REFIT * REFIT_GROWTH**power)
        if cut > index:
            return cuts
        if cut >= fewest:
            cuts.append(cut)
    raise AssertionError("unreachable")


def origins_until(index: int, stride: int, start: int) -> NDArray[np.int64]:
    """Return the origins ``index``, ``index - stride``, ... that are not before ``start``, ascending."""
    return np.arange(start + (index - start) % stride, index + 1, stride, dtype=np.int64)


def backtest(
    history: Series,
    forecasters: Sequence[Forecaster],
    *,
    origins: Sequence[int] | NDArray[np.int64],
    refits: Sequence[int],
    progress: Progress = no_progress,
) -> Backtest:
    """Fit each forecaster on ``history.until(refit)`` for each of ``refits`` and forecast the origins up to the next.

    Afterwards the forecasters are as their last fit left them. Raises ``ValueError`` for no forecasters, forecasters
    with different horizons, origins that do not ascend within the history, or none at or after the first refit.
    """
    index, cuts = np.asarray(origins, dtype=np.int64), sorted(refits)
    horizons = {forecaster.horizon for forecaster in forecasters}
    if len(horizons) != 1:
        raise ValueError(f"forecasters: expected some of one horizon, not of {sorted(horizons)}")
    if not len(index) or (np.diff(index) <= 0).any() or index[0] < 0 or index[-1] >= len(history):
        raise ValueError(f"origins: expected ascending indices from 0 to {len(history) - 1}")
    if not cuts or not 0 <= cuts[0] <= index[0]:
        raise ValueError(f"refits: expected the first to be an index not after the first origin, {index[0]}")
    (horizon,) = horizons
    paths, seconds, left_out = {}, {}, []
    for number, forecaster in enumerate(forecasters):
        progress(forecaster.name, number, len(forecasters))
        began = time.process_time()
        paths[forecaster.name], failures = _rolled(history, forecaster, index, cuts)
        seconds[forecaster.name] = time.process_time() - began
        left_out += failures
    progress("done", len(forecasters), len(forecasters))
    return Backtest(history, horizon, index, truths_after(history, index, horizon), paths, left_out, seconds)


def truths_after(history: Series, origins: NDArray[np.int64], horizon: int) -> Floats:
    """Return the values that came after each origin, ``(origins, horizon)``; NaN for gaps and what has not come yet."""
    padded: Floats = np.concatenate([history.values, np.full(horizon, np.nan)])
    truths: Floats = padded[origins[:, None] + np.arange(1, horizon + 1)]
    return truths


def _rolled(
    history: Series, forecaster: Forecaster, origins: NDArray[np.int64], cuts: Sequence[int]
) -> tuple[Paths, list[LeftOut]]:
    point = np.full((len(origins), forecaster.horizon), np.nan)
    quantiles: Floats | None = None
    failures = []
    for cut, following in zip(cuts, [*cuts[1:], len(history)], strict=True):
        here = (origins >= cut) & (origins < following)
        if not here.any():
            continue
        try:
            forecaster.fit(history.until(cut))
            # What lies behind the last of these origins is not handed over at all.
            made = forecaster.forecast_at(history.until(int(origins[here][-1])), origins[here])
        except CannotForecast as error:
            failures.append(LeftOut(forecaster.name, cut, error.message))
            continue
        point[here] = made.point
        if made.quantiles is not None:
            if quantiles is None:
                quantiles = np.full((*point.shape, made.quantiles.shape[2]), np.nan)
            quantiles[here] = made.quantiles
    return Paths(point, quantiles), failures
