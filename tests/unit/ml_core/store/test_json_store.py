"""The embedded store as a whole: killed writers, full disks, damage, and files that anyone can read."""

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
from ml_core.records import Prediction, StageChange
from ml_core.store.json_store import FORMAT_VERSION, JsonStore
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


# What lies on disk


def test_everything_in_the_store_is_json_that_any_program_can_read(json_store: JsonStore) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    json_store.add_version(a_version())
    predictions = some_predictions(3)
    json_store.record_predictions(MODEL, predictions)
    json_store.record_truths(MODEL, [a_truth(predictions[0].prediction_id, 5.0)])
    documents = {path.name: json.loads(path.read_text()) for path in json_store.folder.rglob("*.json")}
    assert documents["format.json"] == {"format": FORMAT_VERSION}
    assert documents["models.json"]["_default"]["1"]["seed_id"] == "model1"
    assert documents["model_versions.json"]["_default"]["1"]["number"] == 1
    lines = [json.loads(line) for path in json_store.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(line["prediction_id"] for line in lines if "features" in line) == sorted(
        prediction.prediction_id for prediction in predictions
    )
    assert [line["value"] for line in lines if "received_time" in line] == [5.0]


def test_a_store_that_is_opened_again_holds_what_was_put_in(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.record_predictions(MODEL, some_predictions(3))
    json_store.close()
    again = JsonStore(json_store.folder)
    assert again.list_models() == json_store.list_models()
    assert stored_ids(again) == stored_ids(json_store)


@pytest.mark.parametrize("found", [FORMAT_VERSION + 1, 0, "1", None])
def test_a_store_of_another_format_is_refused_and_left_alone(json_store: JsonStore, found: object) -> None:
    path = json_store.folder / "format.json"
    path.write_text(json.dumps({"format": found}))
    with pytest.raises(StoreUnavailable, match=f"has format {found}, this version of the suite reads {FORMAT_VERSION}"):
        JsonStore(json_store.folder)
    assert json.loads(path.read_text()) == {"format": found}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "5", "null"])
def test_a_damaged_format_file_is_refused_with_its_path(json_store: JsonStore, content: str) -> None:
    path = json_store.folder / "format.json"
    path.write_text(content)
    with pytest.raises(StoreUnavailable) as caught:
        JsonStore(json_store.folder)
    assert caught.value.message.startswith(f"{path} is damaged")


# Trouble


def test_a_store_in_use_finds_itself_well(json_store: JsonStore) -> None:
    json_store.check()
    before = sorted(json_store.folder.rglob("*"))
    json_store.check()
    assert sorted(json_store.folder.rglob("*")) == before


def test_a_file_in_the_place_of_the_folder_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(StoreUnavailable, match=f"cannot write {tmp_path / 'store'}"):
        JsonStore(tmp_path / "store")


def test_a_store_whose_folder_was_replaced_by_a_file_is_unavailable_for_all_it_does(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.record_predictions(MODEL, some_predictions(1))
    shutil.rmtree(json_store.folder)
    json_store.folder.touch()
    for call in (
        json_store.check,
        json_store.list_models,
        lambda: json_store.get_model(MODEL),
        lambda: json_store.list_versions(MODEL),
        lambda: json_store.put_model(a_model()),
        lambda: json_store.add_version(a_version()),
        lambda: json_store.change_stage(MODEL, StageChange(NOON, "promote", 1, None)),
        lambda: json_store.record_predictions(MODEL, some_predictions(1)),
        lambda: json_store.record_truths(MODEL, [a_truth("order-1")]),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_store_whose_folder_is_gone_is_unavailable_and_not_made_anew(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.folder.rename(json_store.folder.with_name("moved"))
    for call in (json_store.check, json_store.list_models, lambda: json_store.put_model(a_model("another"))):
        with pytest.raises(StoreUnavailable):
            call()
    assert not json_store.folder.exists()


@pytest.mark.parametrize("name", ["models.json", "model_versions.json"])
def test_a_damaged_file_of_documents_is_told_with_its_path_and_mended_by_a_backup(
    json_store: JsonStore, name: str
) -> None:
    json_store.put_model(a_model())
    json_store.add_version(a_version())
    path = json_store.folder / "documents" / name
    backup = path.read_bytes()
    path.write_bytes(backup[: len(backup) // 2])
    with pytest.raises(StoreUnavailable) as caught:
        json_store.get_model(MODEL)
        json_store.list_versions(MODEL)
    assert caught.value.message == f"{path} is damaged (not JSON); restore it from a backup"
    path.write_bytes(backup)
    assert json_store.get_model(MODEL) == a_model()
    assert len(json_store.list_versions(MODEL)) == 1


def test_documents_that_are_json_but_no_models_are_never_another_error(json_store: JsonStore) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    for number, previous in ((1, None), (2, 1)):
        json_store.add_version(a_version())
        json_store.change_stage(MODEL, StageChange(NOON, "promote", number, previous))
    json_store.change_stage(MODEL, StageChange(NOON, "roll_back", 1, 2))
    chance, refused = random.Random(20261120), 0
    for name in ("models.json", "model_versions.json"):
        path = json_store.folder / "documents" / name
        good = path.read_text()
        for _ in range(100):
            documents = json.loads(good)
            _spoil(documents, chance)
            path.write_text(json.dumps(documents))
            for call in (
                json_store.list_models,
                lambda: json_store.get_version(MODEL, 1),
                lambda: json_store.put_model(a_model()),
                lambda: json_store.add_version(a_version()),
                lambda: json_store.change_stage(MODEL, StageChange(NOON, "promote", 2, 1)),
            ):
                try:
                    call()
                except StoreUnavailable as error:
                    assert str(path) in error.message
                    refused += 1
        path.write_text(good)
    assert refused > 100


def _spoil(documents: dict[str, dict[str, dict[str, object]]], chance: random.Random) -> None:
    """Replace or remove one value somewhere inside."""
    node: dict[str, object] | list[object] = documents["_default"]["1"]
    while True:
        key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]  # type: ignore[index, call-overload]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
            node = inner
        elif chance.random() < 0.3:
            del node[key]  # type: ignore[arg-type]
            return
        else:
            node[key] = chance.choice([None, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, True])  # type: ignore[index, call-overload]
            return


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
