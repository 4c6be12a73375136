"""Features know the past and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml_core.timeseries.features import (
    exponential_averages,
    levels_before,
    median_where_known,
    phases,
    same_phase_at,
    same_phase_values,
    trailing_mean,
    trailing_median,
)
from ml_core.timeseries.series import Floats, Series

VALUES = np.random.default_rng(0).normal(0, 1, 60)


@pytest.mark.parametrize(
    "feature",
    [
        lambda values: trailing_median(values, 5),
        lambda values: trailing_mean(values, 5),
        lambda values: exponential_averages(values, (0.1, 0.9)),
    ],
)
def test_a_feature_does_not_change_when_later_values_do(feature: Callable[[Floats], Floats]) -> None:
    changed = VALUES.copy()
    changed[40:] = 1e9
    np.testing.assert_array_equal(feature(VALUES)[:40], feature(changed)[:40])
    np.testing.assert_allclose(feature(VALUES[:40]), feature(VALUES)[:40])


def test_trailing_windows_end_with_their_own_time() -> None:
    rising = np.arange(6.0)
    assert trailing_median(rising, 3).tolist() == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    assert trailing_mean(rising, 2).tolist() == [0.0, 0.5, 1.5, 2.5, 3.5, 4.5]
    assert trailing_median(rising, 1) is rising


def test_a_long_series_is_taken_in_pieces_with_the_same_result() -> None:
    long = np.random.default_rng(1).normal(0, 1, 20_000)
    assert trailing_median(long, 4)[9_000] == np.median(long[8_997:9_001])


def test_an_exponential_average_forgets_by_its_weight() -> None:
    assert exponential_averages(np.array([0.0, 1.0]), (0.25, 1.0))[1].tolist() == [0.25, 1.0]


def test_the_same_phase_is_whole_periods_back_and_always_known_already() -> None:
    values, origins = np.arange(30.0), np.array([20, 29])
    found = same_phase_values(values, origins, 7, 5, 2)
    assert found[0, 0].tolist() == [16.0, 17.0, 18.0, 19.0, 20.0, 16.0, 17.0]
    assert found[1, 1].tolist() == [20.0, 21.0, 22.0, 23.0, 24.0, 20.0, 21.0]
    for step in (1, 5, 6):
        np.testing.assert_array_equal(same_phase_at(values, origins, step, 5, 2), found[:, :, step - 1])
    assert np.isnan(same_phase_values(values, np.array([2]), 2, 5, 1)).all()


def test_levels_lie_whole_periods_before_the_origin() -> None:
    assert levels_before(np.arange(30.0), np.array([20]), 5, 2).ravel().tolist() == [15.0, 10.0]
    assert np.isnan(levels_before(np.arange(30.0), np.array([3]), 5, 1)).all()


def test_the_median_of_what_is_known_is_numpys() -> None:
    values = np.random.default_rng(2).normal(0, 1, (7, 4, 3))
    values[values > 0.8] = np.nan
    values[:, 0, 0] = np.nan
    found = median_where_known(values, -9.0)
    assert found[0, 0] == -9.0
    rest = np.ones((4, 3), dtype=bool)
    rest[0, 0] = False
    np.testing.assert_allclose(found[rest], np.nanmedian(values[:, rest], axis=0))


def test_phases_are_those_of_the_clock() -> None:
    history = Series(datetime(2026, 1, 1, 22, tzinfo=UTC), timedelta(hours=1), np.zeros(4))
    assert phases(history, 24).tolist() == [22, 23, 0, 1]
