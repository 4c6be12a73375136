"""Chunks: by size and by period, and that what was complete stays as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.chunks import (
    PERIODS,
    ByPeriod,
    BySize,
    Chunk,
    Chunking,
    parse_chunking,
    split,
)
from tests.factories import NOON

CHUNKINGS: list[Chunking] = [BySize(1), BySize(7), BySize(1000), *(ByPeriod(period) for period in PERIODS)]
HOURS = st.lists(st.integers(-40_000, 40_000), max_size=60).map(sorted)


def frame_of(*times: datetime) -> pd.DataFrame:
    return pd.DataFrame({"time": pd.Series(pd.to_datetime(list(times), utc=True)).astype("datetime64[us, UTC]")})


def at_hours(hours: list[int]) -> pd.DataFrame:
    return frame_of(*(NOON + timedelta(hours=hour) for hour in hours))


def test_chunks_by_size_have_the_same_number_of_rows_but_for_the_last_which_is_marked() -> None:
    chunks = split(at_hours([0, 1, 2, 3, 4]), BySize(2))
    assert [(chunk.index, chunk.rows, chunk.row_count, chunk.is_complete) for chunk in chunks] == [
        (0, slice(0, 2), 2, True),
        (1, slice(2, 4), 2, True),
        (2, slice(4, 5), 1, False),
    ]
    assert chunks[0].start_time == NOON
    assert chunks[0].end_time == NOON + timedelta(hours=1, microseconds=1)


def test_a_last_chunk_by_size_that_has_all_its_rows_is_complete() -> None:
    assert [chunk.is_complete for chunk in split(at_hours([0, 1, 2, 3]), BySize(2))] == [True, True]


def test_rows_of_one_moment_are_told_apart_by_position() -> None:
    chunks = split(at_hours([0, 1, 1, 2]), BySize(2))
    assert chunks[0].end_time > chunks[1].start_time == NOON + timedelta(hours=1)
    assert (chunks[0].rows, chunks[1].rows) == (slice(0, 2), slice(2, 4))


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("hour", datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("day", datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)),
        ("week", datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)),
        ("month", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(period: str, start: datetime, end: datetime) -> None:
    (chunk,) = split(frame_of(start, NOON, end - timedelta(microseconds=1)), parse_chunking(period))
    assert (chunk.start_time, chunk.end_time) == (start, end)
    assert len(split(frame_of(start - timedelta(microseconds=1), NOON, end), parse_chunking(period))) == 3


def test_a_week_begins_on_monday_also_at_the_turn_of_a_year_and_before_1970() -> None:
    for time in (datetime(2027, 1, 1, 5, tzinfo=UTC), datetime(1969, 12, 28, 5, tzinfo=UTC)):
        (chunk,) = split(frame_of(time), ByPeriod("week"))
        assert chunk.start_time.isocalendar()[:2] == time.isocalendar()[:2]
        assert chunk.start_time.isoweekday() == 1


def test_times_of_another_zone_lie_in_the_day_of_utc() -> None:
    late = datetime(2026, 11, 20, 23, tzinfo=timezone(timedelta(hours=-5)))
    frame = pd.DataFrame({"time": pd.to_datetime([late])})
    (chunk,) = split(frame, ByPeriod("day"))
    assert chunk.start_time == datetime(2026, 11, 21, tzinfo=UTC)


def test_empty_periods_between_rows_are_left_out_or_have_no_rows() -> None:
    frame = at_hours([0, 3])
    assert [chunk.row_count for chunk in split(frame, ByPeriod("hour"))] == [1, 1]
    chunks = split(frame, ByPeriod("hour", with_empty=True))
    assert [chunk.row_count for chunk in chunks] == [1, 0, 0, 1]
    assert [chunk.rows for chunk in chunks] == [slice(0, 1), slice(1, 1), slice(1, 1), slice(1, 2)]
    assert [chunk.index for chunk in chunks] == [0, 1, 2, 3]


def test_the_last_period_is_complete_only_if_everything_up_to_its_end_is_known() -> None:
    frame = at_hours([0, 1])
    assert [chunk.is_complete for chunk in split(frame, ByPeriod("hour"))] == [True, False]
    for until, expected in (
        (NOON + timedelta(minutes=59), [False, False]),
        (NOON + timedelta(hours=1), [True, False]),
        (NOON + timedelta(hours=2), [True, True]),
    ):
        assert [chunk.is_complete for chunk in split(frame, ByPeriod("hour"), until=until)] == expected


@pytest.mark.parametrize("chunking", CHUNKINGS)
def test_no_rows_make_no_chunks(chunking: Chunking) -> None:
    assert split(frame_of(), chunking) == []


@pytest.mark.parametrize("chunking", CHUNKINGS, ids=str)
@given(hours=HOURS)
def test_every_row_is_in_exactly_one_chunk_and_within_its_times(chunking: Chunking, hours: list[int]) -> None:
    frame = at_hours(hours)
    chunks = split(frame, chunking)
    assert [row for chunk in chunks for row in range(chunk.first_row, chunk.stop_row)] == list(range(len(frame)))
    for chunk in chunks:
        assert frame["time"].iloc[chunk.rows].between(chunk.start_time, chunk.end_time, inclusive="left").all()
    if isinstance(chunking, ByPeriod):
        assert all(before.end_time <= after.start_time for before, after in pairwise(chunks))


@pytest.mark.parametrize("chunking", CHUNKINGS, ids=str)
@given(hours=HOURS, seen=st.integers(0, 60))
def test_nothing_from_the_future_changes_a_complete_chunk(chunking: Chunking, hours: list[int], seen: int) -> None:
    def complete(rows: list[int]) -> list[Chunk]:
        return [chunk for chunk in split(at_hours(rows), chunking) if chunk.is_complete]

    early = complete(hours[:seen])
    assert complete(hours)[: len(early)] == early


def test_chunks_know_periods_as_numpy_reads_the_calendar() -> None:
    days = pd.date_range("2024-01-01", "2026-12-31", tz="UTC", unit="us")
    chunks = split(pd.DataFrame({"time": days}), ByPeriod("month"))
    assert [chunk.row_count for chunk in chunks] == days.days_in_month[days.day == 1].tolist()
    assert np.unique([chunk.start_time.day for chunk in chunks]).tolist() == [1]


# Bad input


@pytest.mark.parametrize("text", ["1000", "1"])
def test_a_number_is_read_as_chunks_by_size(text: str) -> None:
    assert parse_chunking(text) == BySize(int(text))


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_is_read_with_and_without_empty_ones(period: str) -> None:
    chunking = parse_chunking(period, with_empty=True)
    assert isinstance(chunking, ByPeriod)
    assert (chunking.period, chunking.with_empty) == (period, True)


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5", "fortnight", "Day", "²"])
def test_any_other_chunking_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="chunking: expected a number of rows or one of hour, day, week, month"):
        parse_chunking(text)


@pytest.mark.parametrize("text", [str(10**9 + 1), "9" * 5000])
def test_a_chunk_of_more_rows_than_any_store_holds_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="chunking: expected at most 1,000,000,000 rows"):
        parse_chunking(text)


def test_a_size_below_one_and_an_unknown_period_are_refused() -> None:
    with pytest.raises(InvalidInput, match="rows: expected at least 1, not 0"):
        BySize(0)
    with pytest.raises(InvalidInput, match="period: expected one of hour, day, week, month, not 'year'"):
        ByPeriod("year")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"at": [1]}), "a column of this name"),
        (pd.DataFrame({"time": pd.to_datetime(["2026-11-20"])}), "aware times, not datetime64"),
        (frame_of(NOON, NOON).assign(time=lambda rows: rows["time"].where(rows.index == 0)), "a time in every row"),
        (frame_of(NOON, NOON - timedelta(hours=1)), "times in ascending order"),
    ],
)
def test_a_frame_without_ordered_times_is_refused_by_the_name_of_the_column(frame: pd.DataFrame, expected: str) -> None:
    with pytest.raises(InvalidInput, match=f"time: expected {expected}") as caught:
        split(frame, BySize())
    assert [detail.field for detail in caught.value.details] == ["time"]


def test_a_naive_until_is_refused() -> None:
    with pytest.raises(InvalidInput, match="until: expected an aware time"):
        split(frame_of(NOON), ByPeriod("day"), until=datetime(2026, 11, 21))
