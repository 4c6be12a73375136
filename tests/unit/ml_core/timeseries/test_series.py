"""Series on a regular grid: what is missing is told, never invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from ml_core.errors import InvalidInput
from ml_core.timeseries.series import Series, regular_series

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def at(*slots: float) -> list[datetime]:
    return [NOON + slot * FIVE for slot in slots]


def test_values_in_any_order_are_put_in_order() -> None:
    series = regular_series(at(2, 0, 1), [3.0, 1.0, 2.0])
    assert series.values.tolist() == [1.0, 2.0, 3.0]
    assert (series.start_time, series.step, series.end_time) == (NOON, FIVE, NOON + 2 * FIVE)


def test_a_missing_slot_is_a_gap_and_not_a_zero() -> None:
    series = regular_series(at(0, 1, 4, 5, 7), [1.0, 1.0, 1.0, 1.0, 1.0])
    assert np.isnan(series.values[[2, 3, 6]]).all() and (series.values == 0).sum() == 0
    assert [(gap.start_time, gap.slots) for gap in series.gaps()] == [(NOON + 2 * FIVE, 2), (NOON + 6 * FIVE, 1)]


def test_values_that_are_not_finite_are_gaps() -> None:
    series = regular_series(at(0, 1, 2), [1.0, np.nan, 3.0], FIVE)
    assert [gap.slots for gap in series.gaps()] == [1]


def test_several_values_of_one_slot_are_averaged() -> None:
    series = regular_series([*at(0, 1, 1), NOON + timedelta(minutes=7)], [1.0, 2.0, 4.0, 6.0], FIVE)
    assert series.values.tolist() == [1.0, 4.0]


def test_times_of_another_zone_become_utc() -> None:
    east = timezone(timedelta(hours=3))
    series = regular_series([time.astimezone(east) for time in at(0, 1)], [1.0, 2.0])
    assert series.start_time == NOON and series.start_time.utcoffset() == timedelta(0)


def test_a_column_of_a_frame_is_taken_too() -> None:
    frame = pd.DataFrame({"time": pd.date_range(NOON, periods=3, freq="h"), "value": [1, 2, 3]})
    series = regular_series(frame["time"], frame["value"])
    assert series.step == timedelta(hours=1) and series.steps_per_day == 24


def test_the_step_is_the_most_frequent_distance() -> None:
    assert regular_series(at(0, 1, 2, 10, 11, 30), np.arange(6.0)).step == FIVE


def test_two_hundred_thousand_points_are_no_trouble() -> None:
    times = pd.Series(pd.date_range(NOON, periods=200_000, freq="5min"))
    assert len(regular_series(times, np.arange(200_000.0))) == 200_000


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([], [], "values: expected at least one finite value"),
        (at(0, 1), [np.nan, np.inf], "values: expected at least one finite value"),
        (at(0), [1.0], "step: expected a step"),
        (at(0, 1), [1.0], "values: expected as many values as times"),
        ([datetime(2026, 1, 1), datetime(2026, 1, 2)], [1.0, 2.0], "times: expected times with a zone"),
        (at(0, 1), [1.0, 1e101], "values: expected values of at most 1e\\+100"),
        ([NOON, pd.NaT], [1.0, 1.0], "times: expected a time for each value"),
        (at(0, 1, 2_000_000), [1.0, 2.0, 3.0], "times: expected at most 1,000,000 slots"),
    ],
)
def test_what_is_no_series_is_refused_by_field(times: list[datetime], values: list[float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        regular_series(times, values)
    assert caught.value.details[0].field == message.split(":")[0]


def test_a_step_must_be_positive() -> None:
    with pytest.raises(InvalidInput, match="step: expected a positive step"):
        regular_series(at(0, 1), [1.0, 2.0], timedelta(0))


def test_an_index_and_its_time_find_each_other() -> None:
    series = regular_series(at(0, 1, 2), [1.0, 2.0, 3.0])
    assert series.index_at(series.time_at(7)) == 7
    assert series.index_at(NOON + timedelta(minutes=9)) == 1
    assert series.index_at(NOON - FIVE) == -1


def test_a_day_that_is_no_multiple_of_the_step_has_no_daily_season() -> None:
    assert Series(NOON, timedelta(minutes=7), np.ones(3)).steps_per_day == 0
    assert Series(NOON, FIVE, np.ones(3)).steps_per_day == 288


def test_what_is_beside_is_cut_with_the_series() -> None:
    series = Series(NOON, FIVE, np.arange(6.0), {"other": np.arange(10.0, 16.0)})
    assert series.until(3).beside["other"].tolist() == [10.0, 11.0, 12.0, 13.0]
    latest = series.until(3).latest(2)
    assert (latest.start_time, latest.values.tolist()) == (NOON + 2 * FIVE, [2.0, 3.0])
    assert latest.beside["other"].tolist() == [12.0, 13.0]
