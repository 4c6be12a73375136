"""The forecast that is served: values with their bands, and how probable an overload is.

The errors that the forecaster made at past origins whose truths are known are laid, path by path, around the newest
forecast. Their quantiles are the bands; the share of paths that cross the limit is the probability of an overload, and
where such a path first crosses is when it is to be expected. A warning is due as soon as it costs less than silence:
from cost_false / (cost_false + cost_missed) on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import truths_after
from ml_core.forecasters.base import Forecaster
from ml_core.timeseries.series import Floats, Series

_ORIGINS = 200
LEVELS: Mapping[str, float] = {"lower_95": 0.025, "lower_80": 0.1, "upper_80": 0.9, "upper_95": 0.975}


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


def look_ahead(history: Series, forecaster: Forecaster, limit: float, alert_level: float) -> Outlook:
    """Return the outlook at the end of ``history`` by a fitted forecaster; raise ``InvalidInput`` if it has none."""
    path = forecaster.forecast(history)
    paths = path.point + past_errors(history, forecaster)
    bands = {name: np.quantile(paths, level, axis=0) for name, level in LEVELS.items()}
    return Outlook(
        path.issue_time,
        tuple(path.valid_times()),
        path.point,
        bands,
        foresee(paths, path.issue_time, history.step, limit, alert_level),
    )


def past_errors(history: Series, forecaster: Forecaster) -> Floats:
    """Return what came minus what was forecast at past origins, ``(origins, horizon)``; zeros if there is none."""
    last = len(history) - 1 - forecaster.horizon
    first = max(0, last - _ORIGINS + 1)
    known = np.flatnonzero(np.isfinite(history.values))
    origins = np.arange(max(first, int(known[0])), last + 1)
    if not len(origins):
        return np.zeros((1, forecaster.horizon))
    errors: Floats = truths_after(history, origins, forecaster.horizon)
    errors = errors - forecaster.forecast_at(history, origins).point
    whole = errors[np.isfinite(errors).all(axis=1)]
    return whole if len(whole) else np.zeros((1, forecaster.horizon))


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
