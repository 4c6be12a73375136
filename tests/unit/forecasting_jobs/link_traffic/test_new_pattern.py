"""History moved to a new pattern: what is sure moves, chance does not, and nothing later is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from forecasting_jobs.link_traffic.new_pattern import change_time, moved
from tests.factories import NOON

DAY = timedelta(days=1)
START = NOON.replace(hour=0) - 28 * DAY
SINCE, UNTIL = START + 24 * DAY, START + 28 * DAY


def a_series(seed: int = 0) -> LinkSeries:
    """Return 30 days of hours with noise around a day of two levels."""
    day = np.where(np.arange(24)[:, None] < 12, 5.0, 9.0)
    noise = np.random.default_rng(seed).normal(0, 0.3, size=(30 * 24, 2))
    return LinkSeries("A", "X", START, HOUR, np.tile(day, (30, 2)) + noise)


def with_transfers(series: LinkSeries, size: float) -> LinkSeries:
    """Return the series with a transfer at 6 o'clock from ``SINCE`` on."""
    values = series.values.copy()
    values[24 * 24 + 6 :: 24] += size
    return replace(series, values=values)


def test_the_slot_that_has_changed_is_moved_in_the_days_before_and_no_other_is() -> None:
    series = with_transfers(a_series(), 4.0)
    new = moved(series, SINCE, UNTIL)
    begin = 24 * 24
    shift = (new.values - series.values)[:begin].reshape(24, 24, 2)
    assert shift[:, 6] == pytest.approx(np.full((24, 2), 4.0), abs=0.6)
    others = np.delete(shift, 6, axis=1)
    assert (others != 0).mean() < 0.03 and np.abs(others).max() < 1.0  # what chance is taken for is little
    assert new.values[begin:].tolist() == series.values[begin:].tolist()


def test_an_hour_is_known_by_few_days_though_the_load_wanders_and_what_lasts_is_moved_too() -> None:
    series = a_series()
    wander = np.repeat(np.random.default_rng(1).normal(0, 2.0, size=(60, 2)), 12, axis=0)  # anew at 0 and at 12 o'clock
    wandering = replace(series, values=series.values + 20.0 + wander)
    begin = 24 * 24
    hour = moved(with_transfers(wandering, 4.0), SINCE, UNTIL).values - wandering.values
    assert hour[6:begin:24] == pytest.approx(np.full((24, 2), 4.0), abs=0.8)
    lasting = replace(wandering, values=wandering.values + np.where(np.arange(len(series))[:, None] >= begin, 12.0, 0))
    shift = (moved(lasting, SINCE, UNTIL).values - lasting.values)[:begin]
    assert np.median(shift) == pytest.approx(12.0, abs=2.5)


def test_what_chance_can_do_moves_next_to_nothing() -> None:
    is_moved = [moved(a_series(seed), SINCE, UNTIL).values != a_series(seed).values for seed in range(40)]
    assert np.mean(is_moved) < 0.004


def test_the_change_is_found_where_it_was_and_none_where_there_is_none() -> None:
    assert change_time([with_transfers(a_series(seed), 4.0) for seed in range(3)], UNTIL) in {SINCE, SINCE + DAY / 4}
    monster = with_transfers(a_series(), 4.0)
    monster.values[20 * 24 + 3] = 1e6
    assert change_time([monster], UNTIL) in {SINCE, SINCE + DAY / 4}
    same_each_day = replace(a_series(), values=np.tile(a_series().values[:24], (30, 1)))
    assert change_time([same_each_day], UNTIL) is None


def test_nothing_from_until_on_is_looked_at() -> None:
    series = with_transfers(a_series(), 4.0)
    later = replace(series, values=np.where(np.arange(len(series))[:, None] >= 28 * 24, 1e6, series.values))
    ours, theirs = (moved(each, SINCE, UNTIL).values[: 28 * 24] for each in (series, later))
    assert ours.tolist() == theirs.tolist()
    assert change_time([series], UNTIL) == change_time([later], UNTIL)


def test_gaps_stay_gaps_and_traffic_does_not_fall_below_zero() -> None:
    series = with_transfers(a_series(), -40.0)
    series.values[30] = np.nan
    new = moved(series, SINCE, UNTIL)
    assert np.isnan(new.values[30]).all()
    assert new.values[6 : 24 * 24 : 24][np.isfinite(new.values[6 : 24 * 24 : 24])].max() == 0.0


@pytest.mark.parametrize(("since", "until"), [(START + 6 * DAY, UNTIL), (UNTIL, UNTIL), (START - DAY, UNTIL)])
def test_a_series_of_which_either_side_is_too_short_stays_as_it_is(since: datetime, until: datetime) -> None:
    series = with_transfers(a_series(), 4.0)
    assert moved(series, since, until) is series
