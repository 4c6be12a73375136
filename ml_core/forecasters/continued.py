"""A backtest that goes on: what fitted forecasters said in their trial, and what they say of the origins since.

Both were said of values that the forecasters had not seen. What they would say of those that they were fitted on is
better than they are, so no origin between the trial and the cut-off is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import Backtest, LeftOut, truths_after
from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.timeseries.series import Floats, Series

MOST_SINCE = 120


def continued(
    history: Series,
    members: Mapping[str, Forecaster],
    origin_times: Sequence[datetime],
    points: Mapping[str, Floats],
    cut_off: datetime,
) -> Backtest:
    """Return the backtest whose last origin is the newest value, by forecasters that were fitted up to ``cut_off``.

    ``points`` are what they said at ``origin_times``, ``(origins, horizon)``; those that lie before the history are
    left out. Since then the origins are as far apart as the last two of the trial were.
    """
    last = len(history) - 1
    places = _places(history, origin_times)
    places = places[(places >= 0) & (places < last)]
    stride = int(places[-1] - places[-2]) if len(places) > 1 else 1
    fitted = max(history.index_at(cut_off), int(places[-1]) + 1 if len(places) else 0)
    since = np.arange(last, fitted - 1, -stride)[: MOST_SINCE + 1][::-1] if fitted < last else np.array([last])
    return continued_at(history, members, origin_times, points, since)


def continued_at(
    history: Series,
    members: Mapping[str, Forecaster],
    origin_times: Sequence[datetime],
    points: Mapping[str, Floats],
    since: NDArray[np.int64],
) -> Backtest:
    """Return the backtest whose last origins are ``since``, indices of ``history`` after the forecasters' cut-off."""
    (horizon,) = {member.horizon for member in members.values()}
    places = _places(history, origin_times)
    kept = (places >= 0) & (places < since[0])
    places = places[kept]
    origins = np.concatenate([places, since]).astype(np.int64)
    paths, left_out = {}, []
    for name, member in members.items():
        try:
            made = member.forecast_at(history, since).point
        except CannotForecast as error:
            left_out.append(LeftOut(name, int(since[0]), error.message))
            made = np.full((len(since), horizon), np.nan)
        paths[name] = Paths(np.concatenate([points[name][kept], made]))
    seconds = dict.fromkeys(paths, 0.0)
    return Backtest(history, horizon, origins, truths_after(history, origins, horizon), paths, left_out, seconds)


def _places(history: Series, times: Sequence[datetime]) -> NDArray[np.int64]:
    return np.array([(time - history.start_time) // history.step for time in times], dtype=np.int64)
