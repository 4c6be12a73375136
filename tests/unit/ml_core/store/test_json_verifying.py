"""The check of the embedded store: whatever was damaged, or lies in a wrong place, is named."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.files import replace_file
from ml_core.ids import new_id
from ml_core.lines import encode_line
from ml_core.records import Findings
from ml_core.store.json_segments import append_to_segment, segment_lock
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from tests.factories import NOON, a_prediction
from tests.snapshots import everything, fill

MODEL = "housing_price"
FLIPS = 200


@pytest.fixture
def filled(json_store: JsonStore) -> JsonStore:
    fill(json_store)
    return json_store


def found(store: JsonStore) -> list[tuple[str, str]]:
    """Return the problems, with paths below the store's folder."""
    problems = store.verify(no_progress).problems
    return [(each.where.removeprefix(f"{store.folder}/"), each.found) for each in problems]


def test_a_store_that_is_as_written_says_how_much_was_looked_at(filled: JsonStore) -> None:
    files = [*filled.folder.rglob("*.jsonl"), *(filled.folder / "documents").glob("*.json")]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    assert filled.verify(no_progress) == Findings(f"{lines} lines in {len(files)} files")


def test_an_empty_store_is_as_written(json_store: JsonStore) -> None:
    assert json_store.verify(no_progress) == Findings("0 lines in 0 files")


def test_progress_counts_files(filled: JsonStore) -> None:
    told: list[tuple[str, int, int | None]] = []
    filled.verify(lambda *step: told.append(step))
    assert told[-1][0] == "files"
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1] == told[-1][2]


def test_no_flipped_bit_that_changes_what_is_read_is_silent(filled: JsonStore, tmp_path: Path) -> None:
    before, chance = everything(filled), random.Random(20261120)
    files = sorted(path for path in filled.folder.rglob("*.json*") if path.is_file())
    weights = [path.stat().st_size for path in files]
    outcomes: Counter[str] = Counter()
    for flip in range(FLIPS):
        folder = tmp_path / "flipped"
        shutil.copytree(filled.folder, folder)
        # Half of them anywhere, half in the files that are small.
        path = chance.choices(files, weights if flip % 2 else None)[0]
        path = folder / path.relative_to(filled.folder)
        content = bytearray(path.read_bytes())
        bit = chance.randrange(len(content) * 8)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            store = JsonStore(folder)
            reported = bool(store.verify(no_progress).problems)
            changed = everything(store) != before
        except StoreUnavailable:
            reported, changed = True, True  # told by whoever opens or reads it
        assert reported or not changed, f"bit {bit} of {path}"
        outcomes["reported" if reported else "harmless"] += 1
        shutil.rmtree(folder)
    assert outcomes["reported"] > 0.9 * FLIPS


def test_a_damaged_line_is_named_by_file_line_and_byte(filled: JsonStore) -> None:
    path = filled.folder / "records" / "predictions" / MODEL / "2026-11-20.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second.replace(b"value", b"walue"))
    where = f"records/predictions/{MODEL}/2026-11-20.jsonl, line 2 (byte {len(first)})"
    assert found(filled) == [(where, "not as it was written: the checksum differs")]


def test_a_line_that_was_never_finished_is_named(filled: JsonStore) -> None:
    path = filled.folder / "records" / "job_runs" / "check" / "2026-11.jsonl"
    with path.open("ab") as file:
        file.write(b'{"event":"claimed"')
    ((where, message),) = found(filled)
    assert where.startswith("records/job_runs/check/2026-11.jsonl, line ")
    assert message == "18 bytes of a line that was never finished; the next writer cuts them off"


def test_a_damaged_last_break_is_named(filled: JsonStore) -> None:
    path = filled.folder / "records" / "job_runs" / "check" / "2026-11.jsonl"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    ((_, message),) = found(filled)
    assert message == "the break after the last line is damaged, and the line is passed over"


def test_a_line_that_is_being_written_is_not_damage(filled: JsonStore) -> None:
    path = filled.folder / "records" / "job_runs" / "check" / "2026-11.jsonl"
    line = encode_line({"event": "renewed", "slot": "2026-11-20T12:00:00Z", "fence": 1})
    begun = threading.Event()

    def write_slowly() -> None:
        with segment_lock(path.parent), path.open("ab", buffering=0) as file:
            file.write(line[:-20])
            begun.set()
            time.sleep(0.3)
            file.write(line[-20:])

    writer = threading.Thread(target=write_slowly)
    writer.start()
    begun.wait()
    assert found(filled) == []
    writer.join()


def test_only_old_temporary_files_are_strays(filled: JsonStore) -> None:
    for name, age in (("old", 3600), ("young", 0)):
        path = filled.folder / "documents" / f".models.json.{name}.tmp"
        path.write_text("{")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    message = "left by a process that was killed; it is removed when a store is opened"
    assert found(filled) == [("documents/.models.json.old.tmp", message)]


