"""A backup of every kind of store, restored into every kind."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ml_core.store.backup import back_up
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from ml_core.store.restoring import restore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON
from tests.snapshots import everything, fill


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / "housing_price" / "first"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(bytes(range(256)))
    return tmp_path / "artifacts"


def test_what_is_restored_from_any_store_is_all_that_was_in_it(store: Store, artifacts: Path, tmp_path: Path) -> None:
    fill(store)
    back_up(store, artifacts, tmp_path / "backup.tar.gz", NOON, no_progress)
    for new in (JsonStore(tmp_path / "new"), SqlStore(f"sqlite:///{tmp_path / 'new.db'}")):
        with closing(new):
            restore(tmp_path / "backup.tar.gz", new, tmp_path / "restored", no_progress)
            assert everything(new) == everything(store)
            assert new.verify(no_progress).problems == ()
    restored = tmp_path / "restored" / "housing_price" / "first" / "model.bin"
    assert restored.read_bytes() == bytes(range(256))


def test_any_store_can_be_restored_into(store: Store, artifacts: Path, tmp_path: Path) -> None:
    with closing(JsonStore(tmp_path / "original")) as original:
        fill(original)
        back_up(original, artifacts, tmp_path / "backup.tar.gz", NOON, no_progress)
        report = restore(tmp_path / "backup.tar.gz", store, tmp_path / "restored", no_progress)
        assert everything(store) == everything(original)
    assert report.conflict_count == 0


def test_an_empty_store_is_backed_up_and_restored_as_one(store: Store, tmp_path: Path) -> None:
    before = everything(store)
    back_up(store, tmp_path / "no artifacts yet", tmp_path / "backup.tar.gz", NOON, no_progress)
    restore(tmp_path / "backup.tar.gz", store, tmp_path / "restored", no_progress)
    assert everything(store) == before


def test_a_store_that_is_as_written_has_no_problems_and_is_left_as_it_is(store: Store) -> None:
    fill(store)
    before, told = everything(store), []
    findings = store.verify(lambda *step: told.append(step))
    assert findings.problems == ()
    assert findings.checked.split(" ")[0].replace(",", "").isdigit()
    assert told
    assert everything(store) == before
