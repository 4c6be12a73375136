"""Compaction killed at every point, and readers that come in between: a row is seen once, never twice or not at all."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from ml_core.store.json_ids import IdIndex
from ml_core.store.json_segments import SegmentReader, append_to_segment, read_segment, rewrite_segment, segment_lock
from ml_core.store.json_views import archive_of
from tests.factories import a_row
from tests.unit.ml_core.store.test_json_compaction import append, compact, leave_merged_beside_its_archive, stored

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "ml_core.store.json_store", "tests.factories"])
SECONDS = 60
KILLS = 8
CHANGES = {"open", "os.rename", "os.remove"}

Work = Callable[[Path], object]


def erase_two(path: Path) -> None:
    with segment_lock(path.parent):
        rewrite_segment(path, lambda row: row["prediction_id"] not in ("order-1", "order-3"))


def append_late(path: Path) -> None:
    with segment_lock(path.parent):
        append(path, 100 + len(stored(path)))


def compact_twice(path: Path) -> None:
    compact(path)
    append_late(path)
    compact(path)


def compact_and_erase(path: Path) -> None:
    compact(path)
    erase_two(path)


def a_day_as_it_came(path: Path) -> None:
    append(path, 0, 1, 2)


def a_day_with_late_rows(path: Path) -> None:
    append(path, 0, 1)
    compact(path)
    append(path, 2, 3)


def a_day_that_was_merged_by_half(path: Path) -> None:
    append(path, 0, 1)
    leave_merged_beside_its_archive(path)
    append(path, 2, 3)


PREPARED = [a_day_as_it_came, a_day_with_late_rows, a_day_that_was_merged_by_half]


def run(work: Callable[..., None], *arguments: Any) -> int | None:
    """Return how a process ended that did some work."""
    process = CONTEXT.Process(target=work, args=arguments)
    process.start()
    process.join(SECONDS)
    code = process.exitcode
    process.close()
    return code


def _die_at(number: int, work: Work, path: Path) -> None:
    count = 0

    def kill(event: str, arguments: Any) -> None:
        nonlocal count
        if event in CHANGES:
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    work(path)


@pytest.mark.parametrize("prepare", PREPARED)
@pytest.mark.parametrize("work", [compact, erase_two])
def test_whatever_the_point_at_which_it_is_killed_each_row_is_seen_once(
    tmp_path: Path, prepare: Work, work: Work
) -> None:
    path = tmp_path / "records/predictions/housing_price/2026-11-20.jsonl"
    prepare(path)
    before = stored(path)
    shutil.copytree(tmp_path / "records", tmp_path / "prepared")
    points = 0
    while run(_die_at, points + 1, work, path) == -signal.SIGKILL:
        points += 1
        seen = stored(path)
        if work is compact:
            assert seen == before
        assert [row for row in seen if row not in (1, 3)] == [row for row in before if row not in (1, 3)]
        assert len(seen) == len(set(seen))
        append_late(path)
        work(path)
        after = stored(path)
        assert after[:-1] == (before if work is compact else [row for row in before if row not in (1, 3)])
        shutil.rmtree(tmp_path / "records")
        shutil.copytree(tmp_path / "prepared", tmp_path / "records")
    assert points > 5


class Reader:
    """Reads a segment in each of the ways in which the store does."""

    def __init__(self, path: Path) -> None:
        self.path, self.reader, self.index = path, SegmentReader(path), IdIndex(path)
        self.rows: list[dict[str, Any]] = []

    def whole(self) -> list[dict[str, Any]]:
        return read_segment(self.path)[0]

    def read_on(self) -> list[dict[str, Any]]:
        rows, restarted = self.reader.read_on()
        self.rows = rows if restarted else self.rows + rows
        return self.rows

    def look_up(self) -> list[dict[str, Any]]:
        return self.index.find([f"order-{number}" for number in range(120)])


def _read_while(way: str, opening: int, prepare: Work, work: Work, path: Path) -> None:
    """Read, and have some work done when the reader is about to open its first or its second file."""
    prepare(path)
    before, reader = set(stored(path)), Reader(path)
    read: Callable[[], list[dict[str, Any]]] = getattr(reader, way)
    read()
    opened = 0

    def interrupt(event: str, arguments: Any) -> None:
        nonlocal opened
        if event == "open" and str(arguments[0]) in (str(path), str(archive_of(path))):
            opened += 1
            if opened == opening:
                work(path)

    sys.addaudithook(interrupt)
    for _ in range(2):
        seen = [int(row["prediction_id"].removeprefix("order-")) for row in read()]
        assert len(seen) == len(set(seen)), seen
        assert before - {1, 3} <= set(seen), seen
        assert opened > opening
    assert seen == stored(path)


@pytest.mark.parametrize("prepare", PREPARED)
@pytest.mark.parametrize("work", [compact, compact_twice, compact_and_erase, erase_two])
def test_who_reads_while_it_is_packed_or_erased_from_sees_each_row_once(
    tmp_path: Path, prepare: Work, work: Work
) -> None:
    for way in ("whole", "read_on", "look_up"):
        for opening in (1, 2):
            path = tmp_path / f"{way}-{opening}" / "predictions/housing_price/2026-11-20.jsonl"
            assert run(_read_while, way, opening, prepare, work, path) == 0, (way, opening)


def _write_until_killed(path: Path, first: int, acknowledged: Connection) -> None:
    number = first
    while True:
        for _ in range(20):
            with segment_lock(path.parent):
                append_to_segment(path, [a_row(number)])
            acknowledged.send(number)
            number += 1
        compact(path)
        with segment_lock(path.parent):
            rewrite_segment(path, lambda row: row["prediction_id"] != "order-0")
            append_to_segment(path, [a_row(0)])


def test_writers_that_are_killed_while_others_read_lose_nothing_and_show_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "predictions/housing_price/2026-11-20.jsonl"
    append(path, 0)
    acknowledged: list[int] = []
    faults: list[str] = []
    reads, done = [0], threading.Event()

    def watch() -> None:
        reader = Reader(path)
        while not done.is_set():
            for read in (reader.whole, reader.read_on):
                told = set(acknowledged)
                seen = [int(row["prediction_id"].removeprefix("order-")) for row in read()]
                reads[0] += 1
                if len(seen) != len(set(seen)):
                    faults.append(f"twice: {sorted(row for row in set(seen) if seen.count(row) > 1)}")
                if not told <= set(seen):
                    faults.append(f"not there: {sorted(told - set(seen))}")

    watcher = threading.Thread(target=watch)
    watcher.start()
    chance, first = random.Random(20261120), 1
    for _ in range(KILLS):
        receiver, sender = CONTEXT.Pipe(duplex=False)
        writer = CONTEXT.Process(target=_write_until_killed, args=(path, first, sender))
        writer.start()
        sender.close()
        for _ in range(chance.randint(19, 45)):
            acknowledged.append(receiver.recv())
        time.sleep(chance.uniform(0, 0.02))
        writer.kill()
        with suppress(EOFError, OSError):  # the last message may be cut
            while True:
                acknowledged.append(receiver.recv())
        writer.join(SECONDS)
        writer.close()
        receiver.close()
        first = acknowledged[-1] + 1000
    done.set()
    watcher.join(SECONDS)
    assert faults == []
    assert reads[0] > KILLS
    assert len(acknowledged) >= KILLS * 19
    compact(path)
    assert set(acknowledged) <= set(stored(path))
    assert archive_of(path).exists()
