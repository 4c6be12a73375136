"""The SQL store on SQLite: how it is set up, and what happens when its file cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import Receipt
from ml_core.store import sql_engine
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction

MODEL = "housing_price"
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{path}")) as opened:
        yield opened


def test_commits_are_durable_and_readers_do_not_wait(path: Path) -> None:
    with closing(Database(f"sqlite:///{path}")) as database:
        settings = database.read(
            lambda connection: [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            ]
        )
    assert settings == ["wal", 2, 30_000]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'a' / 'b' / 'store.db'}")) as store:
        store.check()
    assert (tmp_path / "a" / "b" / "store.db").is_file()


def test_closing_leaves_one_file(store: SqlStore, path: Path) -> None:
    store.record_predictions(MODEL, [a_prediction()])
    store.close()
    assert [each.name for each in path.parent.iterdir()] == ["store.db"]


def test_one_store_serves_many_threads(store: SqlStore) -> None:
    def record(thread: int) -> int:
        rows = [a_prediction(NOON + timedelta(milliseconds=thread)) for _ in range(20)]
        return sum(store.record_predictions(MODEL, [row]).accepted for row in rows)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(record, range(8))) == [20] * 8
    assert len(store.predictions(MODEL, NOON, NOON + HOUR)) == 160


def test_ids_vouched_for_as_new_that_are_not_are_judged_all_the_same(store: SqlStore) -> None:
    row = a_prediction(prediction_id="order-1", value=1.0)
    store.record_predictions(MODEL, [row], new_ids=True)
    assert store.record_predictions(MODEL, [row, a_prediction()], new_ids=True) == Receipt(accepted=1, duplicates=1)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        closing(SqlStore(f"sqlite:///{tmp_path / 'file' / 'store.db'}")) as store,
        pytest.raises(StoreUnavailable, match=f"cannot make {tmp_path / 'file'}"),
    ):
        store.check()


def test_a_folder_in_the_place_of_the_file_is_said_so(path: Path, store: SqlStore) -> None:
    path.mkdir()
    with pytest.raises(StoreUnavailable, match=f"{path} cannot be opened: check that its folder exists"):
        store.list_models()


def test_a_file_that_is_no_database_is_said_so_and_left_alone(path: Path, store: SqlStore) -> None:
    path.write_text("my notes, not a database\n" * 100)
    with pytest.raises(StoreUnavailable, match="damaged or not a database"):
        store.put_model(a_model())
    assert path.read_text().startswith("my notes")


def test_a_lock_that_is_never_released_makes_the_store_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_engine, "_SQLITE_BUSY_SECONDS", 0.2)
    with closing(SqlStore(f"sqlite:///{path}")) as store, closing(sqlite3.connect(path)) as other:
        store.put_model(a_model())
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="too busy"):
            store.put_model(a_model(title="Mine"))
        assert store.list_models() == [a_model()]
        other.rollback()
        assert store.put_model(a_model(title="Mine")) is False


FULL_DISK = """
import resource, signal, sys
from ml_core.errors import StoreUnavailable
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction
from datetime import timedelta

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqlStore(sys.argv[1])
acknowledged = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
try:
    while True:
        rows = [a_prediction(NOON, features={"text": "x" * 1000}) for _ in range(100)]
        acknowledged += store.record_predictions("housing_price", rows).accepted
except StoreUnavailable as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    store.check()
except StoreUnavailable as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.check()
found = len(store.predictions("housing_price", NOON, NOON + timedelta(hours=1)))
assert 0 < acknowledged == found, (acknowledged, found)
acknowledged = store.record_predictions("housing_price", rows).accepted
assert acknowledged == 100
store.close()
"""


def test_a_full_disk_is_said_so_loses_nothing_and_heals_when_there_is_space(path: Path) -> None:
    messages = run(FULL_DISK, f"sqlite:///{path}").splitlines()
    assert len(messages) == 2
    for message in messages:
        assert str(path) in message
        assert "space" in message


READ_ONLY = """
import os, sys
from ml_core.errors import StoreUnavailable
from ml_core.store.sql_store import SqlStore

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
store = SqlStore(sys.argv[1])
try:
    store.check()
except StoreUnavailable as error:
    print(error.message)
store.close()
"""


def test_a_folder_that_may_only_be_read_is_said_so(tmp_path: Path) -> None:
    # An unprivileged user has to be let through to the folder, which is a private one.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/") and "pytest" in str(folder):
            folder.chmod(0o755)
    tmp_path.chmod(0o555)
    try:
        assert "check" in run(READ_ONLY, f"sqlite:///{tmp_path / 'store.db'}")
    finally:
        tmp_path.chmod(0o755)


def run(program: str, *arguments: str) -> str:
    """Run a program with the project in its path; return what it printed."""
    project = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compacting_gives_back_the_room_of_what_was_deleted(store: SqlStore, path: Path) -> None:
    rows = [a_prediction(NOON + timedelta(milliseconds=number)) for number in range(3000)]
    store.record_predictions(MODEL, rows, new_ids=True)
    store.record_predictions(MODEL, [a_prediction(NOON + 24 * HOUR)])
    assert store.drop_before(NOON + 24 * HOUR) == {"predictions": 3000, "ground_truths": 0}
    lines: list[str] = []
    done = store.compact(NOON, lines.append)
    assert path.stat().st_size == done.bytes_after < done.bytes_before / 2
    assert lines == [f"the database {path}: {done.bytes_before:,} bytes became {done.bytes_after:,}"]
    assert store.count_records()["predictions"] == {MODEL: 1}
