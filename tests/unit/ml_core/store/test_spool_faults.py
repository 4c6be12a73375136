"""The spool under writers that are killed, disks that are full or damage what they keep, and limits."""

from __future__ import annotations

import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth, Prediction
from ml_core.store import json_documents, spool
from ml_core.store.spool import Spool
from ml_core.store.spool_lines import Position, read_row
from tests.factories import NOON, a_prediction, some_predictions

MODEL = "housing_price"


@pytest.fixture
def waiting(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool", 1_000_000)


def files(waiting: Spool) -> list[Path]:
    return sorted((waiting.folder / "waiting").glob("*.jsonl"))


def ids(waiting: Spool) -> list[str]:
    window = waiting.next_window()
    return [record.row["prediction_id"] for record in window.records] if window else []


def take(waiting: Spool) -> list[Prediction | GroundTruth]:
    """Replay all to nowhere; return what came, in its order."""
    taken: list[Prediction | GroundTruth] = []
    while window := waiting.next_window():
        taken += [read_row(record.kind, record.row) for record in window.records]
        waiting.advance(window.end, NOON)
    return taken


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_a_line_that_a_killed_writer_did_not_finish_is_no_record(waiting: Spool, cut: int) -> None:
    waiting.append("predictions", MODEL, some_predictions(3), NOON)
    (path,) = files(waiting)
    path.write_bytes(path.read_bytes()[:-cut])
    assert waiting.status().records == 2
    assert [row.prediction_id for row in take(waiting)] == ["order-0", "order-1"]
    assert not waiting.holds_records()


def test_the_count_is_right_after_an_unfinished_line_was_cut_off(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    with files(waiting)[0].open("ab") as file:
        file.write(b'{"kind":"pred')
    assert waiting.status().records == 2
    waiting.append("predictions", MODEL, some_predictions(2, 2), NOON)
    assert waiting.status().records == 4
    assert len(take(waiting)) == 4


def damage(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def test_a_damaged_line_is_told_apart_and_takes_no_other_with_it(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(3), NOON)
    damage(files(waiting)[0], b"order-1", b"order-7")
    window = waiting.next_window()
    assert window is not None
    assert [record.row["prediction_id"] for record in window.records] == ["order-0", "order-2"]
    assert len(window.damaged) == 1
    assert b"order-7" in window.damaged[0]


def test_a_last_line_whose_break_is_damaged_is_set_apart(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    (path,) = files(waiting)
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    assert len(take(waiting)) == 1
    (apart,) = waiting.poisoned()
    assert apart.is_damaged
    assert "order-1" in apart.row["line"]


def test_a_damaged_position_has_everything_replayed_again(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    waiting.advance(Position(1, 10, 1), NOON)
    (waiting.folder / "position.json").write_text("{]")
    assert ids(waiting) == ["order-0", "order-1"]


# Limits


def test_a_spool_that_is_full_refuses_and_takes_again_when_something_was_replayed(tmp_path: Path) -> None:
    waiting = Spool(tmp_path / "spool", 20_000)
    waiting.append("predictions", MODEL, some_predictions(50), NOON)
    with pytest.raises(StoreUnavailable, match=r"holds .* of at most 0 MB: .* ML_SPOOL__MAX_MEGABYTES"):
        waiting.append("predictions", MODEL, some_predictions(100), NOON)
    assert waiting.status().records == 50
    take(waiting)
    waiting.append("predictions", MODEL, some_predictions(50), NOON)
    with pytest.raises(StoreUnavailable, match="spool"):
        Spool(waiting.folder, 2_000).check()


def test_a_folder_that_cannot_be_made_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    waiting = Spool(tmp_path / "spool" / "of-a-database", 1_000_000)
    for work in (waiting.check, lambda: waiting.append("predictions", MODEL, some_predictions(1), NOON)):
        with pytest.raises(StoreUnavailable, match="cannot"):
            work()


def test_a_lock_that_another_process_keeps_is_told(waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LOCK_TIMEOUT_SECONDS", 0.05)
    other = Spool(waiting.folder, 1_000_000)
    with other.locked(), pytest.raises(StoreUnavailable, match="locked by another process"):
        waiting.append("predictions", MODEL, some_predictions(1), NOON)
    assert json_documents.LOCK_TIMEOUT_SECONDS == 30
    assert waiting.append("predictions", MODEL, some_predictions(1), NOON)


def test_one_replays_at_a_time(waiting: Spool) -> None:
    with waiting.replaying() as mine, Spool(waiting.folder, 1_000_000).replaying() as also_mine:
        assert mine
        assert not also_mine
    with Spool(waiting.folder, 1_000_000).replaying() as mine:
        assert mine


def test_who_replays_sweeps_what_killed_processes_left(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(1), NOON)
    stray = waiting.folder / ".position.json.0123.tmp"
    stray.touch()
    with waiting.replaying():
        assert not stray.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; where none may be mounted, a folder whose files may not grow beyond 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill(waiting: Spool) -> list[str]:
    """Append until it is refused; return the ids that were acknowledged."""
    accepted: list[str] = []
    while True:
        rows = some_predictions(10, len(accepted))
        try:
            waiting.append("predictions", MODEL, rows, NOON)
        except StoreUnavailable:
            return accepted
        accepted += [row.prediction_id for row in rows]


def taken_ids(waiting: Spool) -> Sequence[str]:
    return [row.prediction_id for row in take(waiting)]


def test_a_full_disk_loses_nothing_and_does_not_keep_the_spool_from_being_replayed(small_disk: Path) -> None:
    waiting = Spool(small_disk / "spool", 10_000_000)
    accepted = fill(waiting)
    assert len(accepted) > 100
    assert waiting.status().records == len(accepted)
    assert taken_ids(waiting) == accepted
    assert waiting.append("predictions", MODEL, some_predictions(10), NOON)
    assert len(taken_ids(waiting)) == 10


def test_a_refused_first_record_leaves_no_file_behind_which_others_would_wait(small_disk: Path) -> None:
    waiting = Spool(small_disk / "spool", 10_000_000)
    too_big = [a_prediction(NOON, features={"note": "x" * 300_000})]
    with pytest.raises(StoreUnavailable, match="cannot write"):
        waiting.append("predictions", MODEL, too_big, NOON)
    assert not waiting.holds_records()


def test_readers_never_take_rows_that_a_full_disk_takes_back(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    (path,) = files(waiting)
    size = path.stat().st_size
    with closing(path.open("ab")) as file, waiting.locked():
        file.write(path.read_bytes())  # a writer in the midst of its lines
        file.flush()
        begun = threading.Event()
        found: list[str] = []

        def read() -> None:
            begun.set()
            found.extend(ids(waiting))

        reader = threading.Thread(target=read)
        reader.start()
        begun.wait()
        reader.join(0.1)
        file.truncate(size)
    reader.join()
    assert found == ["order-0", "order-1"]
