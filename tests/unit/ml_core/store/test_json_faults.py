"""The embedded store under writers that are killed and disks that are full."""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import Prediction
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_prediction, a_truth, a_version

MODEL = "housing_price"
HOUR = timedelta(hours=1)
KILLS = 20
BATCH = 500


def some_predictions(count: int) -> list[Prediction]:
    return [a_prediction(NOON + timedelta(milliseconds=number)) for number in range(count)]


def stored_ids(store: JsonStore) -> set[str]:
    return set(store.predictions(MODEL, NOON, NOON + HOUR)["prediction_id"])


def temporary_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.tmp"))


# Writers that are killed


def _write_until_killed(folder: Path, acknowledged: Connection) -> None:
    store = JsonStore(folder)
    count = 0
    while True:
        rows = some_predictions(BATCH)
        store.record_predictions(MODEL, rows, new_ids=True)
        acknowledged.send([row.prediction_id for row in rows])
        count += 1
        version = store.add_version(a_version(metrics={"matrix": [[count] * 100] * 10}))
        acknowledged.send(version.number)


def test_what_killed_writers_were_told_is_stored_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    JsonStore(folder).put_model(a_model())
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tinydb"])
    chance = random.Random(20261120)
    ids: set[str] = set()
    versions: list[int] = []
    for _ in range(KILLS):
        receiver, sender = context.Pipe(duplex=False)
        writer = context.Process(target=_write_until_killed, args=(folder, sender))
        writer.start()
        sender.close()
        acknowledged = [receiver.recv()]  # so that it is at work
        time.sleep(chance.uniform(0, 0.03))
        writer.kill()
        with suppress(EOFError, OSError):  # the last message may be cut
            while True:
                acknowledged.append(receiver.recv())
        writer.join(10)
        writer.close()
        receiver.close()
        for told in acknowledged:
            if isinstance(told, int):
                versions.append(told)
            else:
                ids.update(told)

    store = JsonStore(folder)
    assert temporary_files(folder) == []
    assert ids <= stored_ids(store)
    numbers = [version.number for version in store.list_versions(MODEL)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(versions) <= set(numbers)
    # It is in full use again, and what the killed ones left half-written is gone.
    rows = some_predictions(BATCH)
    assert store.record_predictions(MODEL, rows).accepted == BATCH
    for path in folder.rglob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            json.loads(line)
    assert len(ids) >= KILLS * BATCH


# A disk that is full


class Disk(Protocol):
    """A folder whose space can be used up and given back."""

    folder: Path

    def fill(self) -> None: ...
    def free(self) -> None: ...


class SmallDisk:
    """A file system of its own, of a few hundred kilobytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self) -> None:
        with suppress(OSError), self.filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self.filler.unlink()


class SmallFiles:
    """For those who may not mount: no file can grow beyond what the largest one has now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        largest = max(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 100, self.limits[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of its own where one can be mounted, which takes root and may be forbidden even so."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield SmallDisk(folder)
        subprocess.run(["umount", str(folder)], check=True)
    else:
        yield from small_files(folder)


def small_files(folder: Path) -> Iterator[Disk]:
    disk = SmallFiles(folder)
    yield disk
    disk.free()


@pytest.fixture
def limited_files(tmp_path: Path) -> Iterator[Disk]:
    """A folder in which no file can grow any more."""
    yield from small_files(tmp_path)


@pytest.mark.parametrize("kind", ["small_disk", "limited_files"])
def test_a_full_disk_loses_nothing_and_the_first_write_after_it_succeeds(
    kind: str, request: pytest.FixtureRequest
) -> None:
    disk: Disk = request.getfixturevalue(kind)
    folder = disk.folder / "store"
    store = JsonStore(folder)
    store.put_model(a_model(title="before " + "x" * 5000))
    rows = some_predictions(20)
    store.record_predictions(MODEL, rows)
    models, ids = store.list_models(), {row.prediction_id for row in rows}

    disk.fill()
    try:
        for write in (
            lambda: store.record_predictions(MODEL, some_predictions(500)),
            lambda: store.record_truths(MODEL, [a_truth(row.prediction_id) for row in some_predictions(300)]),
            lambda: store.put_model(a_model(title="during " + "x" * 200_000)),
        ):
            with pytest.raises(StoreUnavailable, match=f"cannot write {folder}"):
                write()
        assert store.list_models() == models
        assert stored_ids(store) == ids
        assert temporary_files(folder) == []
        if isinstance(disk, SmallDisk):
            with pytest.raises(StoreUnavailable, match="the disk is full; free some space"):
                store.check()
    finally:
        disk.free()

    store.check()
    later = some_predictions(500)
    assert store.record_predictions(MODEL, later).accepted == 500
    assert store.record_truths(MODEL, [a_truth(rows[0].prediction_id, 5.0)]).accepted == 1
    assert not store.put_model(a_model(title="after"))
    again = JsonStore(folder)
    assert stored_ids(again) == ids | {row.prediction_id for row in later}
    assert [model.title for model in again.list_models()] == ["after"]
    for path in folder.rglob("*.jsonl"):
        assert path.read_bytes().endswith(b"}\n")
        assert all(json.loads(line) for line in path.read_bytes().splitlines())
