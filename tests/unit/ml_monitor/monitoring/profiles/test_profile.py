from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.profiles.profile import (
    LEVELS,
    MOST_LABELS,
    MOST_VALUES,
    OTHER,
    CategoryProfile,
    NumberProfile,
    profile_of,
    read_profile,
)

DRAWN = np.random.default_rng(3).lognormal(10, 0.5, 5000)


def of_numbers(values: object) -> NumberProfile:
    found = profile_of(number_column(values))
    assert isinstance(found, NumberProfile)
    return found


def of_labels(values: object) -> CategoryProfile:
    found = profile_of(category_column(values))
    assert isinstance(found, CategoryProfile)
    return found


def test_numbers_are_kept_as_quantiles_of_all_that_is_known() -> None:
    found = of_numbers([*DRAWN, math.nan, math.inf])
    assert (found.rows, found.known) == (5002, 5000)
    assert found.missing == pytest.approx(2 / 5002)
    assert found.counts == ()
    for level in (0.0, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0):
        assert found.quantile(level) == pytest.approx(np.quantile(DRAWN, level), rel=1e-5)


def test_the_share_below_a_bound_is_off_by_less_than_a_step_of_the_quantiles() -> None:
    found = of_numbers(DRAWN)
    bounds = np.linspace(DRAWN.min() - 1, DRAWN.max() + 1, 57)
    exact = np.array([(bound > DRAWN).mean() for bound in bounds])
    assert np.abs(found.share_below(bounds) - exact).max() < 0.025
    assert found.share_below(np.array([DRAWN.min() - 1, DRAWN.max() + 1])).tolist() == [0.0, 1.0]


def test_few_distinct_numbers_are_counted_exactly() -> None:
    found = of_numbers([3.0, 1.0, 3.0, None])
    assert found.counts == ((1.0, 1), (3.0, 2))
    assert found.share_below(np.array([1.0, 1.5, 3.0, 4.0])).tolist() == [0.0, 1 / 3, 1 / 3, 1.0]
    assert of_numbers(range(MOST_VALUES)).counts
    assert not of_numbers(range(MOST_VALUES + 1)).counts


def test_many_values_behind_a_uniform_beginning_are_seen() -> None:
    assert not of_numbers([*[7.0] * 1000, *range(100)]).counts


def test_a_tie_of_many_rows_is_no_straight_line() -> None:
    found = of_numbers([*[0.0] * 600, *np.linspace(10, 20, 400)])
    assert found.share_below(np.array([0.0])).tolist() == [0.0]
    assert found.share_below(np.array([0.5]))[0] == pytest.approx(0.6, abs=0.025)


def test_the_most_frequent_labels_are_kept_by_name() -> None:
    labels = [f"label {number:02}" for number in range(30) for _ in range(30 - number)]
    found = of_labels([*labels, None])
    assert len(found.counts) == MOST_LABELS
    assert next(iter(found.counts.items())) == ("label 00", 30)
    assert found.pooled == sum(range(1, 11))
    assert found.share_of("label 29") == 0.0
    assert found.share_of(OTHER) == found.pooled / found.known
    assert found.missing == pytest.approx(1 / found.rows)


@pytest.mark.parametrize("values", [[], [None, None], [1.7e308, -1.7e308] * 40, [5e-324, 1.0]])
def test_any_numbers_can_be_profiled_and_stored(values: list[float | None]) -> None:
    found = of_numbers(values)
    assert read_profile(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found
    assert list(found.quantiles) == sorted(found.quantiles)
    assert len(found.quantiles) in (0, len(LEVELS))
    assert found.share_below(np.array([0.0])).shape == (1,)


def test_labels_come_back_in_their_order() -> None:
    found = of_labels(["b", "a", "b", "ü", None])
    back = read_profile(json.loads(json.dumps(found.to_dict())))
    assert isinstance(back, CategoryProfile)
    assert list(back.counts.items()) == [("b", 2), ("a", 1), ("ü", 1)]
    assert back == found


def test_a_profile_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind: expected number or category, not 'image'"):
        read_profile({"kind": "image"})
