"""Chunks are found without reading all rows, cover them once each, and never move once they are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.store.json_store import JsonStore
from ml_monitor.evaluation.chunk_finder import Stretch, find_chunks
from ml_monitor.monitoring.chunks import ByPeriod, BySize, Period
from tests.factories import NOON, a_prediction

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        yield opened


def record(store: JsonStore, *times: datetime) -> None:
    store.record_predictions("fraud", [a_prediction(time) for time in times])


def every(step: timedelta, count: int, first: datetime = NOON) -> list[datetime]:
    return [first + number * step for number in range(count)]


def by_size(store: JsonStore, rows: int, start: datetime = START, until: datetime = NOON + DAY) -> list[Stretch]:
    return find_chunks(store, "fraud", BySize(rows), start, until)


def sizes(store: JsonStore, chunks: Sequence[Stretch]) -> list[int]:
    return [len(store.predictions("fraud", chunk.start_time, chunk.end_time)) for chunk in chunks]


@pytest.mark.parametrize(
    ("period", "times", "until", "starts"),
    [
        ("day", [NOON, NOON + 3 * DAY], NOON + 4 * DAY, [NOON - 12 * HOUR, NOON + 2.5 * DAY]),
        ("day", [NOON], NOON + 12 * HOUR, [NOON - 12 * HOUR]),
        ("day", [NOON], NOON + 12 * HOUR - MICROSECOND, []),
        ("hour", [NOON, NOON + HOUR - MICROSECOND, NOON + HOUR], NOON + 2 * HOUR, [NOON, NOON + HOUR]),
        ("week", [MONDAY - MICROSECOND, MONDAY], MONDAY + 7 * DAY, [MONDAY - 7 * DAY, MONDAY]),
        ("week", [MONDAY], MONDAY + 7 * DAY - MICROSECOND, []),
        ("month", [datetime(2026, 10, 31, 23, 59, tzinfo=UTC), START], datetime(2026, 12, 1, tzinfo=UTC),
         [datetime(2026, 10, 1, tzinfo=UTC), START]),
        ("month", [datetime(2024, 2, 29, 23, tzinfo=UTC)], datetime(2024, 3, 1, tzinfo=UTC),
         [datetime(2024, 2, 1, tzinfo=UTC)]),
    ],
)  # fmt: skip
def test_periods_follow_the_calendar_and_empty_ones_are_none(
    store: JsonStore, period: Period, times: list[datetime], until: datetime, starts: list[datetime]
) -> None:
    record(store, *times)
    found = find_chunks(store, "fraud", ByPeriod(period), datetime(2024, 1, 1, tzinfo=UTC), until)
    assert [chunk.start_time for chunk in found] == starts
    assert all(chunk.start_time.tzinfo is not None and chunk.end_time <= until for chunk in found)


@pytest.mark.parametrize("chunking", [ByPeriod("day"), BySize(1)])
def test_without_predictions_there_are_no_chunks(store: JsonStore, chunking: ByPeriod | BySize) -> None:
    assert find_chunks(store, "fraud", chunking, START, NOON) == []
    record(store, NOON)
    assert find_chunks(store, "fraud", chunking, NOON + DAY, NOON + DAY) == []
    assert find_chunks(store, "fraud", chunking, START, NOON) == []


def test_many_chunks_by_size_may_end_within_one_hour(store: JsonStore) -> None:
    record(store, *every(timedelta(seconds=1), 1000))
    chunks = by_size(store, 30)
    assert sizes(store, chunks) == [30] * 33
    assert all(first.end_time == second.start_time for first, second in pairwise(chunks))
    assert chunks[0].end_time == NOON + timedelta(seconds=29) + MICROSECOND


@pytest.mark.parametrize("rows", [1, 7, 24, 48, 100])
def test_a_chunk_by_size_may_span_hours_and_days_without_predictions(store: JsonStore, rows: int) -> None:
    first = NOON - 10 * DAY
    record(store, *every(20 * timedelta(minutes=1), 50, first), *every(HOUR, 50, first + 5 * DAY))
    assert sizes(store, by_size(store, rows)) == [rows] * (100 // rows)


def test_rows_of_the_same_moment_share_a_chunk(store: JsonStore) -> None:
    record(store, *[NOON] * 5, *every(timedelta(minutes=1), 7, NOON + HOUR))
    chunks = by_size(store, 3)
    assert sizes(store, chunks) == [5, 3, 3]
    assert chunks[0].end_time == NOON + MICROSECOND


def test_rows_after_the_time_that_is_known_do_not_count(store: JsonStore) -> None:
    record(store, *every(timedelta(minutes=1), 30))
    assert sizes(store, by_size(store, 10, until=NOON + timedelta(minutes=20))) == [10, 10]
    assert sizes(store, by_size(store, 10, until=NOON + timedelta(minutes=19))) == [10]


def test_the_search_goes_on_from_the_end_of_the_last_chunk(store: JsonStore) -> None:
    record(store, *every(timedelta(minutes=7), 100))
    at_once = by_size(store, 9)
    assert len(at_once) == 11
    assert by_size(store, 9, start=at_once[3].end_time) == at_once[4:]


def test_a_row_that_comes_late_joins_the_chunk_of_its_time(store: JsonStore) -> None:
    record(store, *every(timedelta(minutes=1), 20))
    first, second = by_size(store, 10)
    record(store, NOON + timedelta(seconds=30), NOON + timedelta(seconds=90))
    assert sizes(store, [first, second]) == [12, 10]
    assert by_size(store, 10, start=second.end_time) == []


TIMES = st.lists(st.integers(0, 40).map(lambda steps: steps * 10), max_size=40)


@settings(max_examples=40, deadline=None)
@given(earlier=TIMES, later=TIMES, rows=st.integers(1, 9), period=st.sampled_from(["hour", "day"]))
def test_rows_that_come_later_never_change_chunks_that_were_found(
    earlier: list[int], later: list[int], rows: int, period: Period
) -> None:
    def times(minutes: list[int], first: datetime) -> list[datetime]:
        return [first + timedelta(minutes=each) for each in minutes]

    known = times(earlier, NOON)
    until = max(known, default=NOON) + MICROSECOND
    with TemporaryDirectory() as folder, closing(JsonStore(Path(folder) / "store")) as store:
        record(store, *known)
        sized = by_size(store, rows, until=until)
        periods = find_chunks(store, "fraud", ByPeriod(period), START, until)
        record(store, *times(later, until))
        assert by_size(store, rows, until=NOON + 9 * DAY)[: len(sized)] == sized
        assert find_chunks(store, "fraud", ByPeriod(period), START, NOON + 9 * DAY)[: len(periods)] == periods
        every_chunk = by_size(store, rows, until=NOON + 9 * DAY)
        assert all(size >= rows for size in sizes(store, every_chunk))
        assert sum(sizes(store, every_chunk)) > len(earlier) + len(later) - rows
