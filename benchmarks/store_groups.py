"""Threads of one process that record single predictions at the same time: how often the JSON store asks for the disk.

Calls of ``os.fsync`` are counted in this process. In the control each thread writes for itself, as a store without
group commit would: it takes the folder's lock and makes its own rows durable.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import MODEL, Figure, Pairs, Sizes, a_batch, progress, rate
from ml_core.clock import format_time
from ml_core.store.json_segments import append_to_segment, segment_lock
from ml_core.store.json_store import JsonStore

_MANY, _ALONE = 32, 1
_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

Record = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    fsyncs_per_request: float
    requests_per_second: float


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of group commit."""
    progress(f"groups: {_MANY} threads, and one alone")
    many: list[tuple[_Seen, _Seen]] = []
    alone: list[tuple[_Seen, _Seen]] = []
    for number in range(sizes.rounds):
        for threads, seen in ((_MANY, many), (_ALONE, alone)):
            place = folder / f"{threads}-{number}"
            requests = sizes.requests_per_thread
            together = _seen(_through_the_store(place / "store"), threads, requests)
            seen.append((together, _seen(_one_by_one(place / "control"), threads, requests)))
    fsyncs = _pairs(many, lambda seen: seen.fsyncs_per_request)
    yield Figure(
        f"fsyncs per record, {_MANY} threads, one record a request, JSON / one fsync a request",
        fsyncs.show(lambda value: f"{value:.3f}"),
        "at most 0.125",
        fsyncs.ratio <= 0.125,
        min(fsyncs.control) >= 1,
    )
    lone = max(seen.fsyncs_per_request for seen, _ in alone)
    value = f"{lone:.3f}, with {_MANY} threads {max(fsyncs.mine):.3f}"
    yield Figure("fsyncs per request, one thread alone", value, "at most 1", max(lone, *fsyncs.mine) <= 1)
    speed = _pairs(many, lambda seen: seen.requests_per_second)
    yield Figure(
        f"requests of one record, {_MANY} threads, JSON / one fsync a request",
        speed.show(rate),
        "at least 1",
        speed.ratio >= 1,
    )


def _pairs(seen: list[tuple[_Seen, _Seen]], value: Callable[[_Seen], float]) -> Pairs:
    return Pairs([value(mine) for mine, _ in seen], [value(control) for _, control in seen])


def _through_the_store(folder: Path) -> Record:
    store = JsonStore(folder)

    def record(row: int) -> None:
        assert store.record_predictions(MODEL, a_batch(_NOON, 1), new_ids=True).accepted == 1

    return record


def _one_by_one(folder: Path) -> Record:
    def record(row: int) -> None:
        rows = [
            {
                "prediction_id": each.prediction_id,
                "time": format_time(each.time),
                "version": each.version,
                "value": each.value,
                "score": each.score,
                "features": each.features,
            }
            for each in a_batch(_NOON, 1)
        ]
        with segment_lock(folder):
            append_to_segment(folder / "2026-11-20.jsonl", rows)

    return record


def _seen(record: Record, threads: int, requests: int) -> _Seen:
    """Have each thread record so many predictions, one a request, all threads at once."""
    record(0)  # what is done but once does not count
    barrier = threading.Barrier(threads)

    def work(number: int) -> None:
        barrier.wait()
        for row in range(requests):
            record(row)

    with counted_fsyncs() as counted, ThreadPoolExecutor(threads) as executor:
        began = time.perf_counter()
        list(executor.map(work, range(threads)))
        seconds = time.perf_counter() - began
    return _Seen(len(counted) / (threads * requests), threads * requests / seconds)


@contextmanager
def counted_fsyncs() -> Iterator[list[int]]:
    """Count the calls of ``os.fsync`` in this process; each is done."""
    counted: list[int] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        counted.append(descriptor)
        fsync(descriptor)

    os.fsync = count  # type: ignore[assignment]
    try:
        yield counted
    finally:
        os.fsync = fsync
