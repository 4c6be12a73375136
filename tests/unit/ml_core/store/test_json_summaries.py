"""The summaries that the embedded store keeps of closed days: when they are used, made anew, and gone."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.lines import decode_line
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_prediction

MODEL = "housing_price"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
DAYS = 4


@pytest.fixture
def store(tmp_path: Path) -> JsonStore:
    """A store with four days of predictions, 24 a day, each worth its day."""
    store = JsonStore(tmp_path)
    for day in range(DAYS):
        times = (MIDNIGHT + day * DAY + number * HOUR for number in range(24))
        rows = [a_prediction(time, prediction_id=f"{day}-{n}", value=float(day)) for n, time in enumerate(times)]
        store.record_predictions(MODEL, rows)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "records" / "predictions" / MODEL


def means(store: JsonStore) -> list[float]:
    return list(store.summarise_predictions(MODEL, MIDNIGHT - DAY, MIDNIGHT + 9 * DAY, DAY)["mean"])


def days_kept(folder: Path) -> list[str]:
    rows = [decode_line(line) for line in (folder / ".summaries").read_bytes().splitlines()]
    return [row["segment"] for row in rows if row is not None]


def change_unnoticed(path: Path) -> None:
    """Change all values in a file, and leave its size, inode and time as they are."""
    status = path.stat()
    with path.open("r+b") as file:
        content = file.read().replace(b'"value":', b'"VALUE":')
        file.seek(0)
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_closed_days_are_kept_and_the_newest_is_not(store: JsonStore, folder: Path) -> None:
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    assert days_kept(folder) == ["2026-11-20.jsonl", "2026-11-21.jsonl", "2026-11-22.jsonl"]


@pytest.mark.parametrize("reopen", [True, False])
def test_a_day_that_is_kept_is_not_read_again(store: JsonStore, folder: Path, tmp_path: Path, reopen: bool) -> None:
    means(store)
    change_unnoticed(folder / "2026-11-21.jsonl")
    assert means(JsonStore(tmp_path) if reopen else store) == [0.0, 1.0, 2.0, 3.0]
    (folder / "2026-11-21.jsonl").touch()
    assert means(JsonStore(tmp_path) if reopen else store) == [0.0, 2.0, 3.0]  # no line of that day is whole


def test_a_closed_day_that_grows_again_is_made_anew(store: JsonStore, folder: Path, tmp_path: Path) -> None:
    means(store)
    JsonStore(tmp_path).record_predictions(MODEL, [a_prediction(NOON + DAY, value=26.0)])
    assert means(store) == [0.0, 2.0, 2.0, 3.0]
    assert len(days_kept(folder)) == 3


def test_no_trace_of_what_was_erased_or_forgotten_is_kept(store: JsonStore, folder: Path, tmp_path: Path) -> None:
    store.record_predictions(MODEL, [a_prediction(NOON + DAY, prediction_id="secret", value=12345.0)])
    means(store)
    assert b"12346" in (folder / ".summaries").read_bytes()
    assert store.erase(MODEL, ["secret"]).found == 1
    assert days_kept(folder) == ["2026-11-20.jsonl", "2026-11-22.jsonl"]
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    store.drop_before(MIDNIGHT + DAY)
    assert days_kept(folder) == ["2026-11-21.jsonl", "2026-11-22.jsonl"]
    assert means(JsonStore(tmp_path)) == [1.0, 2.0, 3.0]


def test_a_file_that_is_lost_or_damaged_costs_only_time(store: JsonStore, folder: Path, tmp_path: Path) -> None:
    means(store)
    whole = (folder / ".summaries").read_bytes()
    damaged = [b"", b"\n", whole[:-30], whole + b"{", bytes(100)]
    damaged += [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(0, len(whole), 97)]
    for content in damaged:
        (folder / ".summaries").write_bytes(content)
        assert means(JsonStore(tmp_path)) == [0.0, 1.0, 2.0, 3.0]
    (folder / ".summaries").unlink()
    assert means(JsonStore(tmp_path)) == [0.0, 1.0, 2.0, 3.0]
    assert (folder / ".summaries").read_bytes() == whole


def test_what_a_killed_process_left_of_writing_them_is_swept(store: JsonStore, folder: Path, tmp_path: Path) -> None:
    means(store)
    (folder / "..summaries.0123.tmp").write_bytes(b"{")
    JsonStore(tmp_path)
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []
    assert len(days_kept(folder)) == 3


def test_summaries_that_cannot_be_kept_are_told_all_the_same(
    store: JsonStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / ".lock").unlink()
    (folder / ".lock").mkdir()  # so that nobody can lock the folder for writing
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    assert "could not be kept" in caplog.text
    assert not (folder / ".summaries").exists()


def test_a_torn_line_is_not_counted_and_what_follows_it_is(store: JsonStore, folder: Path) -> None:
    with (folder / "2026-11-21.jsonl").open("ab") as file:
        file.write(b'{"prediction_id":"torn","time":"2026-11-21T12')
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    store.record_predictions(MODEL, [a_prediction(NOON + DAY, value=26.0)])
    assert means(store) == [0.0, 2.0, 2.0, 3.0]


def test_a_day_that_was_packed_is_summed_once_and_its_late_rows_count(store: JsonStore, folder: Path) -> None:
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    store.compact(MIDNIGHT + 2 * DAY, lambda line: None)
    archive = folder / "2026-11-20.jsonl.gz"
    assert archive.exists()
    assert not (folder / "2026-11-20.jsonl").exists()
    assert means(JsonStore(store.folder)) == [0.0, 1.0, 2.0, 3.0]
    # Now its sums are kept: the archive is not read again.
    status = archive.stat()
    with archive.open("r+b") as file:
        file.write(bytes(status.st_size))
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert means(JsonStore(store.folder)) == [0.0, 1.0, 2.0, 3.0]


def test_rows_that_come_late_to_a_packed_day_are_in_its_sums(store: JsonStore) -> None:
    store.compact(MIDNIGHT + 2 * DAY, lambda line: None)
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    for number in range(2):
        late = [a_prediction(MIDNIGHT, prediction_id=f"late {number} {each}", value=24.0) for each in range(12)]
        store.record_predictions(MODEL, late)
        assert means(store)[0] == pytest.approx((12 * (number + 1)) * 24 / (24 + 12 * (number + 1)))
        store.compact(MIDNIGHT + 2 * DAY, lambda line: None)
        assert means(store)[0] == pytest.approx((12 * (number + 1)) * 24 / (24 + 12 * (number + 1)))


def test_erased_rows_of_a_packed_day_leave_its_sums(store: JsonStore, folder: Path) -> None:
    store.compact(MIDNIGHT + 2 * DAY, lambda line: None)
    assert means(store) == [0.0, 1.0, 2.0, 3.0]
    assert store.erase(MODEL, [f"0-{number}" for number in range(24)]).found == 24
    assert "2026-11-20.jsonl" not in days_kept(folder)
    assert means(store) == [1.0, 2.0, 3.0]


def test_threads_that_record_and_summarise_at_once_do_not_wait_for_each_other_for_ever(store: JsonStore) -> None:
    def record(thread: int) -> int:
        rows = [a_prediction(NOON + n % DAYS * DAY, prediction_id=f"{thread}-new-{n}", value=1.0) for n in range(60)]
        return sum(store.record_predictions(MODEL, [row]).accepted for row in rows)

    def summarise(thread: int) -> int:
        for _ in range(60):
            counts = store.summarise_predictions(MODEL, MIDNIGHT, MIDNIGHT + DAYS * DAY, DAY)["count"]
        return int(counts.sum())

    with ThreadPoolExecutor(6) as threads:
        recorded = [threads.submit(record, thread) for thread in range(3)]
        summarised = [threads.submit(summarise, thread) for thread in range(3)]
        assert [future.result() for future in recorded] == [60] * 3
        assert all(24 * DAYS <= future.result() <= 24 * DAYS + 180 for future in summarised)
    assert summarise(0) == 24 * DAYS + 180
