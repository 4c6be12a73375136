"""From series of links to what the network learns from: windows, what came after them, and scalers.

Scalers and categories are fitted on what lies before the cut-off. A window is made of what was known at its issue time,
gaps filled from before; a window whose coming steps were not all measured is no example. See
``ml_core.forecasters.window_spec`` for the inputs themselves, which serving makes by the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecasting_jobs.link_traffic.gaps import filled
from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.window_spec import FARTHEST, Inputs, Singles, WindowSpec
from ml_core.timeseries.series import Floats
from ml_core.timeseries.windows import Scaler, robust_spread

WINDOW, HORIZON = 24, 6
_LEAST_SPREAD = 1e-3  # of the usual level: a link that never moved has no spread to measure in


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows in order of link and time: ``windows (count, window + 1, 2)``, ``truths (count, horizon, 2)``.

    ``day_before`` are the values a day before each coming step, ``(count, horizon, 2)``: the seasonal naive forecast.
    ``seconds`` since 1970 are the issue times.
    """

    windows: Floats
    truths: Floats
    day_before: Floats
    pairs: Sequence[tuple[str, str]]
    seconds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.windows)

    def taken(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Examples:
        """Return some of them."""
        places = np.arange(len(self))[which]
        pairs = [self.pairs[place] for place in places]
        return Examples(self.windows[places], self.truths[places], self.day_before[places], pairs, self.seconds[places])


def fit_spec(links: Sequence[LinkSeries], cut_off: datetime) -> WindowSpec:
    """Return the specification by what was measured up to ``cut_off``; raise ``InvalidInput`` if a link has nothing."""
    scalers = {}
    for series in links:
        known = series.values[: max(series.index_at(cut_off) + 1, 0)]
        known = known[np.isfinite(known).all(axis=1)]
        if not len(known):
            message = f"nothing of {series.link} at {series.location} was measured before the cut-off"
            raise InvalidInput(f"time: {message}", [FieldError("time", message)])
        rx, tx = (_scaler(direction) for direction in known.T)
        scalers[series.pair] = (rx, tx)
    return WindowSpec(
        window=WINDOW,
        horizon=HORIZON,
        step_seconds=int(links[0].step.total_seconds()),
        links=tuple(sorted({series.link for series in links})),
        locations=tuple(sorted({series.location for series in links})),
        scalers=scalers,
    )


def examples_of(links: Sequence[LinkSeries], spec: WindowSpec) -> Examples:
    """Return every window of the links whose coming steps were all measured."""
    parts = [_of_one(series, spec.window, spec.horizon) for series in links]
    pairs = [series.pair for series, (windows, *_) in zip(links, parts, strict=True) for _ in range(len(windows))]
    windows, truths, day_before, seconds = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Examples(windows, truths, day_before, pairs, seconds)


def inputs_of(spec: WindowSpec, examples: Examples) -> Inputs:
    """Return the network's inputs."""
    return spec.inputs(examples.windows, examples.pairs, examples.seconds)


def targets_of(inputs: Inputs, examples: Examples) -> Singles:
    """Return what the network is to say: the coming values from the centre of the window, in its spread."""
    changes = (examples.truths - inputs.centre[:, None]) / inputs.spread[:, None]
    return np.clip(changes, -FARTHEST, FARTHEST).astype(np.float32)


def _of_one(series: LinkSeries, window: int, horizon: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    series = series.begun()
    values, _ = filled(series)
    first = max(window, series.per_day - 1)  # the day before of each coming step is known from here on
    ends = np.arange(first, len(series) - horizon, dtype=np.int64)
    ahead = ends[:, None] + np.arange(1, horizon + 1)
    truths = series.values[ahead]
    whole = np.isfinite(truths).all(axis=(1, 2))
    ends, ahead, truths = ends[whole], ahead[whole], truths[whole]
    windows = sliding_window_view(values, window + 1, axis=0)[ends - window].transpose(0, 2, 1)
    return windows, truths, values[ahead - series.per_day], series.seconds()[ends]


def _scaler(values: Floats) -> Scaler:
    centre = float(np.median(values))
    return Scaler(centre, max(robust_spread(values), abs(centre) * _LEAST_SPREAD, 1e-9))
