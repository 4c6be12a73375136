"""The warning: how probable a crossing is, when it is to be expected, and when to warn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml_core.forecasters.intervals import intervals
from ml_core.forecasters.overload import Overload, alert_level, overload
from ml_core.timeseries.series import Floats


def warned(limit: float, *, rising: bool = False, rows: int = 120) -> Overload:
    """Noise of spread 1 around forecasts of 50, or rising by 1 a step from 50."""
    random = np.random.default_rng(2)
    horizon = 6
    values = 50 + random.normal(0, 1, 40 + 2 * rows)
    origins = np.arange(40, 40 + 2 * rows, 2) - 1
    point = np.full((rows, horizon), 50.0) + (np.arange(1, horizon + 1) if rising else 0)
    truths = point + random.normal(0, 1, point.shape)
    width = np.array([-1.96, -1.2816, 0, 1.2816, 1.96])
    return overload(values, origins, point, truths, point[:, :, None] + width, limit)


def test_a_limit_far_away_is_not_crossed_and_one_below_is() -> None:
    assert warned(80.0).chance[-1] < 0.01
    assert warned(40.0).chance[-1] > 0.99
    assert math.isnan(warned(80.0).first_step[-1])


def test_the_chance_falls_as_the_limit_rises() -> None:
    chances = [float(warned(limit).chance[-1]) for limit in (50.5, 51.5, 52.5, 54.0)]
    assert chances == sorted(chances, reverse=True) and chances[0] > 0.5 > chances[-1]


def test_the_first_crossing_is_expected_where_the_forecast_reaches_the_limit() -> None:
    assert warned(53.5, rising=True).first_step[-1] in (3, 4)
    assert warned(51.0, rising=True).first_step[-1] == 1


def test_before_any_origin_is_complete_there_is_a_chance_all_the_same() -> None:
    first = warned(52.0)
    assert 0 < first.chance[0] < 1 and math.isnan(first.first_step[0])


def test_what_comes_after_an_origin_changes_nothing_at_it() -> None:
    random = np.random.default_rng(2)
    values, origins = random.normal(50, 1, 200), np.arange(40, 180, 2)
    point = np.full((70, 6), 50.0)
    bands = point[:, :, None] + np.array([-2, -1.3, 0, 1.3, 2])

    def truths_of(series: Floats) -> Floats:
        found: Floats = series[origins[:, None] + np.arange(1, 7)]
        return found

    changed = values.copy()
    changed[origins[50] + 1 :] = 99.0
    before = overload(values, origins, point, truths_of(values), bands, 52.0)
    after = overload(changed, origins, point, truths_of(changed), bands, 52.0)
    np.testing.assert_array_equal(before.chance[:51], after.chance[:51])
    assert after.chance[60] > before.chance[60]


@pytest.mark.parametrize(("stride", "is_new"), [(1, False), (12, False), (1, True), (12, True)])
def test_the_chance_is_honest_on_random_walks_also_for_a_limit_that_was_never_crossed(
    stride: int, is_new: bool
) -> None:
    """Origins that overlap tell the same over again, and silence so far must not be taken for safety."""
    random, horizon = np.random.default_rng(7), 12
    said, came = [], []
    while len(said) < 150:
        values = 50 + np.cumsum(random.normal(size=60 * stride + horizon))
        newest = len(values) - horizon - 1
        known = values[: newest + 1]
        limit = known.max() + random.uniform(0, 4) if is_new else known[-1] + 2.0
        if limit > known[-1] + 4:
            continue
        origins = np.arange(newest, 0, -stride)[::-1]
        point = np.repeat(known[origins][:, None], horizon, axis=1)
        truths = np.r_[known, np.full(horizon, np.nan)][origins[:, None] + np.arange(1, horizon + 1)]
        bands = intervals(known, origins, point, truths)
        said.append(float(overload(known, origins, point, truths, bands, limit).chance[-1]))
        came.append(bool((values[newest + 1 :] > limit).any()))
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)


def test_a_constant_series_at_its_limit_has_a_chance_without_dividing_by_zero() -> None:
    flat = overload(
        np.full(50, 7.0), np.array([49]), np.full((1, 3), 7.0), np.full((1, 3), np.nan), np.full((1, 3, 5), 7.0), 7.0
    )
    assert 0 < flat.chance[0] < 1


def test_a_limit_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="limit: expected a finite number, not nan"):
        warned(math.nan)


def test_dear_misses_warn_early_and_dear_false_warnings_late() -> None:
    assert alert_level(missed_cost=9, false_cost=1) == pytest.approx(0.1)
    assert alert_level(missed_cost=1, false_cost=9) == pytest.approx(0.9)


@pytest.mark.parametrize("costs", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_costs_must_be_positive_numbers(costs: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="costs: expected positive numbers"):
        alert_level(*costs)
