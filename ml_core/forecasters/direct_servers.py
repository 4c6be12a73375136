"""The six models of ``direct_hours`` that also see the series beside: other servers, and other metrics.

Of each series beside: its last two values, and its means of 3 and 12 steps, all relative to the mean and spread of its
own last day; and how far it is from where it was at the same time of the last three days. All windows end at the issue
time. A value that is missing is the last one for a few steps, then unknown, which the trees have a way for; a series
that has vanished, or was not there in training, keeps nobody back.

Use it where callers or work are shared. Where the series beside know nothing of this one, ``direct_hours`` is better.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_core.forecasters.base import Arrays
from ml_core.forecasters.direct_hours import DirectHours
from ml_core.timeseries.features import trailing_mean
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import filled_forward

_BRIDGED = 6
_WINDOW = 24
_FARTHEST = 10.0
FEATURES_EACH = 5


class DirectServers(DirectHours):
    """``DirectHours`` with more features; without series beside it is the same."""

    name: ClassVar[str] = "direct_servers"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._names: tuple[str, ...] = ()

    def _fit(self, values: Floats, history: Series) -> None:
        self._names = tuple(name for name, beside in sorted(history.beside.items()) if np.isfinite(beside).any())
        super()._fit(values, history)

    def _more_features(self, history: Series) -> Floats | None:
        if not self._names:
            return None
        unknown = np.full(len(history), np.nan)
        day = history.steps_per_day or _WINDOW
        return np.concatenate([features_beside(history.beside.get(name, unknown), day) for name in self._names], axis=1)

    def _arrays(self) -> Arrays:
        return {**super()._arrays(), "names": np.array(self._names, dtype=np.str_)}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self._names = tuple(str(name) for name in arrays["names"])


def features_beside(values: Floats, day: int) -> Floats:
    """Return the features of one series beside at each time, ``(len(values), 5)``, NaN where nothing is known."""
    known = np.isfinite(values)
    age = np.arange(len(values)) - np.maximum.accumulate(np.where(known, np.arange(len(values)), -_BRIDGED - 1))
    bridged = np.where(age <= _BRIDGED, filled_forward(values), np.nan)
    level = _mean_of_known(bridged, _WINDOW)
    spread = _mean_of_known(np.abs(bridged - level), _WINDOW) + 1e-3 * np.abs(level)
    spread = np.where(spread == 0, 1.0, spread)
    before = np.concatenate([np.full(3 * day, np.nan), bridged])
    usual = np.median([before[(3 - back) * day : len(before) - back * day] for back in (1, 2, 3)], axis=0)
    columns = [
        bridged - level,
        np.concatenate([[np.nan], bridged[:-1]]) - level,
        _mean_of_known(bridged, 3) - level,
        _mean_of_known(bridged, 12) - level,
        bridged - usual,
    ]
    features: Floats = np.clip(np.stack(columns, axis=1) / spread[:, None], -_FARTHEST, _FARTHEST)
    return features


def _mean_of_known(values: Floats, width: int) -> Floats:
    """Return the mean of what is known of the last ``width`` values at each time; NaN where nothing is."""
    known = np.isfinite(values)
    share = trailing_mean(known.astype(np.float64), width)
    return np.where(
        share > 0, trailing_mean(np.where(known, values, 0.0), width) / np.where(share > 0, share, 1.0), np.nan
    )