def move(store: JsonStore, kind: str, name: str, row: dict[str, Any]) -> None:
    folder = store.folder / "records" / kind
    folder.mkdir(parents=True, exist_ok=True)
    append_to_segment(folder / name, [row])


AN_ID = new_id(NOON)
A_ROW = {"version": 1, "value": 1.0, "score": None, "features": {}}
TODAY = {"prediction_id": AN_ID, "time": "2026-11-20T12:00:00Z", **A_ROW}
A_RUN = {"event": "claimed", "slot": "2026-11-20T12:00:00Z", "fence": 1}
A_TRUTH = {"prediction_id": AN_ID, "value": 1.0, "received_time": "2026-11-20T12:00:00Z", "correct": False}


@pytest.mark.parametrize(
    ("kind", "name", "row", "message"),
    [
        ("predictions/a", "2026-11-21.jsonl", TODAY, "is of 2026-11-20 and lies in the file of another day"),
        (
            "predictions/a",
            "2026-11-20.jsonl",
            TODAY | {"prediction_id": "order-77"},
            "prediction 'order-77' cannot be found by its id: see other_ids.jsonl",
        ),
        (
            "predictions/a",
            "2026-11-20.jsonl",
            TODAY | {"prediction_id": new_id(NOON.replace(day=1))},
            "cannot be found",
        ),
        ("predictions/a", "2026-11-20.jsonl", {"prediction_id": "x"}, "holds no row of predictions"),
        ("predictions/a", "2026-11-20.jsonl", TODAY | {"time": "noon"}, "holds no row of predictions"),
        ("ground_truths/a", "2026-11-21.jsonl", A_TRUTH, f"the truth of '{AN_ID}' must lie in 2026-11-20.jsonl"),
        ("ground_truths/a", "ids-0.jsonl", {"value": 1.0}, "holds no row of ground_truths"),
        ("job_runs/a", "2026-12.jsonl", A_RUN, "the run of 2026-11-20T12:00:00Z must lie in 2026-11.jsonl"),
    ],
)
def test_a_row_in_a_wrong_place_is_named(
    filled: JsonStore, kind: str, name: str, row: dict[str, Any], message: str
) -> None:
    move(filled, kind, name, row)
    ((where, said),) = found(filled)
    assert where == f"records/{kind}/{name}, line 1 (byte 0)"
    assert message in said


def test_an_entry_of_a_prediction_that_is_not_there_does_no_harm(filled: JsonStore) -> None:
    move(filled, "predictions/a", "other_ids.jsonl", {"prediction_id": "x", "day": "2026-11-20"})
    assert found(filled) == []


DOCUMENT_FAULTS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda content: content[:-9], "is damaged (not JSON)"),
    (lambda content: content.replace(b"Housing", b"Hausing"), "is damaged (not as it was written"),
    (lambda content: b'{"_default": {"1": {"name": "x"}}}', "is damaged (not a model)"),
]


@pytest.mark.parametrize(("fault", "message"), DOCUMENT_FAULTS)
def test_a_damaged_document_is_named(filled: JsonStore, fault: Callable[[bytes], bytes], message: str) -> None:
    path = filled.folder / "documents" / "models.json"
    replace_file(path, fault(path.read_bytes()))
    ((_, said),) = found(filled)
    assert said.startswith(f"{path} {message}")


def test_what_cannot_be_read_is_named_and_the_rest_is_looked_at(filled: JsonStore) -> None:
    (filled.folder / "records" / "predictions" / "a" / "2026-11-20.jsonl").mkdir(parents=True)
    (filled.folder / "documents" / "folder.json").mkdir()
    assert [where for where, _ in found(filled)] == [
        "documents/folder.json",
        "records/predictions/a/2026-11-20.jsonl",
    ]


def test_a_run_whose_beginning_is_damaged_hides_no_other(filled: JsonStore) -> None:
    path = filled.folder / "records" / "job_runs" / "check" / "2026-11.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"claimed", b"klaimed"), *lines[2:]]))
    assert [run.slot.hour for run in filled.list_runs("check", newest=9)] == [0, 2]
    assert len(found(filled)) == 1


def test_checking_changes_nothing(filled: JsonStore) -> None:
    path = filled.folder / "records" / "predictions" / MODEL / "2026-11-20.jsonl"
    path.write_bytes(path.read_bytes() + encode_line({"x": 1})[:-5])
    before = {path: path.read_bytes() for path in filled.folder.rglob("*.json*")}
    assert found(filled)
    assert {path: path.read_bytes() for path in filled.folder.rglob("*.json*")} == before
    assert filled.record_predictions(MODEL, [a_prediction()]).accepted == 1
    assert found(filled) == []
