from __future__ import annotations

import numpy as np
import pytest

from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.profiles.beside import MOST_BARS, Scale, common_scale, shares_on, together
from ml_monitor.monitoring.profiles.profile import OTHER, Profile, profile_of

INCOME = np.random.default_rng(5).lognormal(10.4, 0.5, 4000)


def numbers(values: object) -> Profile:
    return profile_of(number_column(values))


def labels(values: object) -> Profile:
    return profile_of(category_column(values))


def test_bins_are_round_and_hold_both_sides() -> None:
    before, now = numbers(INCOME), numbers(np.where(np.arange(4000) % 5 < 3, INCOME / 12, INCOME))
    scale = common_scale((before, now))
    widths = np.diff(scale.edges)
    assert 10 <= scale.places <= 40
    assert widths.tolist() == [widths[0]] * scale.places
    assert float(f"{widths[0]:.1e}") == widths[0]
    for profile in (before, now):
        assert sum(shares_on(profile, scale)) == pytest.approx(1.0)


def test_shares_in_bins_are_those_of_the_rows() -> None:
    profile = numbers(INCOME)
    scale = common_scale((profile,))
    inner = np.array(scale.edges[1:-1])
    exact = np.histogram(INCOME, [-np.inf, *inner, np.inf])[0] / len(INCOME)
    assert np.abs(np.array(shares_on(profile, scale)) - exact).max() < 0.025


def test_a_value_far_out_does_not_make_the_bins_wide() -> None:
    values = np.append(INCOME, 1e12)
    assert common_scale((numbers(values),)).edges[-1] < 1e6


def test_few_numbers_have_a_bar_each() -> None:
    scale = common_scale((numbers([1, 2, 2, 3]), numbers([3, 4])))
    assert scale.labels == ("1", "2", "3", "4")
    assert shares_on(numbers([1, 2, 2, 3]), scale) == (0.25, 0.5, 0.25, 0.0)


def test_one_value_has_one_bin() -> None:
    many = numbers([5.0] * 3 + list(range(100, 130)))
    assert common_scale((many,)).places > 1
    scale = Scale(edges=(5.0, np.nextafter(5.0, 6.0).item()))
    assert shares_on(numbers([5.0, 5.0]), scale) == (1.0,)


@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308, *range(40)], [0.0, 5e-324, *np.linspace(0, 1e-300, 40)]])
def test_numbers_at_the_ends_of_floats_have_a_scale(values: list[float]) -> None:
    profile = numbers(values)
    scale = common_scale((profile,))
    assert sum(shares_on(profile, scale)) == pytest.approx(1.0)


def test_labels_come_by_the_reference_and_what_is_new_stands_with_them() -> None:
    before, now = labels(["a"] * 6 + ["b"] * 4), labels(["b"] * 5 + ["x"] * 5)
    scale = common_scale((before, now))
    assert scale.labels == ("a", "b", "x")
    assert shares_on(now, scale) == (0.0, 0.5, 0.5)


def test_many_labels_are_shown_as_others() -> None:
    profile = labels([f"label {number:02}" for number in range(40) for _ in range(number + 1)])
    scale = common_scale((profile,))
    assert len(scale.labels) == MOST_BARS
    assert scale.labels[-1] == OTHER
    assert sum(shares_on(profile, scale)) == pytest.approx(1.0)


def test_chunks_together_weigh_by_their_rows() -> None:
    few, many = numbers([1.0]), numbers([2.0] * 3)
    scale = common_scale((few, many))
    assert together((few, many), scale) == (0.25, 0.75)
    assert together((), scale) == (0.0, 0.0)


def test_where_nothing_is_known_there_is_no_place() -> None:
    nothing = numbers([None])
    assert common_scale((nothing,)).places == 0
    assert shares_on(nothing, common_scale((numbers(INCOME),)))[0] == 0.0
