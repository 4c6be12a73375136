"""Typical days: means by slot and kind of day, what is borrowed, and days that are left out."""

from __future__ import annotations

import numpy as np
import pytest

from ml_core.timeseries.day_profiles import DAY_SECONDS, KINDS, Days, at, kinds_of, median

STEP = 6 * 3600
PER_DAY = DAY_SECONDS // STEP
MONDAY = 4  # days since 1970; that day was a Thursday
BORROWED = 0.3


def days_of(values: np.ndarray, first_day: int = MONDAY) -> Days:
    """Return the days of a table ``(days, slots)``, as one column."""
    return Days.of(values.reshape(-1, 1), first_day * DAY_SECONDS, STEP)


def noise(days: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(10.0, 1.0, size=(days, PER_DAY))


def test_saturday_and_sunday_are_of_another_kind() -> None:
    assert kinds_of(np.arange(MONDAY, MONDAY + 7)).tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_a_typical_day_is_the_mean_of_its_kind_with_a_little_of_all_days() -> None:
    values = noise(21)
    profile = days_of(values).profile()
    assert profile.shape == (KINDS, PER_DAY, 1)
    is_weekend = np.arange(21) % 7 >= 5
    for kind, own in enumerate((values[~is_weekend], values[is_weekend])):
        expected = (own.sum(axis=0) + BORROWED * values.mean(axis=0)) / (len(own) + BORROWED)
        assert profile[kind, :, 0] == pytest.approx(expected)


def test_gaps_count_for_nothing_and_a_slot_that_was_never_measured_is_the_mean_of_all() -> None:
    values = noise(5)
    values[2, 1] = np.nan
    values[:, 3] = np.nan
    profile = days_of(values).profile()
    others = values[[0, 1, 3, 4], 1]
    assert profile[0, 1, 0] == pytest.approx(others.mean())
    assert profile[:, 3, 0] == pytest.approx([np.nanmean(values)] * 2)
    assert profile[1, 0, 0] == pytest.approx(values[:, 0].mean())  # no weekend was seen: all is borrowed


def test_a_series_may_begin_at_any_slot_and_has_any_number_of_columns() -> None:
    both = np.column_stack([np.arange(6.0), 10 * np.arange(6.0)])
    days = Days.of(both, MONDAY * DAY_SECONDS + 2 * STEP, STEP)
    assert days.first_day == MONDAY and days.values.shape == (2, PER_DAY, 2)
    assert np.isnan(days.values[0, :2]).all() and days.values[0, 2].tolist() == [0.0, 0.0]
    assert days.values[1, :, 1].tolist() == [20.0, 30.0, 40.0, 50.0]
    assert Days.of(both[:0], MONDAY * DAY_SECONDS, STEP).values.shape == (0, PER_DAY, 2)


def test_values_are_looked_up_by_profile_time_of_day_and_kind_of_day() -> None:
    profiles = np.arange(2 * KINDS * PER_DAY, dtype=float).reshape(2, KINDS, PER_DAY, 1)
    times = np.array([[MONDAY * DAY_SECONDS, MONDAY * DAY_SECONDS + STEP], [(MONDAY + 5) * DAY_SECONDS + 3 * STEP] * 2])
    found = at(profiles, np.array([0, 1]), times)
    assert found[..., 0].tolist() == [[0.0, 1.0], [15.0, 15.0]]


def test_what_is_left_out_is_as_if_it_had_never_been_measured() -> None:
    values = noise(20)
    days, left_out = days_of(values), [3, 4]
    without = values.copy()
    without[left_out] = np.nan
    times = (MONDAY * DAY_SECONDS + STEP * np.arange(80)).reshape(1, -1)
    found = days.leaving_out(times, MONDAY + np.array([left_out]))
    expected = at(days_of(without).profile()[None], np.array([0]), times)
    assert found == pytest.approx(expected)
    assert days.leaving_out(times, MONDAY + np.array([[3, 3]])) == pytest.approx(
        days.leaving_out(times, np.array([[MONDAY + 3]]))
    )
    assert days.leaving_out(times, np.array([[MONDAY - 1, MONDAY + 20]])) == pytest.approx(
        at(days.profile()[None], np.array([0]), times)
    )


def test_a_day_that_is_left_out_cannot_be_told_from_its_typical_day() -> None:
    values, times = noise(14), (MONDAY + 2) * DAY_SECONDS + STEP * np.arange(PER_DAY)[None]
    day = np.array([[MONDAY + 2]])
    before = days_of(values).leaving_out(times, day)
    values[2] = 1e6
    assert days_of(values).leaving_out(times, day) == pytest.approx(before)


def test_when_no_other_day_is_known_the_mean_of_all_stands_for_it() -> None:
    values = noise(1)
    found = days_of(values).leaving_out(np.array([[MONDAY * DAY_SECONDS]]), np.array([[MONDAY]]))
    assert found[0, 0, 0] == pytest.approx(values.mean())


def test_the_median_is_numpys_of_what_is_known_and_0_where_nothing_is() -> None:
    values = np.random.default_rng(0).normal(size=(7, 5, 2))
    values[:3, 1] = np.nan
    values[:, 4] = np.nan
    found = median(values)
    assert found[:4] == pytest.approx(np.nanmedian(values[:, :4], axis=0))
    assert (found[4] == 0).all() and median(values[:0]).tolist() == np.zeros((5, 2)).tolist()
    assert median(values[:1])[0] == pytest.approx(values[0, 0])


def test_extremes_are_drawn_to_within_four_spreads_of_their_slot_and_gaps_stay() -> None:
    values = noise(30)
    values[4, 2], values[5, 1] = 1e6, np.nan
    clipped = days_of(values).clipped().values[..., 0]
    others = np.delete(values[:, 2], 4)
    assert clipped[4, 2] < others.mean() + 8 * others.std()
    assert np.isnan(clipped[5, 1])
    is_kept = np.abs(values - np.nanmedian(values, axis=0)) < 2.0
    assert clipped[is_kept].tolist() == values[is_kept].tolist()


def test_a_slot_that_is_the_same_on_most_days_is_measured_by_its_standard_deviation() -> None:
    values = np.zeros((10, PER_DAY))
    values[:4, 0] = 5.0
    assert days_of(values).clipped().values[..., 0].tolist() == values.tolist()
