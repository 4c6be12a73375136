"""Migrations on SQLite and MariaDB: what is made, what is refused, and that each step is done once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable

from ml_core.clock import Clock
from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.store import migrating, sql_lease
from ml_core.store.base import Store
from ml_core.store.migrating import create_tables, load_scripts, migrate, pending
from ml_core.store.partitions import list_partitions
from ml_core.store.revisions import HEAD, REVISIONS
from ml_core.store.sql_engine import Database
from ml_core.store.sql_lease import held_lease, migration_leases
from ml_core.store.sql_store import SqlStore
from ml_core.store.tables import metadata
from tests.contract.processes import ProcessGroup
from tests.factories import NOON, a_model, a_prediction
from tests.mariadb import MariaDbServer, new_server

LINES: list[str] = []


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessGroup]:
    """Eight processes that can be let loose on one database at the same moment."""
    group = ProcessGroup()
    yield group
    group.close()


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a' / 'store.db'}"
    server: MariaDbServer = request.getfixturevalue("server")
    return server.new_database()


def run(url: str, *statements: Any) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement) if isinstance(statement, str) else statement)

    with closing(Database(url, maintenance=True)) as database:
        database.write(work)


def definitions(url: str) -> dict[str, str]:
    """Return how the database itself describes each table and index."""

    def work(connection: Connection) -> dict[str, str]:
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            return {name: " ".join(sql.replace("IF NOT EXISTS ", "").split()) for name, sql in rows}
        names = inspect(connection).get_table_names()
        return {name: connection.execute(text(f"SHOW CREATE TABLE {name}")).one()[1] for name in names}

    with closing(Database(url, maintenance=True)) as database:
        found = database.read(work)
    found.pop("migration_leases", None)
    return found


def make_tables_of_old(url: str) -> None:
    """Make the tables as they were made before there were revisions and partitions."""
    for table in metadata.sorted_tables:
        run(url, CreateTable(table), *(CreateIndex(index) for index in table.indexes))


def refusal(url: str) -> str:
    with closing(SqlStore(url)) as store:
        with pytest.raises(StoreUnavailable) as caught:
            store.check()
        with pytest.raises(StoreUnavailable):
            store.list_models()
    return caught.value.message


# Which revisions there are


def test_the_steps_are_those_that_the_code_names_and_each_follows_the_one_before() -> None:
    scripts = list(load_scripts().walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == REVISIONS
    assert [script.down_revision for script in reversed(scripts)] == [None, *REVISIONS[:-1]]


def test_migrating_an_empty_database_gives_what_its_first_use_gives(url: str, server: MariaDbServer) -> None:
    other = url.replace("store.db", "other.db") if url.startswith("sqlite") else server.new_database()
    assert migrate(url, LINES.append) == list(REVISIONS)
    create_tables(other)
    assert pending(other) == migrate(other, LINES.append) == []
    assert definitions(url) == definitions(other)
    assert set(definitions(url)) >= {*metadata.tables, "alembic_version"}


def test_a_database_is_migrated_once_told_without_its_password_and_then_in_use(url: str) -> None:
    lines: list[str] = []
    assert pending(url) == list(REVISIONS)
    assert migrate(url, lines.append) == list(REVISIONS)
    assert [line.rpartition(": ")[2] for line in lines] == [f"making revision {each}" for each in REVISIONS]
    assert "only-for-tests" not in "".join(lines)
    assert pending(url) == migrate(url, lines.append) == []
    with closing(SqlStore(url)) as store:
        assert store.put_model(a_model()) is True


def test_looking_for_what_is_pending_changes_nothing(url: str) -> None:
    pending(url)
    if url.startswith("sqlite"):
        assert not Path(url.removeprefix("sqlite:///")).parent.exists()
    else:
        assert definitions(url) == {}


# Databases that are not at this revision


def test_tables_from_before_there_were_revisions_are_refused_and_then_adopted_with_all_they_hold(url: str) -> None:
    make_tables_of_old(url)
    columns = "model, time, prediction_id, version, value, features"
    run(url, f"INSERT INTO predictions ({columns}) VALUES ('wine', '2026-11-20 12:00:00.000000', 'a', 1, 1.0, '{{}}')")
    assert "`python -m ml_core.store migrate`" in refusal(url)
    with pytest.raises(StoreUnavailable):
        create_tables(url)
    assert pending(url) == migrate(url, LINES.append) == list(REVISIONS)
    with closing(SqlStore(url)) as store:
        assert store.count_records()["predictions"] == {"wine": 1}
        store.record_predictions("wine", [a_prediction(NOON + timedelta(days=100))])
    if not url.startswith("sqlite"):
        with closing(Database(url)) as database:
            assert len(database.read(list_partitions)) > 20


def test_an_older_revision_is_refused_with_the_command_that_helps(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_tables(url)
    monkeypatch.setattr("ml_core.store.sql_schema.REVISIONS", (*REVISIONS, "next"))
    monkeypatch.setattr("ml_core.store.sql_schema.HEAD", "next")
    message = refusal(url)
    assert f"is at revision {HEAD}, older than next" in message
    assert "`python -m ml_core.store migrate`" in message
    assert pending(url) == ["next"]


def test_a_newer_revision_is_refused_by_all(url: str) -> None:
    create_tables(url)
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    assert "is at revision 9999, which this program" in refusal(url)
    for work in (pending, create_tables, lambda url: migrate(url, LINES.append)):
        with pytest.raises(StoreUnavailable, match="use the newer program"):
            work(url)


def test_a_step_that_stopped_anywhere_is_done_again(url: str, server: MariaDbServer) -> None:
    migrate(url, LINES.append)
    whole = definitions(url)
    for table in ("job_runs", "ground_truths", "predictions", "model_versions", "models"):
        run(url, f"DROP TABLE {table}", "DELETE FROM alembic_version")
        assert migrate(url, LINES.append) == list(REVISIONS)
        assert definitions(url) == whole
    run(url, "DROP INDEX predictions_by_id" + ("" if url.startswith("sqlite") else " ON predictions"))
    run(url, "DROP TABLE alembic_version")
    migrate(url, LINES.append)
    assert definitions(url) == whole


def test_a_first_use_that_stopped_anywhere_is_done_again_at_the_next(url: str) -> None:
    create_tables(url)
    whole = definitions(url)
    for table in metadata.sorted_tables:
        run(url, f"DROP TABLE {table.name}")
        create_tables(url)
        assert definitions(url) == whole
    run(url, *(f"DROP TABLE {table.name}" for table in metadata.sorted_tables), "DELETE FROM alembic_version")
    create_tables(url)
    assert definitions(url) == whole


@pytest.mark.parametrize("other", ["json:///", "postgresql://host/db", "nonsense", "sqlite://[", ""])
def test_a_store_without_tables_is_refused(other: str) -> None:
    for work in (pending, create_tables, lambda url: migrate(url, LINES.append)):
        with pytest.raises(ConfigurationError, match="store_url"):
            work(other)


# Several processes at once


def migrate_quietly(store: Store, url: str) -> list[str]:
    return migrate(url, lambda line: None)


def migrate_without_a_lease(store: Store, url: str) -> list[str] | None:
    """Migrate as if there were no lease; return None if a step met another process."""
    held = migrating.held_lease
    migrating.held_lease = lambda database, progress: nullcontext(lambda: None)  # type: ignore[assignment]
    try:
        return migrate_quietly(store, url)
    except (CommandError, StoreUnavailable, AssertionError):  # Alembic asserts that nobody was at its table meanwhile
        return None
    finally:
        migrating.held_lease = held


def migrated_by_many(url: str, processes: ProcessGroup) -> bool:
    make_tables_of_old(url)
    return processes.run(url, migrate_without_a_lease, [url] * 8).count([]) < 7


def test_processes_that_migrate_at_once_do_it_once(url: str, server: MariaDbServer, processes: ProcessGroup) -> None:
    make_tables_of_old(url)
    applied = processes.run(url, migrate_quietly, [url] * 8)
    assert sorted(applied) == [[]] * 7 + [list(REVISIONS)]
    create_tables(url)
    # The control shows that they do meet; chance may keep them apart, but not time after time.
    assert any(migrated_by_many(server.new_database(), processes) for _ in range(5))


def test_one_that_migrates_waits_for_the_holder_of_the_lease_and_then_finds_it_done(url: str) -> None:
    create_tables(url)
    run(url, "DELETE FROM alembic_version")
    lines: list[str] = []
    applied: list[list[str]] = []
    waits = threading.Event()

    def tell(line: str) -> None:
        lines.append(line)
        waits.set()

    with closing(Database(url, maintenance=True)) as database, held_lease(database, LINES.append) as renew:
        waiting = threading.Thread(target=lambda: applied.append(migrate(url, tell)))
        waiting.start()
        assert waits.wait(10)
        renew()
        run(url, f"INSERT INTO alembic_version VALUES ('{HEAD}')")
    waiting.join()
    assert applied == [[]]
    assert len(lines) == 1
    assert "waiting until it is done" in lines[0]


def test_the_lease_of_a_process_that_died_runs_out(url: str) -> None:
    run(url, CreateTable(migration_leases))
    past = Clock().now() - timedelta(seconds=1)
    run(url, migration_leases.insert().values(name="migrate", holder="dead", until_time=past))
    assert migrate(url, LINES.append) == list(REVISIONS)


def test_a_lease_that_was_taken_over_stops_the_work_of_its_first_holder(url: str) -> None:
    with closing(Database(url, maintenance=True)) as database, held_lease(database, LINES.append) as renew:
        renew()
        run(url, "UPDATE migration_leases SET holder = 'other'")
        with pytest.raises(StoreUnavailable, match="by another process"):
            renew()


def test_a_lease_is_kept_while_a_step_takes_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_lease, "_RENEWED_EVERY_SECONDS", 0.05)

    def until(connection: Connection) -> Any:
        return connection.execute(migration_leases.select().order_by(migration_leases.c.name)).one().until_time

    with closing(Database(url, maintenance=True)) as database, held_lease(database, LINES.append):
        first, deadline = database.read(until), Clock().now() + timedelta(seconds=10)
        while (now := database.read(until)) == first and Clock().now() < deadline:
            pass
        assert now > first


def test_opening_a_database_that_is_up_to_date_loads_no_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    program = (
        "import sys; from ml_core.store.opening import open_store; from ml_core.store.migrating import migrate\n"
        "for _ in range(2): store = open_store(sys.argv[1]); store.check(); store.close()\n"
        "assert migrate(sys.argv[1], print) == []\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('alembic', 'mako')]\n"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True)
