"""Intervals: they cover what they say, adapt, and know nothing of the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ml_core.forecasters.backtest import truths_after
from ml_core.forecasters.intervals import intervals
from ml_core.timeseries.series import Floats, Series


def walked(spread: Floats, horizon: int = 6, stride: int = 2) -> tuple[Floats, Floats, Floats, Floats]:
    """Noise around 50 with the given spread at each time, forecast by 50."""
    values = 50 + spread * np.random.default_rng(1).normal(0, 1, len(spread))
    origins = np.arange(40, len(values) - 1, stride)
    history = Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), values)
    return values, origins, np.full((len(origins), horizon), 50.0), truths_after(history, origins, horizon)


def covered(truths: Floats, bands: Floats, lower: int, upper: int) -> float:
    inside = (truths >= bands[:, :, lower]) & (truths <= bands[:, :, upper])
    return float(inside[np.isfinite(truths)].mean())


def test_intervals_of_noise_cover_80_and_95_of_100() -> None:
    values, origins, point, truths = walked(np.full(1500, 3.0))
    bands = intervals(values, origins, point, truths)
    assert 0.77 < covered(truths, bands, 1, 3) < 0.83
    assert 0.92 < covered(truths, bands, 0, 4) < 0.98


def test_intervals_widen_when_the_noise_does() -> None:
    values, origins, point, truths = walked(np.where(np.arange(2000) < 1000, 1.0, 4.0))
    bands = intervals(values, origins, point, truths)
    widths = bands[:, 0, 3] - bands[:, 0, 1]
    assert np.median(widths[-200:]) > 3 * np.median(widths[100:400])
    late = origins > 1300
    assert 0.75 < covered(truths[late], bands[late], 1, 3) < 0.85


def test_bounds_are_nested_around_the_point_forecast() -> None:
    values, origins, point, truths = walked(np.full(400, 3.0))
    bands = intervals(values, origins, point + 100.0, truths)  # a forecaster that is always far too high
    assert (np.diff(bands, axis=2) >= 0).all()
    np.testing.assert_array_equal(bands[:, :, 2], point + 100.0)
    assert covered(truths[100:], bands[100:], 1, 3) > 0.7


def test_what_comes_after_an_origin_changes_nothing_at_it() -> None:
    values, origins, point, truths = walked(np.full(400, 3.0))
    row = 120
    changed, later = values.copy(), truths.copy()
    changed[origins[row] + 1 :] = 1e6
    unknown = origins[:, None] + np.arange(1, 7) > origins[row]
    later[unknown] = 1e6
    before, after = intervals(values, origins, point, truths), intervals(changed, origins, point, later)
    np.testing.assert_array_equal(before[: row + 1], after[: row + 1])
    assert not np.array_equal(before[row + 5 :], after[row + 5 :])


def test_before_any_origin_is_complete_the_changes_of_the_series_stand_for_errors() -> None:
    values = 50 + np.cumsum(np.random.default_rng(0).normal(0, 1, 100))
    bands = intervals(values, np.array([99]), np.full((1, 6), 50.0), np.full((1, 6), np.nan))
    widths = bands[0, :, 3] - bands[0, :, 1]
    assert np.isfinite(bands).all() and 1 < widths[0] < widths[-1]


def test_a_single_value_has_bands_without_width_rather_than_none() -> None:
    bands = intervals(np.array([5.0]), np.array([0]), np.full((1, 3), 5.0), np.full((1, 3), np.nan))
    assert (bands == 5.0).all()
