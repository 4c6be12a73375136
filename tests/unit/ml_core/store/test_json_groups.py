"""Group commit: what threads write at the same time is stored together, and each is told what became of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.lines import encode_line
from ml_core.records import Prediction, Receipt
from ml_core.store import json_segments
from ml_core.store.json_groups import Decided, WriteGroups
from ml_core.store.json_segments import SegmentReader, read_segment, segment_lock
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_prediction, a_truth

MODEL = "housing_price"
DAY = "2026-11-20.jsonl"
SECONDS = 20


@pytest.fixture
def groups() -> WriteGroups[Prediction]:
    return WriteGroups()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "predictions" / MODEL


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as executor:
        yield executor


def decided(prediction_id: str, name: str = DAY) -> Decided[Prediction]:
    row = a_prediction(prediction_id=prediction_id)
    return Decided([row], {name: encode_line({"prediction_id": prediction_id})}, Receipt(accepted=1))


def stored(path: Path) -> list[str]:
    return [row["prediction_id"] for row in read_segment(path)[0]]


def wait_until(claim: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(SECONDS * 1000):
        if claim():
            return
        pause.wait(0.001)
    raise AssertionError("it did not come so")


@contextmanager
def counted_fsyncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count what is made durable, and do it."""
    counted: list[int] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        counted.append(descriptor)
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", count)
        yield counted


def all_at_once(
    groups: WriteGroups[Prediction],
    folder: Path,
    threads: ThreadPoolExecutor,
    works: list[Decided[Prediction] | Callable[[Mapping[str, Prediction]], Decided[Prediction]]],
) -> list[Future[Receipt]]:
    """Have batches wait for the folder's lock, in their order, until all are there."""
    futures: list[Future[Receipt]] = []
    with segment_lock(folder):
        for work in works:
            futures.append(threads.submit(groups.record, folder, work))
            wait_until(lambda: len(groups._waiting.get(folder, ())) == len(futures))
    return futures


# Together


