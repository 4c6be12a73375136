"""What every store promises of observations: their rules, their history, and what was known at a time."""

from __future__ import annotations

import itertools
import math
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.records import Observation, Receipt, Rejection
from ml_core.store.base import Store
from ml_core.store.base_series import OBSERVATION_COLUMNS
from ml_core.store.opening import open_store
from tests.contract import processes as work
from tests.contract.processes import ProcessGroup
from tests.factories import NOON, an_observation

CPU = "cloudwatch/i-0abc/CPUUtilization"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)
NAMES = [
    CPU,
    "a",
    "A",
    "ä",
    "b/c",
    "b",
    "b%2Fc",
    "..",
    ".",
    ".b",
    "🏠" * 191,
    "x" * 191,
    "x" * 190,
    "ä" * 33 + "xx..",
    "50 %",
    "a b",
    "~",
]


def values_of(store: Store, series: str = CPU, known_at: datetime | None = None) -> dict[datetime, float]:
    frame = store.observations(series, LONG_AGO, FAR_AHEAD, known_at=known_at)
    return dict(zip(frame["time"].to_list(), frame["value"].to_list(), strict=True))


# Recording


def test_observations_come_back_by_time_whatever_the_order_in_which_they_came(store: Store) -> None:
    times = [NOON + 30 * HOUR, NOON - HOUR, NOON, NOON + MICROSECOND, NOON - 400 * DAY]
    rows = [an_observation(time, float(number)) for number, time in enumerate(times)]
    assert store.record_observations(CPU, rows) == Receipt(accepted=5)
    assert values_of(store) == {time: float(times.index(time)) for time in sorted(times)}
    assert list(values_of(store)) == sorted(times)


def test_an_equal_value_is_a_duplicate_and_the_first_time_of_receipt_stays(store: Store) -> None:
    store.record_observations(CPU, [an_observation(NOON, 3)])
    again = an_observation(NOON, 3.0, received_time=NOON + DAY)
    assert store.record_observations(CPU, [again]) == Receipt(duplicates=1)
    assert store.observations(CPU, NOON, NOON + HOUR)["received_time"].to_list() == [NOON + MINUTE]


def test_another_value_is_rejected_with_both(store: Store) -> None:
    store.record_observations(CPU, [an_observation(NOON, 3.0)])
    message = 'the value 3.0 is stored already, not 4.0; send "correct": true to replace it'
    receipt = store.record_observations(CPU, [an_observation(NOON, 4), an_observation(NOON + HOUR)])
    assert receipt == Receipt(accepted=1, rejected=(Rejection(0, "value", message),))
    assert values_of(store)[NOON] == 3.0


def test_a_correction_replaces_the_value_and_the_old_one_stays_in_the_history(store: Store) -> None:
    first, last = an_observation(NOON, 3.0), an_observation(NOON, 4.0, correct=True, received_time=NOON + HOUR)
    store.record_observations(CPU, [first])
    assert store.record_observations(CPU, [last]) == Receipt(accepted=1)
    assert store.record_observations(CPU, [last]) == Receipt(duplicates=1)
    assert values_of(store) == {NOON: 4.0}
    assert list(store.observation_history(CPU)) == [first, last]


def test_a_time_twice_in_one_batch_is_judged_as_if_the_first_were_stored(store: Store) -> None:
    rows = [
        an_observation(NOON, 3.0),
        an_observation(NOON.astimezone(timezone(5 * HOUR)), 3.0),
        an_observation(NOON, 4.0),
        an_observation(NOON, 5.0, correct=True),
        an_observation(NOON, 3.0, correct=True),
        an_observation(NOON + HOUR, 1.0, correct=True),
    ]
    receipt = store.record_observations(CPU, rows)
    assert (receipt.accepted, receipt.duplicates) == (4, 1)
    assert [rejection.index for rejection in receipt.rejected] == [2]
    assert values_of(store) == {NOON: 3.0, NOON + HOUR: 1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "7", None])
def test_what_is_no_finite_number_is_rejected_and_the_rest_is_stored(store: Store, value: Any) -> None:
    receipt = store.record_observations(CPU, [an_observation(NOON, value), an_observation(NOON + HOUR, 7)])
    assert receipt.accepted == 1
    assert [(rejection.index, rejection.field) for rejection in receipt.rejected] == [(0, "value")]
    assert "expected a finite number" in receipt.rejected[0].message
    assert values_of(store) == {NOON + HOUR: 7.0}


@pytest.mark.parametrize("value", [0.1, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1, 1 / 3])
def test_numbers_come_back_to_the_last_digit(store: Store, value: float) -> None:
    store.record_observations(CPU, [an_observation(NOON, value)])
    assert values_of(store) == {NOON: float(value)}


def test_thousands_in_one_batch_are_stored_and_found_again(store: Store) -> None:
    rows = [an_observation(NOON + number * MINUTE, float(number)) for number in range(2500)]
    assert store.record_observations(CPU, rows) == Receipt(accepted=2500)
    assert store.record_observations(CPU, rows) == Receipt(duplicates=2500)
    assert len(store.observations(CPU, NOON, NOON + 1000 * MINUTE)) == 1000


def test_a_naive_time_is_refused(store: Store) -> None:
    for row in (an_observation(datetime(2026, 11, 20)), an_observation(received_time=datetime(2026, 11, 20))):
        with pytest.raises(ValueError, match="UTC offset"):
            store.record_observations(CPU, [row])
    assert values_of(store) == {}


