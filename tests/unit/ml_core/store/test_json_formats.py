"""Formats of the embedded store: an older one is brought up to date once, whoever opens it and whoever is killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.files import replace_file
from ml_core.store import json_formats
from ml_core.store.base import Store
from ml_core.store.json_formats import FORMAT, bring_up_to_date, pending_formats
from ml_core.store.json_store import JsonStore
from ml_core.store.json_views import count_rewrites
from ml_core.store.migrating import create_tables, migrate, pending
from tests.contract.processes import ProcessGroup
from tests.factories import NOON, a_model, a_prediction, a_truth
from tests.snapshots import everything, fill

MODEL = "housing_price"


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessGroup]:
    """Processes that can be let loose on one store at the same moment."""
    group = ProcessGroup()
    yield group
    group.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store as a program of format 1 has left it, with some records."""
    store = JsonStore(tmp_path / "store")
    store.put_model(a_model())
    store.record_predictions(MODEL, [a_prediction(), a_prediction(prediction_id="order-1")])
    store.record_truths(MODEL, [a_truth("order-1", 3.0)])
    make_old(store.folder)
    return store.folder


def make_old(folder: Path) -> None:
    (folder / "format.json").write_text('{"format": 1}\n')
    for counter in folder.rglob(".rewrites"):
        counter.unlink()


def format_of(folder: Path) -> Any:
    return json.loads((folder / "format.json").read_text())["format"]


def segments_of(folder: Path) -> set[Path]:
    return {path.parent for path in folder.rglob("*.jsonl")}


def test_a_new_store_has_the_format_of_this_program(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "store"
    assert pending_formats(folder) == list(range(2, FORMAT + 1))
    assert not folder.parent.exists()
    JsonStore(folder)
    assert format_of(folder) == FORMAT
    assert bring_up_to_date(folder) == pending_formats(folder) == []


def test_an_older_store_is_brought_up_to_date_when_it_is_opened_and_keeps_what_it_holds(old: Path) -> None:
    assert pending_formats(old) == [2, 3]
    store = JsonStore(old)
    assert format_of(old) == FORMAT
    counts = store.count_records()
    assert (counts["predictions"], counts["ground_truths"]) == ({MODEL: 2}, {MODEL: 1})
    assert store.list_models() == [a_model()]
    assert len(segments_of(old)) == 2
    assert all(count_rewrites(folder) == 1 for folder in segments_of(old))


def test_a_step_that_is_repeated_changes_nothing(old: Path) -> None:
    assert bring_up_to_date(old) == [2, 3]
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    (old / "format.json").write_text('{"format": 1}\n')
    assert bring_up_to_date(old) == [2, 3]
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_a_store_that_has_lost_its_format_file_is_brought_up_to_date_from_the_beginning(old: Path) -> None:
    (old / "format.json").unlink()
    assert bring_up_to_date(old) == [2, 3]
    assert JsonStore(old).count_records()["predictions"] == {MODEL: 2}


def test_steps_lead_from_each_format_to_this_programs() -> None:
    assert list(json_formats._STEPS) == list(range(1, FORMAT))


def test_migrating_an_embedded_store_brings_it_to_the_format_of_this_program(old: Path) -> None:
    url, lines = f"json:///{old}", list[str]()
    assert pending(url) == ["format 2", "format 3"]
    assert format_of(old) == 1
    assert migrate(url, lines.append) == ["format 2", "format 3"]
    assert pending(url) == migrate(url, lines.append) == []
    with pytest.raises(ConfigurationError, match="store_url: only a store at sqlite"):
        create_tables(url)


def bring(store: Store, folder: Path) -> list[int]:
    """Bring a store up to date, at the same moment as others."""
    return bring_up_to_date(folder)


def test_processes_that_open_an_older_store_at_once_bring_it_up_to_date_once(
    old: Path, tmp_path: Path, processes: ProcessGroup
) -> None:
    url = f"json:///{tmp_path / 'other'}"
    for _ in range(3):
        make_old(old)
        assert sorted(processes.run(url, bring, [old] * 4)) == [[]] * 3 + [[2, 3]]
        assert all(count_rewrites(folder) == 1 for folder in segments_of(old))


def test_one_that_waits_too_long_for_another_is_told(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_formats, "LOCK_TIMEOUT_SECONDS", 0.1)
    with FileLock(old / "format.lock"), pytest.raises(StoreUnavailable, match="by another process"):
        JsonStore(old)
    assert JsonStore(old).list_models() == [a_model()]


def _die_at(number: int, folder: Path) -> None:
    count = 0

    def kill(event: str, arguments: Any) -> None:
        nonlocal count
        if event in ("open", "os.rename"):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    bring_up_to_date(folder)


def test_one_that_is_killed_at_any_point_leaves_a_store_that_the_next_brings_up_to_date(old: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    points = 0
    while True:
        make_old(old)
        process = context.Process(target=_die_at, args=(points + 1, old))
        process.start()
        process.join(60)
        killed = process.exitcode == -signal.SIGKILL
        process.close()
        if not killed:
            break
        points += 1
        assert format_of(old) in (1, 2, 3)
        began = time.monotonic()
        counts = JsonStore(old).count_records()
        assert (counts["predictions"], counts["ground_truths"]) == ({MODEL: 2}, {MODEL: 1})
        assert time.monotonic() - began < 20  # the lock went with its holder
        assert format_of(old) == FORMAT
        assert all(count_rewrites(folder) >= 1 for folder in segments_of(old))
    assert points > 5


def test_a_store_of_format_1_with_records_of_all_kinds_keeps_them(json_store: JsonStore) -> None:
    fill(json_store)
    folder, before = json_store.folder, everything(json_store)
    for counter in folder.rglob(".rewrites"):
        counter.unlink()
    replace_file(folder / "format.json", b'{"format":1}\n')
    assert migrate(f"json:///{folder}", lambda line: None) == ["format 2", "format 3"]
    assert {path.parent for path in folder.rglob(".rewrites")} == segments_of(folder)
    store = JsonStore(folder)
    assert everything(store) == before
    store.compact(NOON + timedelta(days=60), lambda line: None)
    assert everything(store) == before


def test_a_store_of_format_2_keeps_its_rows_and_takes_scores_by_class(json_store: JsonStore) -> None:
    fill(json_store)
    folder, before = json_store.folder, everything(json_store)
    files = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    json_store.close()
    replace_file(folder / "format.json", b'{"format":2}\n')
    assert migrate(f"json:///{folder}", lambda line: None) == ["format 3"]
    reopened = JsonStore(folder)
    assert everything(reopened) == before
    assert {path: path.read_bytes() for path in folder.rglob("*.jsonl")} == files
    row = a_prediction(prediction_id="new", scores={"a": 0.25, "b": 0.75})
    assert reopened.record_predictions(MODEL, [row]).accepted == 1
    assert row in list(reopened.each_prediction(MODEL))