def test_batches_that_wait_for_the_lock_are_stored_with_one_fsync_a_file(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups.record(folder, decided("first"))
    groups.record(folder, decided("first", "other.jsonl"))
    names = [f"order-{number}" for number in range(32)]
    with counted_fsyncs(monkeypatch) as counted:
        futures = all_at_once(
            groups, folder, threads, [decided(name, "other.jsonl" if name == "order-9" else DAY) for name in names]
        )
        assert [future.result(SECONDS) for future in futures] == [Receipt(accepted=1)] * 32
    assert len(counted) == 2
    assert stored(folder / DAY) == ["first", *(name for name in names if name != "order-9")]
    assert stored(folder / "other.jsonl") == ["first", "order-9"]


def test_a_lone_writer_has_one_fsync_a_batch_and_waits_for_nobody(
    groups: WriteGroups[Prediction], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups.record(folder, decided("first"))
    with counted_fsyncs(monkeypatch) as counted:
        for number in range(10):
            groups.record(folder, decided(f"order-{number}"))
    assert len(counted) == 10


def test_who_comes_while_a_group_is_written_forms_the_next(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
        entered.set()
        assert go_on.wait(SECONDS)
        return decided("slow")

    def second(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
        assert stored(folder / DAY) == ["slow"]
        return decided("second")

    first = threads.submit(groups.record, folder, slowly)
    assert entered.wait(SECONDS)
    later = threads.submit(groups.record, folder, second)
    wait_until(lambda: len(groups._waiting[folder]) == 1)
    go_on.set()
    assert first.result(SECONDS) == later.result(SECONDS) == Receipt(accepted=1)
    assert groups._waiting == {}


def test_a_batch_sees_the_rows_of_those_before_it_in_its_group_and_no_others(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor
) -> None:
    seen: list[list[str]] = []

    def look(name: str) -> Callable[[Mapping[str, Prediction]], Decided[Prediction]]:
        def work(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
            seen.append(list(earlier))
            return decided(name)

        return work

    for future in all_at_once(groups, folder, threads, [decided("a"), look("b"), decided("c"), look("d"), look("e")]):
        future.result(SECONDS)
    assert seen == [["a"], ["a", "b", "c"], ["a", "b", "c", "d"]]


def test_of_equal_batches_of_many_threads_one_is_accepted(json_store: JsonStore, threads: ThreadPoolExecutor) -> None:
    rows = [a_prediction(prediction_id=f"order-{number}") for number in range(5)]
    truths = [a_truth(row.prediction_id, 7.0) for row in rows]
    with segment_lock(json_store.folder / "records/predictions" / MODEL):
        waiting = [threads.submit(json_store.record_predictions, MODEL, rows) for _ in range(20)]
    receipts = [future.result(SECONDS) for future in waiting]
    assert sorted(receipt.accepted for receipt in receipts) == [0] * 19 + [5]
    assert sum(receipt.duplicates for receipt in receipts) == 19 * 5
    told = [threads.submit(json_store.record_truths, MODEL, truths) for _ in range(20)]
    assert sorted(future.result(SECONDS).accepted for future in told) == [0] * 19 + [5]
    assert json_store.scored(MODEL, NOON, NOON.replace(hour=13))["truth"].to_list() == [7.0] * 5


def test_of_different_truths_of_one_group_the_first_is_in_force_and_a_correction_replaces_it(
    json_store: JsonStore, threads: ThreadPoolExecutor
) -> None:
    def told(value: float, correct: bool) -> Receipt:
        return json_store.record_truths(MODEL, [a_truth("order-1", value, correct=correct)])

    groups, folder = json_store._records._new_truths, json_store.folder / "records/ground_truths" / MODEL
    futures: list[Future[Receipt]] = []
    with segment_lock(folder):
        for value, correct in ((1.0, False), (2.0, False), (3.0, True), (3.0, False)):
            futures.append(threads.submit(told, value, correct))
            wait_until(lambda: len(groups._waiting.get(folder, ())) == len(futures))
    first, second, third, fourth = (future.result(SECONDS) for future in futures)
    assert (first.accepted, third.accepted, fourth.duplicates) == (1, 1, 1)
    assert "the truth 1.0 is stored already, not 2.0" in second.rejected[0].message


# Trouble


def test_the_error_of_one_batch_is_its_own(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor
) -> None:
    def wrong(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
        raise ValueError("expected a time with a UTC offset")

    first, second, third = all_at_once(groups, folder, threads, [decided("a"), wrong, decided("c")])
    assert first.result(SECONDS) == third.result(SECONDS) == Receipt(accepted=1)
    with pytest.raises(ValueError, match="UTC offset"):
        second.result(SECONDS)
    assert stored(folder / DAY) == ["a", "c"]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_group_that_cannot_be_stored_is_cut_off_whole_and_all_of_it_are_told(
    groups: WriteGroups[Prediction],
    folder: Path,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
) -> None:
    groups.record(folder, decided("first"))
    before = (folder / DAY).read_bytes()
    reader = SegmentReader(folder / DAY)
    reader.read_on()
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, _fails_at_second_file(getattr(os, failing), reader))
        works = [decided("a"), decided("b", "other.jsonl"), decided("c")]
        for future in all_at_once(groups, folder, threads, list(works)):
            with pytest.raises(StoreUnavailable, match=r"cannot write .*other\.jsonl: the disk is full"):
                future.result(SECONDS)
    assert (folder / DAY).read_bytes() == before
    assert stored(folder / "other.jsonl") == []
    assert groups.record(folder, decided("d")) == Receipt(accepted=1)
    # The reader has read what was cut off, and more came in its place: it begins anew.
    rows, restarted = reader.read_on()
    assert restarted
    assert [row["prediction_id"] for row in rows] == ["first", "d"]


def _fails_at_second_file(real: Callable[..., int | None], reader: SegmentReader) -> Callable[..., int | None]:
    calls: list[int] = []

    def call(descriptor: int, *content: object) -> int | None:
        calls.append(descriptor)
        if len(calls) == 2:
            assert [row["prediction_id"] for row in reader.read_on()[0]] == ["a", "c"]
            raise OSError(28, "No space left on device")
        return real(descriptor, *content)

    return call


def test_who_waits_too_long_for_the_lock_is_told_with_all_that_wait_behind(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_segments, "LOCK_TIMEOUT_SECONDS", 0.3)
    with segment_lock(folder):
        futures = [threads.submit(groups.record, folder, decided(f"order-{number}")) for number in range(3)]
        for future in futures:
            with pytest.raises(StoreUnavailable, match="is locked by another process"):
                future.result(SECONDS)
    assert groups.record(folder, decided("later")) == Receipt(accepted=1)
    assert stored(folder / DAY) == ["later"]


def test_a_leader_that_is_interrupted_leaves_nobody_waiting(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor
) -> None:
    def interrupted(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
        raise KeyboardInterrupt

    leader, follower = all_at_once(groups, folder, threads, [interrupted, decided("b")])
    with pytest.raises(KeyboardInterrupt):
        leader.result(SECONDS)
    with pytest.raises(StoreUnavailable, match="interrupted"):
        follower.result(SECONDS)
    assert groups.record(folder, decided("c")) == Receipt(accepted=1)
    assert stored(folder / DAY) == ["c"]


def test_one_that_a_signal_takes_away_is_not_stored_and_leaves_nobody_waiting(
    groups: WriteGroups[Prediction], folder: Path, threads: ThreadPoolExecutor
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
        entered.set()
        assert go_on.wait(SECONDS)
        return decided("slow")

    def interrupt(number: int, frame: object) -> None:
        behind.append(threads.submit(groups.record, folder, decided("behind")))
        wait_until(lambda: len(groups._waiting[folder]) == 2)
        raise InterruptedError

    leader = threads.submit(groups.record, folder, slowly)
    behind: list[Future[Receipt]] = []
    assert entered.wait(SECONDS)
    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(InterruptedError):
            groups.record(folder, decided("taken away"))
    finally:
        signal.signal(signal.SIGALRM, handler)
        go_on.set()
    assert leader.result(SECONDS) == behind[0].result(SECONDS) == Receipt(accepted=1)
    assert stored(folder / DAY) == ["slow", "behind"]
    assert groups._waiting == {}
