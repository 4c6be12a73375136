"""The one-sided test of two proportions against the textbook's, and at its ends."""

from __future__ import annotations

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.thresholds.shares import p_value_of_rise


@pytest.mark.parametrize(
    ("found", "rows", "reference_found", "reference_rows"),
    [(30, 400, 100, 5000), (1, 50, 0, 1000), (0, 50, 10, 1000), (400, 400, 4900, 5000), (500_000, 1_000_000, 1, 2)],
)
def test_it_is_the_z_test_of_proportions(found: int, rows: int, reference_found: int, reference_rows: int) -> None:
    from statsmodels.stats.proportion import proportions_ztest

    _, expected = proportions_ztest([found, reference_found], [rows, reference_rows], alternative="larger")
    found_value = p_value_of_rise(found / rows, rows, reference_found / reference_rows, reference_rows)
    assert found_value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_has_risen_where_none_or_all_are_so_on_both_sides(share: float) -> None:
    assert p_value_of_rise(share, 100, share, 1000) == 1.0


def test_an_equal_share_is_as_likely_as_not_and_a_fall_is_no_rise() -> None:
    assert p_value_of_rise(0.25, 100, 0.25, 1000) == pytest.approx(0.5)
    assert p_value_of_rise(0.1, 1000, 0.3, 1000) > 0.999


def test_more_rows_make_the_same_rise_less_likely() -> None:
    values = [p_value_of_rise(0.06, rows, 0.05, 100_000) for rows in (100, 1000, 10_000, 100_000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-10 < 0.3 < values[0]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((1.1, 10, 0.5, 10), "share"),
        ((float("nan"), 10, 0.5, 10), "share"),
        ((0.5, 10, -0.1, 10), "reference_share"),
        ((0.5, 0, 0.5, 10), "rows"),
        ((0.5, 10, 0.5, 0), "reference_rows"),
    ],
)
def test_what_is_no_share_or_no_count_is_named(arguments: tuple[float, int, float, int], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        p_value_of_rise(*arguments)
    assert [detail.field for detail in caught.value.details] == [field]
