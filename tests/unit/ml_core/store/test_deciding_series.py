"""Decisions on observations and forecasts, as pure functions."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml_core.records import Forecast, ForecastStep, Observation
from ml_core.store.deciding_series import (
    as_history,
    decide_observations,
    fit_forecast,
    in_force,
    times_to_look_up,
)
from tests.factories import NOON, a_forecast, an_observation

HOUR = timedelta(hours=1)
INDIA = timezone(timedelta(hours=5, minutes=30))
ROWS = st.lists(
    st.builds(
        an_observation,
        st.integers(0, 3).map(lambda hour: NOON + hour * HOUR),
        st.sampled_from([1.0, 2.0, float("nan")]),
        correct=st.booleans(),
    ),
    max_size=12,
)


def test_rows_to_store_have_floats_and_times_in_utc() -> None:
    row = an_observation(NOON.astimezone(INDIA), np.float32(0.5), received_time=NOON.astimezone(INDIA))  # type: ignore[arg-type]
    (stored,), receipt = decide_observations([row], {})
    assert receipt.accepted == 1
    assert type(stored.value) is float
    assert stored.time.tzinfo is stored.received_time.tzinfo is UTC
    assert times_to_look_up([row, an_observation(NOON + HOUR), row]) == [NOON, NOON + HOUR]


@given(ROWS, st.dictionaries(st.integers(0, 3).map(lambda hour: NOON + hour * HOUR), st.sampled_from([1.0, 2.0])))
def test_every_row_is_stored_counted_or_rejected_and_again_none_is_new(
    rows: list[Observation], stored: dict[object, float]
) -> None:
    known = {row.time: stored[row.time] for row in rows if row.time in stored}
    new, receipt = decide_observations(rows, known)
    assert receipt.accepted == len(new)
    assert receipt.accepted + receipt.duplicates + len(receipt.rejected) == len(rows)
    after = known | {row.time: row.value for row in new}
    again, second = decide_observations([row for row in rows if row.value == after.get(row.time)], after)
    assert again == []
    assert second.rejected == ()


@given(ROWS, ROWS)
def test_a_batch_in_two_parts_is_judged_as_one(first: list[Observation], second: list[Observation]) -> None:
    at_once, receipt = decide_observations(first + second, {})
    one, receipt_one = decide_observations(first, {})
    two, receipt_two = decide_observations(second, {row.time: row.value for row in one})
    assert at_once == one + two
    assert receipt.duplicates == receipt_one.duplicates + receipt_two.duplicates
    assert len(receipt.rejected) == len(receipt_one.rejected) + len(receipt_two.rejected)


def test_the_last_value_that_had_come_is_in_force() -> None:
    arrivals = [(0, 1.0, 1), (1, 2.0, 2), (0, 3.0, 3)]
    rows = [
        an_observation(NOON + time * HOUR, value, received_time=NOON + came * HOUR) for time, value, came in arrivals
    ]
    assert [row.value for row in in_force(rows)] == [3.0, 2.0]
    assert [[row.value for row in in_force(rows, NOON + hour * HOUR)] for hour in range(4)] == [
        [],
        [1.0],
        [1.0, 2.0],
        [3.0, 2.0],
    ]


def test_in_a_history_all_but_the_first_of_a_time_are_corrections() -> None:
    rows = [an_observation(time, value) for time, value in ((NOON, 1.0), (NOON, 2.0), (NOON, 1.0), (NOON + HOUR, 1.0))]
    assert [row.correct for row in as_history(rows)] == [False, True, True, False]


def test_a_forecast_is_stored_with_floats_and_times_in_utc() -> None:
    step = ForecastStep((NOON + HOUR).astimezone(INDIA), 4, lower_80=3)
    fit = fit_forecast(a_forecast(NOON.astimezone(INDIA), steps=(step,)))
    assert fit == Forecast("web/cpu", "arima", NOON, (ForecastStep(NOON + HOUR, 4.0, lower_80=3.0),), 1)
    assert fit.issue_time.tzinfo is fit.steps[0].valid_time.tzinfo is UTC
    assert type(fit.steps[0].value) is type(fit.steps[0].lower_80) is float
    assert fit_forecast(fit) == fit
