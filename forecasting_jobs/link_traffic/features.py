"""From series of links to what the network learns from: windows, what came after them, and scalers.

Scalers, typical days and categories are fitted on what lies before the cut-off. A window is made of what was known at
its issue time, gaps filled from before; a window whose coming steps were not all measured is no example. See
``ml_core.forecasters.window_spec`` for the inputs themselves, which serving makes by the same function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecasting_jobs.link_traffic.gaps import filled
from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.window_spec import FARTHEST, Inputs, Singles, WindowSpec
from ml_core.timeseries.day_profiles import DAY_SECONDS, Days
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

    def since(self, time: datetime) -> Examples:
        """Return those that were issued at a time or later."""
        return self.taken(self.seconds >= int(time.timestamp()))


def fit_spec(links: Sequence[LinkSeries], cut_off: datetime) -> WindowSpec:
    """Return the specification by what was measured up to ``cut_off``; raise ``InvalidInput`` if a link has nothing."""
    scalers = {}
    for series in links:
        known = _until(series, cut_off)
        known = known[np.isfinite(known).all(axis=1)]
        if not len(known):
            message = f"nothing of {series.link} at {series.location} was measured before the cut-off"
            raise InvalidInput(f"time: {message}", [FieldError("time", message)])
        rx, tx = (_scaler(direction) for direction in known.T)
        scalers[series.pair] = (rx, tx)
    days = days_of(links, cut_off)
    return WindowSpec(
        window=WINDOW,
        horizon=HORIZON,
        step_seconds=int(links[0].step.total_seconds()),
        links=tuple(sorted({series.link for series in links})),
        locations=tuple(sorted({series.location for series in links})),
        scalers=scalers,
        profiles=np.stack([days[pair].profile() for pair in scalers]),
    )


def days_of(links: Sequence[LinkSeries], cut_off: datetime) -> Mapping[tuple[str, str], Days]:
    """Return what was measured up to ``cut_off``, day by day and without extremes, by link and location."""
    return {
        series.pair: Days.of(
            _until(series, cut_off), int(series.start_time.timestamp()), int(series.step.total_seconds())
        ).clipped()
        for series in links
    }


def examples_of(links: Sequence[LinkSeries], spec: WindowSpec) -> Examples:
    """Return every window of the links whose coming steps were all measured."""
    parts = [_of_one(series, spec.window, spec.horizon) for series in links]
    pairs = [series.pair for series, (windows, *_) in zip(links, parts, strict=True) for _ in range(len(windows))]
    windows, truths, day_before, seconds = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Examples(windows, truths, day_before, pairs, seconds)


def typical_of(spec: WindowSpec, examples: Examples, days: Mapping[tuple[str, str], Days]) -> Floats:
    """Return the typical values of examples to learn from, ``(count, window + 1 + horizon, 2)``.

    ``days`` are those of ``days_of``. The days that an example is about are no part of its typical days: else a network
    would learn that they know what comes.
    """
    times, which = spec.times(examples.seconds), pairs_of(spec, examples)
    typical = np.empty((*times.shape, 2))
    coming = times[:, [spec.window + 1, -1]] // DAY_SECONDS
    for number, pair in enumerate(spec.scalers):
        rows = which == number
        typical[rows] = days[pair].leaving_out(times[rows], coming[rows])
    return typical


def trust_in(spec: WindowSpec, examples: Examples, typical: Floats) -> Floats:
    """Return by which factor, 0 to 1, typical days have proved true on the examples, ``(pairs, 2)``.

    It is that by which the typical changes to come are closest to the real ones by least squares, both in spreads of
    the window and without extremes. The days to come are no part of ``typical``, so a day that is typical by chance
    alone proves nothing.
    """
    which, count, ahead = pairs_of(spec, examples), len(spec.scalers), spec.window + 1
    floor = np.array([[_LEAST_SPREAD * each.spread for each in both] for both in spec.scalers.values()])
    seen = examples.windows[:, 1:]
    spread = np.maximum(seen.std(axis=1), floor[which])[:, None]
    real = np.clip((examples.truths - seen.mean(axis=1)[:, None]) / spread, -FARTHEST, FARTHEST)
    changes = typical[:, ahead:] - typical[:, 1:ahead].mean(axis=1)[:, None]
    said = np.clip(changes / spread, -FARTHEST, FARTHEST)
    agreed, size = (np.zeros((count, 2)) for _ in range(2))
    np.add.at(agreed, which, (real * said).sum(axis=1))
    np.add.at(size, which, np.square(said).sum(axis=1))
    return np.asarray(np.clip(agreed / np.where(size > 0, size, 1.0), 0.0, 1.0))


def pairs_of(spec: WindowSpec, examples: Examples) -> NDArray[np.int64]:
    """Return the place of each example's link and location in the specification."""
    places = {pair: number for number, pair in enumerate(spec.scalers)}
    return np.fromiter((places[pair] for pair in examples.pairs), dtype=np.int64, count=len(examples))


def inputs_of(spec: WindowSpec, examples: Examples, typical: Floats | None = None) -> Inputs:
    """Return the network's inputs; ``typical`` are the typical values of ``typical_of``, to learn from."""
    return spec.inputs(examples.windows, examples.pairs, examples.seconds, typical)


def targets_of(inputs: Inputs, examples: Examples) -> Singles:
    """Return what the network is to say: how far the coming values are from their base, in the window's spread."""
    changes = (examples.truths - inputs.base) / inputs.spread[:, None]
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


def _until(series: LinkSeries, cut_off: datetime) -> Floats:
    return series.values[: max(series.index_at(cut_off) + 1, 0)]


def _scaler(values: Floats) -> Scaler:
    centre = float(np.median(values))
    return Scaler(centre, max(robust_spread(values), abs(centre) * _LEAST_SPREAD, 1e-9))
