"""The forecast that is served: values with their bands, and how probable an overload is.

The errors that the forecaster made at past origins, on values that it had not been fitted on, are laid, path by path,
around the newest forecast. Their quantiles are the bands; the share of paths that cross the limit is the probability of
an overload, and where such a path first crosses is when it is to be expected. A warning is due as soon as it costs less
than silence: from cost_false / (cost_false + cost_missed) on.
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


def look_ahead(
    history: Series, forecaster: Forecaster, errors: Floats, cut_off: datetime, limit: float, alert_level: float
) -> Outlook:
    """Return the outlook at the end of ``history`` by a forecaster that was fitted up to ``cut_off``.

    ``errors`` are those of its trial; those it has made since are added. Raises ``InvalidInput`` if it has no forecast.
    """
    path = forecaster.forecast(history)
    known = np.concatenate([errors, errors_since(history, forecaster, cut_off)])[-_ORIGINS:]
    paths = path.point + (known if len(known) else np.zeros((1, forecaster.horizon)))
    bands = {name: np.quantile(paths, level, axis=0) for name, level in LEVELS.items()}
    return Outlook(
        path.issue_time,
        tuple(path.valid_times()),
        path.point,
        bands,
        foresee(paths, path.issue_time, history.step, limit, alert_level),
    )


def errors_since(history: Series, forecaster: Forecaster, cut_off: datetime) -> Floats:
    """Return what came minus what is forecast at the origins from ``cut_off`` on that are complete, oldest first."""
    last = len(history) - 1 - forecaster.horizon
    origins = np.arange(max(history.index_at(cut_off), last - _ORIGINS + 1, 0), last + 1)
    if not len(origins):
        return np.empty((0, forecaster.horizon))
    errors: Floats = truths_after(history, origins, forecaster.horizon) - forecaster.forecast_at(history, origins).point
    return errors[np.isfinite(errors).all(axis=1)]


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
