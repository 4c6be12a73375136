"""The forecast that is served: values with their bands, and how probable an overload is.

What the served forecasters said in their trial, and what they say of the origins since they were fitted, is said of
values that they had not seen. From these origins come the weights, where several forecast together, and the bands
(``ml_core.forecasters.intervals``). Their errors, laid path by path around the newest forecast, are what may happen:
the share of paths that cross the limit is the probability of an overload, and where such a path first crosses is when
it is to be expected. A share means what it says, which the pooled opinions of ``ml_core.forecasters.overload``, made
to rank moments, do not. A warning is due as soon as it costs less than silence: from cost_false / (cost_false +
cost_missed) on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.forecasters.backtest import Backtest, truths_after
from ml_core.forecasters.base import QUANTILES, Paths
from ml_core.forecasters.ensemble import combine
from ml_core.forecasters.intervals import intervals
from ml_core.timeseries.series import Floats, Series

_MOST_SINCE = 120
LEVELS: Mapping[str, int] = {
    "lower_95": QUANTILES.index(0.025),
    "lower_80": QUANTILES.index(0.1),
    "upper_80": QUANTILES.index(0.9),
    "upper_95": QUANTILES.index(0.975),
}
"""The bands by name, and which of the quantiles each is."""


@dataclass(frozen=True, slots=True)
class Overload:
    """How probable it is that the limit is crossed, within an hour and within the horizon, and when first.

    ``crossing_time`` is the median over the paths that cross; None if none does.
    """

    limit: float
    probability: float
    probability_1h: float
    crossing_time: datetime | None
    alert_level: float

    @property
    def is_warned(self) -> bool:
        """Whether a warning costs less than silence."""
        return self.probability >= self.alert_level


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """A forecast issued at ``issue_time``; ``bands`` by the names of ``LEVELS``."""

    issue_time: datetime
    valid_times: tuple[datetime, ...]
    values: Floats
    bands: Mapping[str, Floats]
    overload: Overload


@dataclass(frozen=True, slots=True, eq=False)
class Rolled:
    """What was served at each of some origins, the newest value being the last: ``(origins, horizon)``."""

    origins: NDArray[np.int64]
    point: Floats
    truths: Floats

    def errors(self) -> Floats:
        """Return what came minus what was served, of the origins that are complete."""
        errors = self.truths - self.point
        whole: Floats = errors[np.isfinite(errors).all(axis=1)]
        return whole


def look_ahead(
    history: Series, tried: TriedForecasters, cut_off: datetime, limit: float, alert_level: float
) -> Outlook:
    """Return the outlook at the end of ``history`` by forecasters that were fitted up to ``cut_off``.

    Raises ``InvalidInput`` if they have no forecast for it.
    """
    rolled = roll(history, tried, cut_off)
    quantiles = intervals(history.values, rolled.origins, rolled.point, rolled.truths)
    values, errors = rolled.point[-1], rolled.errors()
    paths = values + (errors if len(errors) else np.zeros_like(values)[None])
    steps = range(1, len(values) + 1)
    return Outlook(
        history.end_time,
        tuple(history.end_time + step * history.step for step in steps),
        values,
        {name: quantiles[-1, :, column] for name, column in LEVELS.items()},
        foresee(paths, history.end_time, history.step, limit, alert_level),
    )


def roll(history: Series, tried: TriedForecasters, cut_off: datetime) -> Rolled:
    """Return what is served at the origins of the trial, at those since ``cut_off``, and at the end of ``history``."""
    in_trial = _places(history, tried)
    in_trial = in_trial[_is_kept(history, in_trial)]
    stride = int(in_trial[-1] - in_trial[-2]) if len(in_trial) > 1 else 1
    last = len(history) - 1
    fitted_until = max(history.index_at(cut_off), int(in_trial[-1]) + 1 if len(in_trial) else 0)
    since = np.arange(last, fitted_until - 1, -stride)[: _MOST_SINCE + 1][::-1] if fitted_until <= last else [last]
    return roll_at(history, tried, since)


def roll_at(history: Series, tried: TriedForecasters, since: Sequence[int] | NDArray[np.int64]) -> Rolled:
    """Return what is served at ``since``, indices of ``history``, and at the origins of the trial before them."""
    places = _places(history, tried)
    kept = _is_kept(history, places) & (places < since[0])
    origins = np.concatenate([places[kept], since]).astype(np.int64)
    paths = {
        name: Paths(np.concatenate([tried.points[name][kept], member.forecast_at(history, since).point]))
        for name, member in tried.members.items()
    }
    (horizon,) = {member.horizon for member in tried.members.values()}
    truths = truths_after(history, origins, horizon)
    if len(paths) == 1:
        (alone,) = paths.values()
        return Rolled(origins, alone.point, truths)
    together = combine(Backtest(history, horizon, origins, truths, paths, (), dict.fromkeys(paths, 0.0)))
    return Rolled(origins, together.point, truths)


def _places(history: Series, tried: TriedForecasters) -> NDArray[np.int64]:
    return np.array([(time - history.start_time) // history.step for time in tried.origin_times], dtype=np.int64)


def _is_kept(history: Series, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    kept: NDArray[np.bool_] = (places >= 0) & (places < len(history) - 1)
    return kept


def foresee(paths: Floats, issue_time: datetime, step: timedelta, limit: float, alert_level: float) -> Overload:
    """Return what possible paths, ``(paths, horizon)``, say of a limit.

    The probability counts one path more that crosses and one that does not (Laplace), since what has not been seen in
    some hundred paths is not impossible.
    """
    crosses = paths > limit
    ever = np.any(crosses, axis=1)
    soon = np.any(crosses[:, : max(1, timedelta(hours=1) // step)], axis=1)
    first = np.argmax(crosses, axis=1)[ever]
    crossing_time = issue_time + (int(np.median(first)) + 1) * step if len(first) else None
    return Overload(limit, _share(ever), _share(soon), crossing_time, alert_level)


def _share(crosses: NDArray[np.bool_]) -> float:
    return float((np.sum(crosses) + 1) / (len(crosses) + 2))
