"""The check of a database: by the server's own means, and of what we keep in it as JSON."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.store.progress import no_progress
from ml_core.store.sql_store import SqlStore
from tests.mariadb import MariaDbServer, new_server
from tests.snapshots import fill

MODEL = "housing_price"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        fill(opened)
        yield opened


def change(tmp_path: Path, *statements: str) -> None:
    """Change the file behind the store's back."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_rows_and_tables_are_counted(store: SqlStore) -> None:
    told: list[tuple[str, int, int | None]] = []
    findings = store.verify(lambda *step: told.append(step))
    assert findings.problems == ()
    assert ("predictions", 22, 22) in told
    assert findings.checked.split(" rows in ")[0] == str(sum(done for _, done, total in told if total is not None))


@pytest.mark.parametrize(
    ("statement", "where", "found"),
    [
        ("UPDATE predictions SET features = '{' WHERE prediction_id = 'order-3'", "order-3", "features is not JSON"),
        ("UPDATE predictions SET features = '[]' WHERE prediction_id = 'order-3'", "order-3", "features is not an obj"),
        ("UPDATE predictions SET value = NULL WHERE prediction_id = 'order-3'", "order-3", "either a value or a label"),
        (
            "UPDATE ground_truths SET label = 'x' WHERE prediction_id = 'order-3' AND revision = 2",
            "table ground_truths, housing_price, order-3, 2",
            "either a value or a label",
        ),
        ("UPDATE models SET stage_changes = 'x' WHERE name = 'churn'", "table models, churn", "stage_changes is not J"),
        ("UPDATE models SET stage_changes = '[1]' WHERE name = 'churn'", "table models, churn", "holds something else"),
        (
            "UPDATE models SET champion = 2 WHERE name = 'housing_price'",
            "table models, housing_price",
            "the stage changes come to champion 1, the column says 2",
        ),
        ("UPDATE model_versions SET metrics = '1' WHERE number = 2", "housing_price, 2", "metrics is not an object"),
        ("UPDATE model_versions SET features = '[{}]' WHERE number = 2", "housing_price, 2", "holds something else"),
    ],
)
def test_a_row_that_was_not_written_so_is_named(
    store: SqlStore, tmp_path: Path, statement: str, where: str, found: str
) -> None:
    change(tmp_path, statement)
    (problem,) = store.verify(no_progress).problems
    assert where in problem.where
    assert found in problem.found


def test_a_damaged_sqlite_file_is_found(store: SqlStore, tmp_path: Path) -> None:
    store.close()
    change(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "store.db"
    content = bytearray(path.read_bytes())
    page = content.index(b"order-1")
    start = page - page % 4096
    content[start : start + 60] = bytes(60)
    path.write_bytes(content)
    with closing(SqlStore(f"sqlite:///{path}")) as opened:
        try:
            assert opened.verify(no_progress).problems
        except StoreUnavailable as error:
            assert "is damaged" in error.message


def test_a_table_that_cannot_be_read_does_not_hide_the_others(store: SqlStore, tmp_path: Path) -> None:
    change(
        tmp_path,
        "DROP TABLE ground_truths",
        "CREATE TABLE ground_truths (other TEXT)",
        "UPDATE predictions SET features = '{' WHERE prediction_id = 'order-3'",
    )
    first, second = store.verify(no_progress).problems
    assert (first.where, second.found) == ("table ground_truths, after 0 rows", "features is not JSON")


def test_mariadb_checks_each_table_itself(server: MariaDbServer) -> None:
    url = server.new_database()
    with closing(SqlStore(url)) as store:
        fill(store)
        assert store.verify(no_progress).problems == ()
        server.execute(
            f"USE {url.rsplit('/', 1)[1]}", "UPDATE predictions SET features = '{' WHERE prediction_id = 'order-3'"
        )
        (problem,) = store.verify(no_progress).problems
        assert problem.found == "features is not JSON"


def test_a_server_that_cannot_check_a_table_is_read_all_the_same(
    server: MariaDbServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ml_core.store import sql_verifying

    monkeypatch.setattr(sql_verifying, "CHECK", "ADMIN VERIFY TABLE")
    with closing(SqlStore(server.new_database())) as store, caplog.at_level(logging.WARNING):
        fill(store)
        assert store.verify(no_progress).problems == ()
    assert "the server does not check the table predictions by itself" in caplog.text


def test_a_server_that_is_away_is_told_as_such(server: MariaDbServer) -> None:
    url = server.new_database().replace(str(server.port), "1")
    with closing(SqlStore(url)) as store, pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.verify(no_progress)
