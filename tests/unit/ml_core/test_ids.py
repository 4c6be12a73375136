"""Ids that carry their time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.ids import id_time, new_id
from tests.factories import NOON

MILLISECOND = timedelta(milliseconds=1)


def to_millisecond(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC)))
def test_an_id_tells_the_millisecond_it_was_made_for(time: datetime) -> None:
    assert id_time(new_id(time)) == to_millisecond(time)


def test_an_id_is_a_uuid_of_version_7_in_its_usual_form() -> None:
    made = new_id(NOON)
    parsed = uuid.UUID(made)
    assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, made)


def test_ids_made_for_one_millisecond_are_distinct() -> None:
    assert len({new_id(NOON) for _ in range(10_000)}) == 10_000


def test_ids_sort_by_the_millisecond_they_were_made_for() -> None:
    ids = [new_id(NOON + number * MILLISECOND) for number in range(1_000)]
    assert ids == sorted(ids)


def test_a_naive_time_makes_no_id() -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        new_id(datetime(2026, 11, 20))


@pytest.mark.parametrize("row", ["0", "7", "9999"])
def test_an_id_of_a_batch_tells_its_time_too(row: str) -> None:
    assert id_time(f"{new_id(NOON)}-{row}") == NOON


@pytest.mark.parametrize("suffix", ["-", "-x", "-1x", "-1-2", "--1", "- 1", "1", "x", "-\u0661", "-1\n", "\n"])
def test_an_id_with_another_ending_carries_no_time(suffix: str) -> None:
    assert id_time(f"{new_id(NOON)}{suffix}") is None


@pytest.mark.parametrize(
    "other",
    [
        str(uuid.uuid1()),
        str(uuid.uuid4()),
        str(uuid.uuid5(uuid.NAMESPACE_DNS, "localhost")),
        new_id(NOON).upper(),
        new_id(NOON).replace("-", ""),
        f"{{{new_id(NOON)}}}",
        f"urn:uuid:{new_id(NOON)}",
        new_id(NOON)[:-1],
        f" {new_id(NOON)}",
        # version 7, but not the variant of RFC 9562
        "019a1f64-0bc0-77d8-11b8-d7148d0105c8",
        # version 7, of the year 10889
        "ffffffff-ffff-7000-8000-000000000000",
        "order-1",
        "",
        "\x00",
    ],
)
def test_any_other_id_carries_no_time(other: str) -> None:
    assert id_time(other) is None


@given(st.text(max_size=60))
def test_whatever_text_comes_as_an_id_is_read_without_an_error(text: str) -> None:
    assert id_time(text) is None


@given(st.integers(0, 2**128 - 1))
def test_only_uuids_of_version_7_carry_a_time(number: int) -> None:
    candidate = uuid.UUID(int=number)
    time = id_time(str(candidate))
    if candidate.version == 7 and number >> 80 <= 253_402_300_799_999:
        assert time == datetime(1970, 1, 1, tzinfo=UTC) + (number >> 80) * MILLISECOND
    else:
        assert time is None