# Names


def test_series_are_told_apart_exactly_whatever_their_names(store: Store) -> None:
    for number, name in enumerate(NAMES):
        assert store.record_observations(name, [an_observation(NOON, float(number))]) == Receipt(accepted=1)
    assert store.list_series() == sorted(NAMES)
    assert [values_of(store, name) for name in NAMES] == [{NOON: float(number)} for number in range(len(NAMES))]
    assert store.count_records()["observations"] == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("name", ["", " a", "a ", "x" * 192, "\ud800", "a\nb", "\x00"])
def test_a_name_that_not_every_store_could_hold_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match=r"^series: expected 1 to 191 characters"):
        store.record_observations(name, [an_observation()])
    with pytest.raises(ValueError, match=r"^series: "):
        store.observations(name, NOON, NOON + HOUR)
    with pytest.raises(ValueError, match=r"^series: "):
        store.observation_history(name)
    assert store.list_series() == []


def test_a_series_that_has_nothing_is_empty_and_not_listed(store: Store) -> None:
    store.record_observations(CPU, [])
    assert store.list_series() == []
    assert values_of(store, "unknown") == {}
    assert list(store.observation_history("unknown")) == []


# Reading


def test_a_range_is_half_open_and_may_have_any_offset(store: Store) -> None:
    midnight = NOON - 12 * HOUR
    times = [midnight - MICROSECOND, midnight, midnight + HOUR, midnight + 2 * HOUR]
    store.record_observations(CPU, [an_observation(time) for time in times])
    for offset in (timedelta(0), 13 * HOUR, -11 * HOUR):
        zone = timezone(offset)
        frame = store.observations(CPU, midnight.astimezone(zone), (midnight + 2 * HOUR).astimezone(zone))
        assert frame["time"].to_list() == times[1:3]


def test_a_frame_has_the_columns_and_types_of_the_contract_also_when_it_is_empty(store: Store) -> None:
    store.record_observations(CPU, [an_observation()])
    for frame in (store.observations(CPU, NOON, NOON + HOUR), store.observations(CPU, NOON + DAY, NOON + 2 * DAY)):
        assert tuple(frame.columns) == OBSERVATION_COLUMNS
        types = ["datetime64[us, UTC]", "float64", "datetime64[us, UTC]"]
        assert frame.dtypes.astype(str).to_list() == types


def test_the_history_of_a_series_makes_the_same_series_in_another_store(store: Store, tmp_path: Path) -> None:
    rows = [an_observation(NOON + number * MINUTE, float(number)) for number in range(1200)]
    store.record_observations(CPU, rows)
    for value in (1.0, 2.0, 1.0):
        correction = [an_observation(row.time, value, correct=True, received_time=NOON + DAY) for row in rows[990:1010]]
        store.record_observations(CPU, correction)
    history = list(store.observation_history(CPU))
    assert len(history) == 1260
    assert [row.time for row in history] == sorted(row.time for row in history)
    assert [row.value for row in history if row.time == rows[1000].time] == [1000.0, 1.0, 2.0, 1.0]
    assert [row.correct for row in history if row.time == rows[1000].time] == [False, True, True, True]
    with closing(open_store(f"json:///{tmp_path / 'copy'}")) as copy:
        assert copy.record_observations(CPU, history) == Receipt(accepted=1260)
        assert list(copy.observation_history(CPU)) == history


# As known at a time


def test_a_value_has_been_known_since_it_was_received_and_each_correction_since_then(store: Store) -> None:
    for hours, value in ((1, 3.0), (2, 4.0), (4, 3.0)):
        store.record_observations(CPU, [an_observation(NOON, value, correct=True, received_time=NOON + hours * HOUR)])
    known = [values_of(store, known_at=NOON + hours * HOUR).get(NOON) for hours in range(6)]
    assert known == [None, 3.0, 4.0, 4.0, 3.0, 3.0]
    assert values_of(store, known_at=NOON + HOUR - MICROSECOND) == {}


SPANS = st.integers(0, 6)
ARRIVALS = st.lists(st.tuples(SPANS, SPANS, st.integers(0, 2), st.booleans()), max_size=12)
_numbers = itertools.count()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(arrivals=ARRIVALS, limit=st.integers(0, 6))
def test_what_is_received_later_never_changes_what_was_known(
    kept_stores: list[Store], arrivals: list[tuple[int, int, int, bool]], limit: int
) -> None:
    known_at = NOON + limit * HOUR
    rows = [
        Observation(NOON + time * 9 * HOUR, float(value), NOON + received * HOUR, correct)
        for time, received, value, correct in arrivals
    ]
    answers = []
    for store in kept_stores:
        series = f"property-{next(_numbers)}"
        store.record_observations(series, [row for row in rows if row.received_time <= known_at])
        before = values_of(store, series, known_at)
        assert before == values_of(store, series)
        store.record_observations(series, [row for row in rows if row.received_time > known_at])
        assert values_of(store, series, known_at) == before
        answers.append((before, values_of(store, series)))
    assert answers[0] == answers[1] == answers[2]


# Several processes


def test_of_eight_processes_with_different_values_one_is_right(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_observations, [float(number) for number in range(8)])
    assert sorted(receipt.accepted for receipt in receipts) == [0] * 7 + [100]
    winner = [receipt.accepted for receipt in receipts].index(100)
    assert set(values_of(store, work.SERIES).values()) == {float(winner)}
