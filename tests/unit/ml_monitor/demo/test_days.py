from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml_core.clock import format_time, parse_time
from ml_core.ids import id_time
from ml_monitor.demo.days import draw_day, predictions_between, reference_csv, truths_between
from ml_monitor.demo.visits import forecast_of, visits_of
from ml_monitor.demo.worlds import WORLDS, World

FIRST = datetime(2026, 10, 21, tzinfo=UTC)
DAY = timedelta(days=1)
DELIVERIES, LOANS, _, PUMPS = WORLDS


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_day_is_drawn_again_alike(world: World) -> None:
    before = draw_day(world, FIRST.date(), 3)
    draw_day.cache_clear()
    again = draw_day(world, FIRST.date(), 3)
    assert before is not again
    assert before.equals(again)
    assert not draw_day(world, FIRST.date(), 4)["value"].equals(again["value"])


def test_ids_are_uuids_that_carry_their_time_and_are_all_different() -> None:
    frame = draw_day(LOANS, FIRST.date(), 0)
    assert frame["prediction_id"].is_unique
    for prediction_id, time in zip(frame["prediction_id"], frame["time"], strict=True):
        assert id_time(prediction_id) == time


def test_hours_in_turn_give_the_whole_day_once() -> None:
    whole = predictions_between(LOANS, FIRST.date(), FIRST + DAY, FIRST + 2 * DAY)
    parts = [
        row
        for hour in range(24)
        for row in predictions_between(
            LOANS, FIRST.date(), FIRST + DAY + hour * DAY / 24, FIRST + DAY + (hour + 1) * DAY / 24
        )
    ]
    assert whole == parts
    assert len(whole) == len(draw_day(LOANS, FIRST.date(), 1))
    assert set(whole[0]["features"]) == {"income", "amount", "age", "employed"}
    assert {"prediction_id", "time", "features", "value", "score"} == set(whole[0])


def test_truths_come_when_they_become_known_and_never_before_their_prediction() -> None:
    made = {
        row["prediction_id"]: parse_time(row["time"])
        for row in predictions_between(LOANS, FIRST.date(), FIRST, FIRST + 9 * DAY)
    }
    truths = [
        row
        for day in range(8)
        for row in truths_between(LOANS, FIRST.date(), FIRST + day * DAY, FIRST + (day + 1) * DAY)
    ]
    assert len({row["prediction_id"] for row in truths}) == len(truths)
    delays = [parse_time(row["received_time"]) - made[row["prediction_id"]] for row in truths]
    assert min(delays) >= LOANS.truth_delay
    assert max(delays) <= 1.5 * LOANS.truth_delay
    assert 0.6 < len(truths) / (8 * LOANS.rows_per_day) < LOANS.truth_share
    assert truths_between(PUMPS, FIRST.date(), FIRST, FIRST + DAY) == []


def test_the_reference_has_the_columns_that_the_monitor_takes() -> None:
    header = reference_csv(DELIVERIES, FIRST.date()).decode().splitlines()[0]
    assert header == "distance,parcels,raining,vehicle,value,truth"


def test_a_forecast_uses_nothing_that_was_measured_after_its_issue() -> None:
    assert forecast_of(FIRST.date(), 6) is None
    forecast = forecast_of(FIRST.date(), 7)
    assert forecast is not None
    week = [visits_of(FIRST.date(), day) for day in range(7)]
    assert max(time for day in week for time, _ in day) + timedelta(hours=1) > forecast.issue_time
    for hour, step in enumerate(forecast.steps):
        assert step.valid_time == FIRST + 7 * DAY + timedelta(hours=hour) > forecast.issue_time
        assert step.value == pytest.approx(sum(day[hour][1] for day in week) / 7)
        assert step.lower_95 < step.lower_80 < step.value < step.upper_80 < step.upper_95  # type: ignore[operator]
    assert format_time(forecast.issue_time) == "2026-10-27T23:59:00Z"
