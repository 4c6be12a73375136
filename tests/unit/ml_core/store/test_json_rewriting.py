"""Rewriting segments of the embedded store, and what is left when that is broken off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_core.store.json_segments import (
    SegmentReader,
    append_to_segment,
    read_segment,
    rewrite_segment,
    segment_lock,
    sweep_segments,
)
from tests.factories import a_row, some_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2026-11-20.jsonl"


def test_rows_are_taken_out_and_the_rest_stays_byte_for_byte(path: Path) -> None:
    append_to_segment(path, some_rows(4))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"order-2", b"order-7")  # damaged
    path.write_bytes(b"".join(lines) + b'{"torn')
    assert rewrite_segment(path, lambda row: row["prediction_id"] != "order-1") == 1
    assert path.read_bytes() == lines[0] + lines[2] + lines[3] + b'{"torn'


def test_a_segment_of_which_nothing_is_left_is_removed(path: Path) -> None:
    append_to_segment(path, some_rows(3))
    assert rewrite_segment(path, lambda row: False) == 3
    assert not path.exists()


def test_a_segment_of_which_nothing_goes_is_not_touched(path: Path) -> None:
    append_to_segment(path, some_rows(3))
    before, content = path.stat(), path.read_bytes()
    assert rewrite_segment(path, lambda row: True) == 0
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert path.read_bytes() == content


def test_a_reader_that_goes_on_is_told_when_it_must_begin_anew(path: Path) -> None:
    reader = SegmentReader(path)
    append_to_segment(path, some_rows(3))
    assert reader.read_on()[0] == some_rows(3)
    append_to_segment(path, [a_row(3)])
    assert reader.read_on() == ([a_row(3)], False)
    rewrite_segment(path, lambda row: row["prediction_id"] != "order-0")
    assert reader.read_on() == ([a_row(1), a_row(2), a_row(3)], True)
    assert reader.read_on() == ([], False)


def test_what_a_killed_rewriter_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "churn"
    folder.mkdir(parents=True)
    append_to_segment(folder / "2026-11-20.jsonl", some_rows(2))
    stray = folder / f".2026-11-20.jsonl.{'0' * 32}.tmp"
    stray.write_bytes(b"half a seg")
    sweep_segments(tmp_path)
    assert not stray.exists()
    assert read_segment(folder / "2026-11-20.jsonl")[0] == some_rows(2)


def test_sweeping_waits_for_a_rewriter_that_lives(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "churn"
    with ThreadPoolExecutor(1) as threads:
        with segment_lock(folder):
            unfinished = folder / f".2026-11-20.jsonl.{'1' * 32}.tmp"
            unfinished.write_bytes(b"not yet in place")
            sweeping = threads.submit(sweep_segments, tmp_path)
            with pytest.raises(TimeoutError):
                sweeping.result(timeout=0.2)
            unfinished.replace(folder / "2026-11-20.jsonl")
        sweeping.result(timeout=10)
    assert (folder / "2026-11-20.jsonl").exists()
