"""The ensemble: who has lately been right weighs more, as of each origin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml_core.forecasters.backtest import Backtest, truths_after
from ml_core.forecasters.base import Paths
from ml_core.forecasters.ensemble import combine, completed_at, step_groups, trailing_errors, weighted_median
from ml_core.timeseries.series import Floats, Series


def tried_of(paths: dict[str, Floats], values: Floats, origins: list[int], horizon: int) -> Backtest:
    """A backtest whose forecasts are given."""
    history = Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), values)
    index = np.array(origins)
    made = {name: Paths(point) for name, point in paths.items()}
    return Backtest(history, horizon, index, truths_after(history, index, horizon), made, [], {})


def offset_by(tried_origins: list[int], offsets: dict[str, float], horizon: int, values: Floats) -> Backtest:
    index = np.array(tried_origins)
    padded = np.concatenate([values, np.full(horizon, values[-1])])
    truths = padded[index[:, None] + np.arange(1, horizon + 1)]
    return tried_of({name: truths + offset for name, offset in offsets.items()}, values, tried_origins, horizon)


def test_groups_of_steps_grow_and_end_at_the_horizon() -> None:
    assert [(group.start, group.stop) for group in step_groups(72)] == [
        (0, 1),
        (1, 3),
        (3, 6),
        (6, 12),
        (12, 24),
        (24, 48),
        (48, 72),
    ]
    assert [(group.start, group.stop) for group in step_groups(5)] == [(0, 1), (1, 3), (3, 5)]
    assert step_groups(1) == [slice(0, 1)]


def test_an_origin_is_complete_once_all_steps_of_the_group_have_come() -> None:
    assert completed_at(np.array([10, 12, 14, 16]), 4).tolist() == [0, 0, 1, 2]
    assert completed_at(np.array([10, 12, 14, 16]), 1).tolist() == [0, 1, 2, 3]


def test_the_best_of_the_past_wins_the_most_weight() -> None:
    values = np.random.default_rng(0).normal(50, 5, 200)
    tried = offset_by(list(range(50, 190, 2)), {"good": 0.2, "bad": 5.0, "worse": -8.0}, 3, values)
    combination = combine(tried)
    best = combination.weights[-1, :, list(combination.members).index("good")]
    assert (best / combination.weights[-1].sum(axis=1) > 0.99).all()
    np.testing.assert_allclose(combination.point[-5:], tried.paths["good"].point[-5:], atol=0.05)


def test_before_anything_is_known_all_weigh_the_same() -> None:
    values = np.random.default_rng(0).normal(50, 5, 200)
    combination = combine(offset_by([50, 52, 54], {"a": 1.0, "b": 2.0, "c": 9.0}, 6, values))
    assert combination.weights[0].tolist() == [[1.0, 1.0, 1.0]] * 3
    np.testing.assert_allclose(combination.point[0], values[51:57] + 2.0)


def test_what_comes_after_an_origin_changes_nothing_at_it() -> None:
    random = np.random.default_rng(3)
    values = random.normal(50, 5, 200)
    origins = list(range(50, 190, 2))
    paths = {name: random.normal(50, 5, (len(origins), 4)) for name in ("a", "b", "c")}
    whole = combine(tried_of(paths, values, origins, 4))
    changed = values.copy()
    changed[151:] = 1e6
    later = combine(tried_of(paths, changed, origins, 4))
    row = origins.index(150)
    np.testing.assert_array_equal(whole.point[: row + 1], later.point[: row + 1])
    assert not np.array_equal(whole.point[row + 2 :], later.point[row + 2 :])


def test_one_that_joins_late_is_held_to_be_middling_until_it_has_shown_more() -> None:
    errors = np.full((30, 3), [1.0, 2.0, np.nan])
    errors[20:, 2] = 0.0
    trailing = trailing_errors(errors, np.arange(30))
    assert np.isnan(trailing[20, 2]) or trailing[20, 2] > 0.9
    assert 0 < trailing[21, 2] < trailing[20 + 1, 1]
    assert trailing[29, 2] < trailing[21, 2]


def test_one_that_could_not_be_fitted_weighs_nothing() -> None:
    values = np.random.default_rng(0).normal(50, 5, 200)
    tried = offset_by(list(range(50, 90, 2)), {"a": 1.0, "b": 3.0}, 2, values)
    tried.paths["b"].point[:10] = np.nan
    combination = combine(tried)
    assert (combination.weights[:10, :, 1] == 0).all()
    np.testing.assert_allclose(combination.point[:10], tried.paths["a"].point[:10])


@pytest.mark.parametrize(
    ("values", "weights", "median"),
    [
        ([1.0, 2.0, 9.0], [1.0, 1.0, 1.0], 2.0),
        ([9.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0], 2.5),
        ([1.0, 2.0, 9.0], [0.0, 0.0, 1.0], 9.0),
        ([1.0, np.nan, 3.0], [1.0, 5.0, 1.0], 2.0),
        ([4.0], [2.0], 4.0),
    ],
)
def test_the_weighted_median_is_the_value_at_half_the_weight(
    values: list[float], weights: list[float], median: float
) -> None:
    found = weighted_median(np.array(values)[:, None], np.array(weights)[:, None])
    assert found[0] == pytest.approx(median)


def test_the_weighted_median_of_nothing_is_unknown() -> None:
    assert np.isnan(weighted_median(np.full((3, 1), np.nan), np.ones((3, 1))))[0]
