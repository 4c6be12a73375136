"""Backups: whole or not there, whatever happens to the process that makes one."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import multiprocessing
import os
import random
import tarfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import orjson
import pytest

from ml_core.errors import Conflict, StoreUnavailable
from ml_core.store.backup import FORMAT, back_up
from ml_core.store.copying import count_kinds
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from ml_core.store.restoring import restore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction
from tests.snapshots import everything, fill

MODEL = "housing_price"
KILLS = 8


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    for name in ("housing_price/first/manifest.json", "housing_price/first/model.bin", "churn/ü/model.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_holds_the_store_the_artifacts_and_the_hash_of_each(
    json_store: JsonStore, artifacts: Path, tmp_path: Path
) -> None:
    fill(json_store)
    (artifacts / "churn" / ".unfinished.part").write_text("not yet")
    (artifacts / "link").symlink_to("/etc/passwd")
    file = tmp_path / "backup.tar.gz"
    report = back_up(json_store, artifacts, file, NOON, no_progress)
    with tarfile.open(file) as tar:
        contents = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert list(contents)[-1] == "manifest.json"
    manifest = orjson.loads(contents.pop("manifest.json"))
    assert manifest["members"] == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in contents.items()
    }
    assert {name for name in contents if name.startswith("artifacts/")} == {
        f"artifacts/{path.relative_to(artifacts)}" for path in artifacts.glob("*/*/*")
    }
    assert "store/records/predictions/housing_price/other_ids.jsonl" in contents
    assert not [name for name in contents if "lock" in name or "/." in name]
    assert (manifest["format"], manifest["format_version"]) == (FORMAT, 1)
    assert (manifest["created_time"], manifest["suite_version"]) == ("2026-11-20T12:00:00Z", "0.1.0")
    assert manifest["counts"] == count_kinds(json_store)
    assert report.copied["predictions"] == manifest["counts"]["predictions"] == 22
    assert names(tmp_path) == ["artifacts", "backup.tar.gz", "store"]


def test_the_artifacts_may_be_left_out(json_store: JsonStore, tmp_path: Path) -> None:
    back_up(json_store, None, tmp_path / "backup.tar.gz", NOON, no_progress)
    with tarfile.open(tmp_path / "backup.tar.gz") as tar:
        assert tar.getnames() == ["store/format.json", "manifest.json"]


def test_a_backup_takes_the_place_of_an_earlier_one(json_store: JsonStore, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    for number in range(2):
        json_store.record_predictions(MODEL, [a_prediction(prediction_id=f"order-{number}")])
        back_up(json_store, None, file, NOON, no_progress)
    with closing(SqlStore(f"sqlite:///{tmp_path / 'new.db'}")) as new:
        restore(file, new, tmp_path / "artifacts", no_progress)
        assert everything(new) == everything(json_store)


def test_two_backups_to_one_file_do_not_meet(json_store: JsonStore, tmp_path: Path) -> None:
    folder = tmp_path / ".backup.tar.gz.unfinished"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(Conflict, match=r"another backup to .*backup\.tar\.gz is under way"):
        back_up(json_store, None, tmp_path / "backup.tar.gz", NOON, no_progress)
    os.close(descriptor)
    back_up(json_store, None, tmp_path / "backup.tar.gz", NOON, no_progress)


def test_a_backup_that_cannot_be_written_is_told_and_leaves_nothing(json_store: JsonStore, tmp_path: Path) -> None:
    (tmp_path / "backup.tar.gz").mkdir()
    with pytest.raises(StoreUnavailable, match=r"cannot write .*backup\.tar\.gz: "):
        back_up(json_store, None, tmp_path / "backup.tar.gz", NOON, no_progress)
    with pytest.raises(StoreUnavailable, match=r"cannot write .*none/backup\.tar\.gz: No such file"):
        back_up(json_store, None, tmp_path / "none" / "backup.tar.gz", NOON, no_progress)
    assert names(tmp_path) == ["backup.tar.gz", "store"]


def _back_up(folder: Path, stop_at: int, pause_seconds: float, reached: Connection) -> None:
    """Make a backup, and tell when it has made so many steps."""
    steps = itertools.count(1)

    def progress(kind: str, done: int, total: int | None) -> None:
        if next(steps) == stop_at:
            reached.send(stop_at)
            time.sleep(pause_seconds)

    back_up(JsonStore(folder / "store"), folder / "artifacts", folder / "backup.tar.gz", NOON, progress)


def kill_at(folder: Path, step: int, *, pause_seconds: float, after_seconds: float = 0) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "ml_core.store.json_store", "tests.factories"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_back_up, args=(folder, step, pause_seconds, sender))
    process.start()
    receiver.recv()
    time.sleep(after_seconds)
    process.kill()
    process.join(10)
    process.close()
    receiver.close()
    sender.close()


def test_a_killed_backup_leaves_no_half_file_and_the_next_one_cleans_up(
    json_store: JsonStore, artifacts: Path, tmp_path: Path
) -> None:
    fill(json_store)
    (artifacts / "big").write_bytes(os.urandom(4_000_000))
    file, unfinished = tmp_path / "backup.tar.gz", tmp_path / ".backup.tar.gz.unfinished"
    steps: list[object] = []
    back_up(json_store, artifacts, file, NOON, lambda *step: steps.append(step))
    file.unlink()
    for step in range(1, len(steps) + 1, max(1, len(steps) // KILLS)):
        kill_at(tmp_path, step, pause_seconds=60)
        assert unfinished.exists()
        assert not file.exists()
    chance = random.Random(20261120)
    for kill in range(KILLS):  # while it is finished
        kill_at(tmp_path, len(steps), pause_seconds=0, after_seconds=chance.uniform(0, 0.03))
        if file.exists():
            with closing(SqlStore(f"sqlite:///{tmp_path / f'{kill}.db'}")) as new:
                restore(file, new, artifacts, no_progress)
                assert everything(new) == everything(json_store)
            file.unlink()
    back_up(json_store, artifacts, file, NOON, no_progress)
    assert not unfinished.exists()
