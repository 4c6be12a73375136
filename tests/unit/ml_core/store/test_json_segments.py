"""Segments of the embedded store: lines that are whole, as they were written, or not taken at all."""

from __future__ import annotations

import json
import logging
import random
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import StoreUnavailable
from ml_core.lines import decode_line, encode_line
from ml_core.store import json_segments
from ml_core.store.json_segments import append_to_segment, read_segment, segment_lock
from tests.factories import a_row, some_rows

FLIPS = 1000
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.dictionaries(st.text(), VALUES, min_size=1, max_size=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2026-11-20.jsonl"


# Lines


@given(ROWS)
def test_a_row_comes_back_from_its_line_as_it_was(row: dict[str, Any]) -> None:
    line = encode_line(row)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_line(line[:-1]) == row


@given(ROWS)
def test_a_line_is_plain_json_with_the_checksum_as_its_last_key(row: dict[str, Any]) -> None:
    read = json.loads(encode_line(row | {"last": 1}))
    assert list(read)[-1] == "crc"
    assert {name: value for name, value in read.items() if name != "crc"} == {
        name: value for name, value in (row | {"last": 1}).items() if name != "crc"
    }


@given(st.binary(max_size=200))
def test_what_is_no_line_is_no_row(content: bytes) -> None:
    assert decode_line(content) is None


def test_a_line_that_was_edited_by_hand_is_no_row() -> None:
    line = encode_line({"value": 100})[:-1]
    assert decode_line(line) == {"value": 100}
    assert decode_line(line.replace(b"100", b"900")) is None
    assert decode_line(b'{"value":100}') is None


# Appending and reading


def test_rows_are_read_in_the_order_in_which_they_were_appended(path: Path) -> None:
    append_to_segment(path, [a_row(0)])
    append_to_segment(path, [a_row(1), a_row(2)])
    rows, end = read_segment(path)
    assert rows == some_rows(3)
    assert end == path.stat().st_size


def test_a_segment_that_is_not_there_has_no_rows(path: Path) -> None:
    assert read_segment(path) == ([], 0)
    assert read_segment(path, 17) == ([], 17)


def test_appending_nothing_makes_no_file(path: Path) -> None:
    append_to_segment(path, [])
    assert not path.exists()


def test_a_reader_can_go_on_where_it_ended(path: Path) -> None:
    append_to_segment(path, some_rows(2))
    _, end = read_segment(path)
    assert read_segment(path, end) == ([], end)
    append_to_segment(path, [a_row(2)])
    rows, end = read_segment(path, end)
    assert rows == [a_row(2)]
    assert end == path.stat().st_size


def test_every_line_can_be_read_by_plain_json(path: Path) -> None:
    append_to_segment(path, some_rows(50))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [{name: value for name, value in line.items() if name != "crc"} for line in lines] == some_rows(50)


def test_a_segment_that_cannot_be_read_or_written_is_told_with_its_path(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreUnavailable, match=f"cannot read {path}: Is a directory"):
        read_segment(path)
    with pytest.raises(StoreUnavailable, match=f"cannot write {path}: Is a directory"):
        append_to_segment(path, [a_row(0)])


# A writer that was killed


@pytest.mark.parametrize("before", [0, 3])
def test_a_line_without_its_end_is_passed_over_by_readers_and_cut_by_the_next_writer(path: Path, before: int) -> None:
    append_to_segment(path, some_rows(before))
    whole = path.read_bytes() if before else b""
    torn = encode_line(a_row(99))
    for length in range(1, len(torn)):
        path.write_bytes(whole + torn[:length])
        assert read_segment(path) == (some_rows(before), len(whole))
        append_to_segment(path, [a_row(before)])
        assert read_segment(path)[0] == some_rows(before + 1)
        assert path.read_bytes().startswith(whole)


def test_the_cut_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    append_to_segment(path, [a_row(0)])
    with path.open("ab") as file:
        file.write(b'{"predic')
    append_to_segment(path, [a_row(1)])
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: cut 8 bytes of a line that was never finished"
    ]


@pytest.mark.parametrize("before", [0, 1])
def test_a_very_long_line_without_its_end_is_cut_too(path: Path, before: int) -> None:
    append_to_segment(path, some_rows(before))
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    append_to_segment(path, [a_row(before)])
    assert read_segment(path)[0] == some_rows(before + 1)


def test_a_reader_that_went_past_a_torn_line_sees_what_came_in_its_place(path: Path) -> None:
    append_to_segment(path, [a_row(0)])
    with path.open("ab") as file:
        file.write(encode_line(a_row(99))[:-5])
    rows, end = read_segment(path)
    append_to_segment(path, [a_row(1)])
    assert [*rows, *read_segment(path, end)[0]] == some_rows(2)


