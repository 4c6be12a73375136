"""Archives of the embedded store: gzip that any program reads, in parts that do not take each other with them."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.lines import decode_line, encode_line
from ml_core.store.json_archives import Archive, encode_head, encode_members
from tests.factories import some_rows

ROWS = 3000  # some members
FLIPS = 120


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2026-11-20.jsonl.gz"


def lines_of(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(encode_line(row | {"note": "x" * 300}) for row in rows)


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield Archive(descriptor)
    finally:
        os.close(descriptor)


@settings(max_examples=50)
@given(lengths=st.lists(st.integers(0, 90_000), min_size=1, max_size=20), start=st.floats(0, 1))
def test_lines_come_back_from_any_position_on(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], start: float
) -> None:
    lines = [bytes([97 + number]) * length + b"\n" for number, length in enumerate(lengths)]
    content = b"".join(lines)
    path = tmp_path_factory.mktemp("archives") / "a.gz"
    path.write_bytes(encode_head(b"") + encode_members(content))
    begins = [sum(map(len, lines[:number])) for number in range(len(lines))]
    with opened(path) as archive:
        assert archive.size == len(content)
        place = round(start * len(content))
        assert archive.read(place) == content[place:]
        assert archive.read_lines(begins) == [line[:-1] for line in lines]
        assert archive.read_lines(begins[::3]) == [line[:-1] for line in lines[::3]]


def test_other_programs_read_it_as_gzip(path: Path) -> None:
    content = lines_of(some_rows(ROWS))
    path.write_bytes(encode_head(b"merged\n") + encode_members(content))
    assert gzip.decompress(path.read_bytes()) == content
    subprocess.run(["gzip", "--test", path], check=True)
    assert subprocess.run(["zcat", path], check=True, capture_output=True).stdout == content
    assert len(path.read_bytes()) < len(content) / 3


def test_it_says_what_was_merged_into_it(path: Path) -> None:
    path.write_bytes(encode_head(b"merged\n") + encode_members(b"merged\n"))
    with opened(path) as archive:
        assert archive.merged_bytes == 7
        assert archive.merged_checksum != 0
    path.write_bytes(encode_head(b"") + encode_members(b"merged\n"))
    with opened(path) as archive:
        assert archive.merged_bytes == 0


def test_of_flipped_bits_none_changes_a_row_and_the_other_members_stay(path: Path) -> None:
    rows = {row["prediction_id"]: row | {"note": "x" * 300} for row in some_rows(ROWS)}
    good = encode_head(b"") + encode_members(lines_of(some_rows(ROWS)))
    path.write_bytes(good)
    with opened(path) as archive:
        members, size = len(archive.members), archive.size
    assert members >= 4
    chance = random.Random(20261120)
    damaged = 0
    for number in range(FLIPS):
        # Every tenth in the header of a member, which is but a small part of it.
        place = chance.randrange(len(good))
        if number % 10 == 0:
            place = good.rindex(b"ML", 0, max(place, 100)) + chance.randrange(28)
        bit = 1 << chance.randrange(8)
        path.write_bytes(good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :])
        with opened(path) as archive:
            lines = archive.read(0).split(b"\n")[:-1]
        found = [row for line in lines if (row := decode_line(line)) is not None]
        assert all(row == rows[row["prediction_id"]] for row in found)
        places = [int(row["prediction_id"].removeprefix("order-")) for row in found]
        assert places == sorted(set(places))
        # Not silent: what is missing has left a line that is none.
        assert len(found) == ROWS or len(found) < len(lines)
        assert len(found) > ROWS * (members - 2) / members
        damaged += len(found) < ROWS
    assert damaged > FLIPS / 2
    assert size == len(lines_of(some_rows(ROWS)))


def test_lines_before_the_damage_in_a_member_are_saved_and_positions_stay(path: Path) -> None:
    content = lines_of(some_rows(ROWS))
    good = encode_head(b"") + encode_members(content)
    path.write_bytes(good)
    with opened(path) as archive:
        member = archive.members[1]
    middle = member.place + member.length // 2
    path.write_bytes(good[:middle] + b"\x00" * 40 + good[middle + 40 :])
    with opened(path) as archive:
        assert archive.size == len(content)
        lines = archive.lines_of(member)
        assert len(lines) == member.size
        saved = [row for line in lines.split(b"\n")[:-1] if (row := decode_line(line)) is not None]
        assert 10 < len(saved) < len(content[member.start : member.start + member.size].splitlines())
        assert archive.read(member.start + member.size) == content[member.start + member.size :]


def test_a_file_that_was_cut_keeps_what_came_before(path: Path) -> None:
    content = lines_of(some_rows(ROWS))
    good = encode_head(b"") + encode_members(content)
    for length in (len(good) - 1, len(good) // 2, 50, 0):
        path.write_bytes(good[:length])
        with opened(path) as archive:
            found = [row for line in archive.read(0).split(b"\n") if (row := decode_line(line)) is not None]
        places = [int(row["prediction_id"].removeprefix("order-")) for row in found]
        assert places == list(range(len(found)))
        assert len(found) >= ROWS * length / len(good) - ROWS / 3
