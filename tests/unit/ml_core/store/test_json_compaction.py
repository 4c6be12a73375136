"""Compaction of the embedded store: closed days become archives, and nothing that is read changes by it."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.records import Compaction, Receipt
from ml_core.store import json_compaction
from ml_core.store.json_segments import (
    SegmentReader,
    append_to_segment,
    read_segment,
    rewrite_segment,
    sweep_segments,
)
from ml_core.store.json_store import JsonStore
from ml_core.store.json_views import archive_of, list_segments, open_view
from tests.factories import NOON, a_prediction, a_row, a_truth, some_rows

MODEL = "housing_price"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOON + 5 * DAY
LINES: list[str] = []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A segment of predictions, in its place in a store."""
    return tmp_path / "predictions" / MODEL / "2026-11-20.jsonl"


def compact(path: Path) -> Compaction:
    return json_compaction.compact(path.parent.parent.parent, LATER, LINES.append)


def append(path: Path, *numbers: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    append_to_segment(path, [a_row(number) for number in numbers])


def stored(path: Path) -> list[int]:
    return [int(row["prediction_id"].removeprefix("order-")) for row in read_segment(path)[0]]


def leave_merged_beside_its_archive(path: Path) -> None:
    """Do as a process that was killed before the plain segment went."""
    plain = path.read_bytes()
    compact(path)
    path.write_bytes(plain)


# What is packed


def test_a_closed_day_becomes_gzip_with_the_same_lines(path: Path) -> None:
    append(path, *range(3000))
    plain = path.read_bytes()
    done = compact(path)
    assert not path.exists()
    assert subprocess.run(["zcat", archive_of(path)], check=True, capture_output=True).stdout == plain
    assert (done.parts, done.bytes_before, done.damaged) == (1, len(plain), 0)
    assert done.bytes_after == archive_of(path).stat().st_size < len(plain) / 3
    assert read_segment(path)[0] == some_rows(3000)
    assert compact(path) == Compaction()


def test_only_days_and_months_wholly_before_the_time_are_packed(json_store: JsonStore) -> None:
    midnight = NOON - 12 * HOUR
    for time in (midnight - HOUR, midnight, NOON + DAY):
        row = a_prediction(time)
        json_store.record_predictions(MODEL, [row, a_prediction(time, prediction_id=f"order-{time}")])
        json_store.record_truths(MODEL, [a_truth(row.prediction_id), a_truth(f"order-{time}")])
        lease = json_store.claim_run("nightly", time - 30 * DAY, now=NOON, lease=HOUR, holder="me")
        assert lease is not None
    lines: list[str] = []
    done = json_store.compact(midnight, lines.append)
    records = json_store.folder / "records"
    packed = sorted(str(path.relative_to(records)) for path in records.rglob("*.gz"))
    assert packed == [
        "ground_truths/housing_price/2026-11-19.jsonl.gz",
        "job_runs/nightly/2026-10.jsonl.gz",
        "predictions/housing_price/2026-11-19.jsonl.gz",
    ]
    assert done.parts == len(lines) == 3
    assert lines[0].startswith("predictions/housing_price/2026-11-19: ")
    assert len(json_store.predictions(MODEL, NOON - 9 * DAY, NOON + 9 * DAY)) == 6


def test_late_rows_lie_beside_the_archive_until_they_are_merged(path: Path) -> None:
    append(path, 0, 1)
    for number in range(2, 6):
        compact(path)
        append(path, number)
        assert path.exists()
        assert stored(path) == list(range(number + 1))
        _, end = read_segment(path)
        assert read_segment(path, end) == ([], end)
        append(path, 100 + number)
        assert read_segment(path, end)[0] == [a_row(100 + number)]
        rewrite_segment(path, lambda row: not row["prediction_id"].startswith("order-10"))
    compact(path)
    assert list_segments(path.parent) == [path]
    assert not path.exists()
    assert stored(path) == list(range(6))


def test_a_line_without_its_end_is_not_taken_over(path: Path) -> None:
    append(path, 0, 1)
    with path.open("ab") as file:
        file.write(b'{"torn')
    compact(path)
    assert stored(path) == [0, 1]
    path.write_bytes(b'{"torn')
    assert compact(path) == Compaction()
    assert stored(path) == [0, 1]
    append(path, 2)
    assert stored(path) == [0, 1, 2]


def test_damaged_lines_are_kept_and_reported(path: Path) -> None:
    append(path, *range(5))
    damaged = path.read_bytes().replace(b"order-2", b"order-7")
    path.write_bytes(damaged)
    done = compact(path)
    assert done.damaged == 1
    assert "1 damaged lines kept" in LINES[-1]
    assert stored(path) == [0, 1, 3, 4]
    assert subprocess.run(["zcat", archive_of(path)], check=True, capture_output=True).stdout == damaged


def test_a_damaged_archive_keeps_its_bytes_when_more_is_merged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    append(path, *range(3000))
    compact(path)
    content = bytearray(archive_of(path).read_bytes())
    content[-100:-60] = bytes(40)
    archive_of(path).write_bytes(content)
    left = stored(path)
    assert "is damaged and was passed over" in caplog.text
    append(path, 9999)
    compact(path)
    assert stored(path) == [*left, 9999]
    assert 0 < len(left) < 3000
    assert bytes(content[-300:]) in archive_of(path).read_bytes()


def test_renewals_of_a_job_run_that_later_ones_superseded_are_left_out(json_store: JsonStore) -> None:
    for number in range(3):
        lease = json_store.claim_run("nightly", NOON + number * DAY, now=NOON, lease=HOUR, holder="me")
        for minutes in range(5):
            assert lease is not None
            lease = json_store.renew_run(lease, now=NOON + timedelta(minutes=minutes), lease=HOUR)
        if number:
            assert lease is not None
            assert json_store.finish_run(lease, now=NOON + HOUR, state="done")
    runs = json_store.list_runs("nightly", newest=9)
    done = json_store.compact(NOON + 40 * DAY, LINES.append)
    assert done.superseded == 12
    assert json_store.list_runs("nightly", newest=9) == runs
    assert json_store.list_jobs() == ["nightly"]
    packed = json_store.folder / "records/job_runs/nightly/2026-11.jsonl.gz"
    events = subprocess.run(["zcat", packed], check=True, capture_output=True, text=True).stdout.splitlines()
    assert [json.loads(line)["event"] for line in events].count("renewed") == 3
    # The month goes on: a run that was never finished can be claimed again.
    again = json_store.claim_run("nightly", NOON, now=NOON + 2 * HOUR, lease=HOUR, holder="other")
    assert again is not None
    assert again.fence == 2
    assert len(json_store.list_runs("nightly", newest=9)) == 4


# Who reads and rewrites


def test_a_reader_that_goes_on_begins_anew_when_its_segment_was_packed(path: Path) -> None:
    append(path, 0, 1)
    reader = SegmentReader(path)
    assert len(reader.read_on()[0]) == 2
    compact(path)
    assert reader.read_on() == (some_rows(2), True)
    append(path, 2)
    # A plain segment that was not there is another file; what comes then is read on.
    assert reader.read_on() == (some_rows(3), True)
    append(path, 3)
    assert reader.read_on() == ([a_row(3)], False)


@pytest.mark.parametrize("prepare", [compact, leave_merged_beside_its_archive])
def test_rows_are_taken_out_of_both_forms(path: Path, prepare: Any) -> None:
    append(path, *range(3000))
    prepare(path)
    append(path, 3000, 3001)
    assert rewrite_segment(path, lambda row: row["prediction_id"] not in ("order-7", "order-3001")) == 2
    assert stored(path) == [number for number in range(3001) if number != 7]
    assert b'"order-7"' not in subprocess.run(["zcat", archive_of(path)], check=True, capture_output=True).stdout
    assert rewrite_segment(path, lambda row: False) == 3000
    assert list_segments(path.parent) == []


@pytest.mark.parametrize("prepare", [compact, leave_merged_beside_its_archive])
def test_a_row_that_was_erased_and_comes_again_is_seen(path: Path, prepare: Any) -> None:
    append(path, 0)
    prepare(path)
    assert rewrite_segment(path, lambda row: False) == 1
    append(path, 0)
    assert stored(path) == [0]
    compact(path)
    assert stored(path) == [0]


def test_what_a_killed_process_had_merged_is_not_read_twice(path: Path) -> None:
    append(path, 0, 1)
    leave_merged_beside_its_archive(path)
    assert stored(path) == [0, 1]
    append(path, 2)
    assert stored(path) == [0, 1, 2]
    with open_view(path) as view:
        assert view.read_plain() == path.read_bytes()[view.passed_over :]
        assert len(view.read(0)) == view.size
    assert compact(path).parts == 1
    assert stored(path) == [0, 1, 2]
    assert not path.exists()


def test_days_without_a_plain_segment_are_erased_from_forgotten_counted_and_looked_up(json_store: JsonStore) -> None:
    rows = [a_prediction(NOON + number * DAY, prediction_id=f"order-{number}") for number in range(3)]
    rows += [a_prediction(NOON + number * DAY) for number in range(3)]
    json_store.record_predictions(MODEL, rows)
    json_store.record_truths(MODEL, [a_truth(row.prediction_id, 3.0) for row in rows])
    json_store.compact(NOON + 30 * DAY, LINES.append)
    assert not list(json_store.folder.glob("records/*/*/2026*.jsonl"))
    for store in (json_store, JsonStore(json_store.folder)):
        assert store.record_predictions(MODEL, rows) == Receipt(duplicates=6)
        assert store.record_truths(MODEL, [a_truth(row.prediction_id, 3.0) for row in rows]) == Receipt(duplicates=6)
        assert store.scored(MODEL, NOON, NOON + 9 * DAY)["truth"].to_list() == [3.0] * 6
        assert store.last_prediction_time(MODEL) == NOON + 2 * DAY
        assert len(store.count_predictions(MODEL, NOON, NOON + 9 * DAY, DAY)) == 3
    assert json_store.erase(MODEL, [rows[0].prediction_id, rows[4].prediction_id]).found == 2
    counts = json_store.count_records()
    assert (counts["predictions"], counts["ground_truths"]) == ({MODEL: 4}, {MODEL: 4})
    assert json_store.drop_before(NOON + 2 * DAY) == {"predictions": 2, "ground_truths": 4}
    assert len(json_store.predictions(MODEL, NOON, NOON + 9 * DAY)) == 2


def test_what_was_left_half_packed_is_swept(path: Path) -> None:
    append(path, 0)
    stray = path.with_name(f".{archive_of(path).name}.{'0' * 32}.tmp")
    stray.write_bytes(b"half")
    sweep_segments(path.parent.parent.parent)
    assert not stray.exists()
    assert stored(path) == [0]


def test_a_segment_that_is_written_to_all_the_time_is_left_for_another_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, 0)
    numbers = iter(range(1, 100))
    encode = json_compaction.encode_head

    def interrupted(merged: bytes) -> bytes:
        append(path, next(numbers))  # a row comes late, while nobody holds the lock
        return encode(merged)

    with monkeypatch.context() as patch:
        patch.setattr(json_compaction, "encode_head", interrupted)
        assert compact(path) == Compaction()
    assert LINES[-1] == f"predictions/{MODEL}/2026-11-20: is written to all the time; left for another time"
    seen = stored(path)
    assert seen == list(range(len(seen)))
    assert compact(path).parts == 1
    assert stored(path) == seen