def test_readers_of_a_segment_that_is_being_written_see_whole_rows_only(path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        for first in range(0, 3000, 100):
            append_to_segment(path, [a_row(number) for number in range(first, first + 100)])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    rows, end = list[dict[str, Any]](), 0
    while not done.is_set():
        new, end = read_segment(path, end)
        rows += new
    writer.join()
    assert rows + read_segment(path, end)[0] == some_rows(3000)


# Damage


def test_of_a_thousand_flipped_bits_none_changes_a_row_unnoticed_where_plain_json_lets_many_pass(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    originals = some_rows(20)
    append_to_segment(path, originals)
    good = path.read_bytes()
    chance = random.Random(20261120)
    silent_without_checksum = 0
    flips = [(len(good) - 1, bit) for bit in range(8)]  # the last line break, which chance may spare
    flips += [(chance.randrange(len(good)), chance.randrange(8)) for _ in range(FLIPS - 8)]
    for place, bit in flips:
        path.write_bytes(good[:place] + bytes([good[place] ^ (1 << bit)]) + good[place + 1 :])
        caplog.clear()
        rows = read_segment(path)[0]
        assert all(row in originals for row in rows)
        assert rows == originals or caplog.records
        assert len(rows) >= len(originals) - 2
        silent_without_checksum += _plain(path.read_bytes()) not in (None, originals)
    assert silent_without_checksum > FLIPS / 10


def _plain(content: bytes) -> list[Any] | None:
    """Return what a reader without checksums would take for the rows, or None if it would notice the damage."""
    try:
        rows = [orjson.loads(line) for line in content.splitlines()]
        return [{name: value for name, value in row.items() if name != "crc"} for row in rows]
    except (ValueError, AttributeError):
        return None


def test_a_damaged_line_is_logged_with_its_place_and_takes_no_other_with_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append_to_segment(path, some_rows(5))
    path.write_bytes(path.read_bytes().replace(b"order-2", b"order-7"))
    caplog.set_level(logging.WARNING)
    rows = read_segment(path)[0]
    assert [row["prediction_id"] for row in rows] == ["order-0", "order-1", "order-3", "order-4"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: line 3 after byte 0 is damaged and was passed over"
    ]


def test_a_damaged_line_stays_for_a_person_to_look_at(path: Path) -> None:
    append_to_segment(path, some_rows(2))
    damaged = path.read_bytes().replace(b"order-1", b"order-7")
    path.write_bytes(damaged)
    append_to_segment(path, [a_row(2)])
    assert path.read_bytes() == damaged + encode_line(a_row(2))


# The lock of a folder


def test_the_lock_makes_its_folder_and_keeps_another_writer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_segments, "LOCK_TIMEOUT_SECONDS", 0.1)
    folder = tmp_path / "predictions" / "housing_price"
    with segment_lock(folder):
        assert folder.is_dir()
        with pytest.raises(StoreUnavailable, match="housing_price is locked by another process"), segment_lock(folder):
            pass
    with segment_lock(folder):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_segments, "LOCK_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(ZeroDivisionError), segment_lock(tmp_path):
        raise ZeroDivisionError
    with segment_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "predictions").touch()
    with (
        pytest.raises(StoreUnavailable, match=r"cannot write .*housing_price: "),
        segment_lock(tmp_path / "predictions" / "housing_price"),
    ):
        pass


def test_lines_with_a_given_beginning_are_read_alone(path: Path) -> None:
    rows = [{"metric": f"{group}/{number}", "value": number} for number in range(3) for group in ("a", "b")]
    append_to_segment(path, rows)
    for _ in range(2):  # looked at line by line, then as known to be whole
        found, _ = read_segment(path, starts=(b'{"metric":"a/', b'{"metric":"b/2'))
        assert [row["metric"] for row in found] == ["a/0", "a/1", "a/2", "b/2"]
    append_to_segment(path, [{"metric": "a/3"}])
    assert len(read_segment(path, starts=(b'{"metric":"a/',))[0]) == 4


def test_damage_at_the_beginning_of_a_line_that_is_asked_for_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append_to_segment(path, [{"metric": "a/1"}, {"metric": "a/2"}])
    path.write_bytes(path.read_bytes().replace(b'"a/1"', b'"b/1"'))
    for _ in range(2):  # and again, since such a segment is not known to be whole
        caplog.clear()
        assert read_segment(path, starts=(b'{"metric":"a/',))[0] == [{"metric": "a/2"}]
        assert "line 1 after byte 0 is damaged" in caplog.text
