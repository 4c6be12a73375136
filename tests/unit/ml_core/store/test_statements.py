"""All SQL that the store sends to a server is SQL that distributed MySQL engines take: TiDB, Vitess, Galera."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from ml_core.records import StageChange
from ml_core.store.base import Store
from ml_core.store.migrating import migrate
from ml_core.store.progress import no_progress
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_forecast, a_model, a_point, a_prediction, a_truth, a_version, an_observation
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_ROWS = 1000

NOT_TAKEN = {
    "a foreign key": r"\bFOREIGN\s+KEY\b|\bREFERENCES\b",
    "a trigger": r"\bTRIGGER\b",
    "an event": r"\b(CREATE|ALTER|DROP)\b[^(]*\bEVENT\b",
    "a stored procedure": r"\b(PROCEDURE|FUNCTION)\b",
    "a lock by name": r"\b(GET|RELEASE|IS_FREE|IS_USED)_LOCK\b",
    "locked tables": r"\b(UN)?LOCK\s+TABLES?\b",
    "LOAD DATA": r"\bLOAD\s+DATA\b",
    "an alias for the new row": r"\bINSERT\b.*\)\s*AS\s+\w+(\s*\([^)]*\))?\s+ON\s+DUPLICATE\b",
    "numbering by the server": r"\bAUTO_INCREMENT\b",
    "REPLACE": r"^\s*REPLACE\b|\bON\s+DUPLICATE\s+REPLACE\b",
    "a window function": r"\bOVER\s*(\(|\w)",
    "partitions made anew": r"\b(REORGANIZE|EXCHANGE)\s+PARTITION\b|^\s*ALTER\b.*\bPARTITION\s+BY\b",
    "a savepoint": r"\bSAVEPOINT\b",
}
_ALTERATION = r",\s*(ADD|DROP|MODIFY|CHANGE|RENAME|ALTER|ENGINE|CONVERT|ORDER)\b"


def faults(statement: str, parameters: Any = (), executemany: bool = False, rows_read: int = 0) -> list[str]:
    """Return what distributed engines do not take of a statement."""
    plain = _without_strings(statement)
    found = [name for name, pattern in NOT_TAKEN.items() if re.search(pattern, plain, re.IGNORECASE | re.DOTALL)]
    verb = (plain.split() or [""])[0].upper()
    top_level = _without_parentheses(plain)
    if verb == "ALTER" and re.search(_ALTERATION, top_level, re.IGNORECASE):
        found.append("several alterations at once")
    if verb == "SELECT" and rows_read > 1 and not re.search(r"\bORDER\s+BY\b", top_level, re.IGNORECASE):
        found.append("rows in no order")
    if verb == "INSERT":
        in_text = re.sub(r"^.*?\bVALUES\b", "", plain, count=1, flags=re.IGNORECASE | re.DOTALL).count("(")
        if (len(parameters) if executemany else in_text) > MOST_ROWS:
            found.append("too many rows at once")
    return found


def _without_strings(statement: str) -> str:
    return re.sub(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|--[^\n]*|/\*.*?\*/", "x", statement, flags=re.DOTALL)


def _without_parentheses(statement: str) -> str:
    while (shorter := re.sub(r"\([^()]*\)", " ", statement)) != statement:
        statement = shorter
    return statement


class Recorded:
    """The statements that were executed while it was there, and their faults."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.faults: list[tuple[str, str]] = []

    def before(self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        self.statements.append(statement)
        self.faults += [(fault, statement) for fault in faults(statement, parameters, executemany)]

    def after(self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if "rows in no order" in faults(statement, parameters, executemany, cursor.rowcount):
            self.faults.append(("rows in no order", statement))


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """What is executed during the test."""
    record = Recorded()
    event.listen(Engine, "before_cursor_execute", record.before)
    event.listen(Engine, "after_cursor_execute", record.after)
    yield record
    event.remove(Engine, "before_cursor_execute", record.before)
    event.remove(Engine, "after_cursor_execute", record.after)


def use_all_of(store: SqlStore) -> None:
    """Call each method of the contract, with several rows wherever there may be several."""
    for name in (MODEL, "wine"):
        store.put_model(a_model(name))
        store.put_model(a_model(name, title="New"))
        for _ in range(3):
            store.add_version(a_version(name))
        rows = [a_prediction(NOON - number * HOUR, prediction_id=f"order-{number}") for number in range(2500)]
        store.record_predictions(name, rows)
        store.record_predictions(name, rows)
        store.record_predictions(name, [a_prediction(NOON + 100 * DAY) for _ in range(1500)], new_ids=True)
        for value in (1.0, 2.0):
            received = NOON - 50 * DAY + value * HOUR
            truths = [a_truth(row.prediction_id, value, correct=True, received_time=received) for row in rows]
            store.record_truths(name, truths)
        for slot in range(3):
            lease = store.claim_run(name, NOON + slot * HOUR, now=NOON, lease=HOUR, holder="me")
            assert lease is not None
            store.renew_run(lease, now=NOON, lease=HOUR)
            store.finish_run(lease, now=NOON, state="failed")
            store.claim_run(name, NOON + slot * HOUR, now=NOON, lease=HOUR, holder="me")
    use_series_and_documents_of(store)
    store.check()
    store.change_stage(MODEL, StageChange(NOON, "promote", 1, None))
    assert (store.get_model(MODEL), store.get_version(MODEL, 1)) != (None, None)
    assert len(store.list_models()) == len(store.list_jobs()) == 2
    assert len(store.list_versions(MODEL)) == 3
    assert len(store.list_runs(MODEL, newest=10)) == 6
    start, end = NOON - 1000 * DAY, NOON + 1000 * DAY
    assert len(store.predictions(MODEL, start, end)) == 4000
    assert len(store.predictions(MODEL, start, end, newest=10)) == 10
    assert store.scored(MODEL, start, end)["truth"].count() == 2500
    assert len(store.scored(MODEL, start, end, known_at=NOON)) == 4000
    assert len(store.count_predictions(MODEL, start, end, DAY)) > 100
    assert store.summarise_predictions(MODEL, start, end - timedelta(minutes=1), DAY)["count"].sum() == 4000
    assert store.last_prediction_time(MODEL) == NOON + 100 * DAY
    assert store.last_prediction_times() == dict.fromkeys([MODEL, "wine"], NOON + 100 * DAY)
    assert store.count_records()["predictions"] == {MODEL: 4000, "wine": 4000}
    assert len(list(store.each_prediction(MODEL))) == 4000
    assert len(list(store.truth_history(MODEL))) == 2 * len(list(store.truth_history(MODEL, ["order-1"]))) * 1250
    store.put_runs("copied", store.list_runs(MODEL, newest=10))
    assert len(store.list_runs("copied", newest=10)) == 6
    assert store.verify(no_progress).problems == ()
    assert store.erase(MODEL, [f"order-{number}" for number in range(1200)]).found == 1200
    assert store.drop_before(NOON)["predictions"] > 0
    assert store.compact(NOON, lambda line: None).parts > 0
    # Those 100 days ahead, and those of noon's day, of the one model that is not erased.
    assert store.drop_before(NOON + 1000 * DAY)["predictions"] == 3000 + 13
    dropped = store.drop_before(NOON + 1000 * DAY, ("metric_points", "observations", "forecasts"))
    assert dropped == {"metric_points": 3000, "observations": 3000, "forecasts": 3000}


def use_series_and_documents_of(store: SqlStore) -> None:
    start, end = NOON - 1000 * DAY, NOON + 1000 * DAY
    for name in ("a", "b"):
        points = [a_point(NOON + number * HOUR, model=name, metric=name) for number in range(1500)]
        store.put_metric_points(points)
        store.put_metric_points(points)
        measured = [an_observation(NOON + number * HOUR) for number in range(1500)]
        store.record_observations(name, measured)
        store.record_observations(name, measured)
        for _ in range(2):
            store.put_forecast(a_forecast(hours=750, series=name))
        store.put_forecast(a_forecast(hours=750, series=name, model="naive"))
        store.put_document("alert", name, {"state": "ok"}, expected_revision=None)
        store.put_document("alert", name, {"state": "firing"}, expected_revision=1)
    assert len(store.metric_series("a", "a", start, end, segment=None, window=DAY)) == 63
    assert len(store.metric_series("a", "a", start, end, version=0)) == 1500
    assert len(store.metric_table("a", start, end)) == len(store.metric_table("a", start, end, store.list_metrics("a")))
    assert len(store.metric_points("a", ["a", "b"], start, end, segment=None)) == 1500
    assert store.list_metrics("a") == ["a"]
    assert len(store.observations("a", start, end, known_at=end)) == 1500
    assert len(list(store.observation_history("a"))) == 1500
    assert store.list_series() == ["a", "b"]
    assert len(store.forecasts("a", start, end, issued_before=end)) == 1500
    assert len(store.forecasts("a", start, end, model="naive")) == 750
    assert store.get_document("alert", "a") == store.list_documents("alert")[0]
    assert store.document_revisions("alert") == {"a": 2, "b": 2}
    assert "alert" in store.document_kinds()
    assert store.size_bytes() > 0
    assert store.delete_document("alert", "a", expected_revision=2)


def test_all_statements_of_the_store_are_taken_by_distributed_engines(
    server: MariaDbServer, recorded: Recorded
) -> None:
    with closing(SqlStore(server.new_database())) as store:
        use_all_of(store)
    assert recorded.faults == []
    for beginning in (
        "CREATE TABLE",
        "ALTER TABLE predictions ADD",
        "ALTER TABLE predictions DROP",
        "INSERT INTO predictions",
        "INSERT INTO prediction_rollups",
        "DELETE",
        "SELECT",
    ):
        assert any(statement.lstrip().startswith(beginning) for statement in recorded.statements), beginning


def test_the_run_calls_every_method_of_the_contract() -> None:
    called = {*use_all_of.__code__.co_names, *use_series_and_documents_of.__code__.co_names}
    assert Store.__abstractmethods__ - called == {"close"}


def test_all_statements_of_a_migration_are_taken_by_distributed_engines(
    server: MariaDbServer, recorded: Recorded
) -> None:
    migrate(server.new_database(), lambda line: None)
    assert recorded.faults == []
    assert any("migration_leases" in statement for statement in recorded.statements)


ROW = "('a', 1)"


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        ("a foreign key", "CREATE TABLE a (b INT, FOREIGN KEY (b) REFERENCES c (d))"),
        ("a foreign key", "CREATE TABLE a (b INT references c (d))"),
        ("a trigger", "CREATE TRIGGER a BEFORE INSERT ON b FOR EACH ROW SET c = 1"),
        ("an event", "CREATE EVENT a ON SCHEDULE EVERY 1 DAY DO DELETE FROM b"),
        ("a stored procedure", "CREATE PROCEDURE a() SELECT 1"),
        ("a lock by name", "SELECT GET_LOCK('a', 1)"),
        ("locked tables", "LOCK TABLES a WRITE"),
        ("LOAD DATA", "LOAD DATA LOCAL INFILE 'a' INTO TABLE b"),
        ("an alias for the new row", "INSERT INTO a (b) VALUES (1) AS new ON DUPLICATE KEY UPDATE b = new.b"),
        ("an alias for the new row", "INSERT INTO a (b) VALUES (1) AS n (c) ON DUPLICATE KEY UPDATE b = n.c"),
        ("numbering by the server", "CREATE TABLE a (b INT NOT NULL AUTO_INCREMENT, PRIMARY KEY (b))"),
        ("REPLACE", "REPLACE INTO a VALUES (1)"),
        ("a window function", "SELECT a, ROW_NUMBER() OVER (ORDER BY b) FROM c ORDER BY a"),
        ("a window function", "SELECT a, SUM(b) OVER w FROM c WINDOW w AS (PARTITION BY d) ORDER BY a"),
        ("partitions made anew", "ALTER TABLE a REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (1))"),
        ("a savepoint", "SAVEPOINT a"),
        ("several alterations at once", "ALTER TABLE a ADD COLUMN b INT, DROP COLUMN c"),
        ("several alterations at once", "ALTER TABLE a ADD COLUMN (b INT, c INT), ADD INDEX d (b)"),
        ("too many rows at once", f"INSERT INTO a (b, c) VALUES {', '.join([ROW] * 1001)}"),
    ],
)
def test_the_scan_finds_what_is_not_taken(fault: str, statement: str) -> None:
    assert faults(statement) == [fault]


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO a (b, c) VALUES {', '.join([ROW] * 1000)}",
        "INSERT INTO a (b) VALUES (1) ON DUPLICATE KEY UPDATE b = VALUES(b)",
        "ALTER TABLE a DROP PARTITION p, q",
        "ALTER TABLE a ADD PARTITION (PARTITION p VALUES LESS THAN ('2026-01-01'), PARTITION q VALUES LESS THAN (9))",
        "SELECT 'LOAD DATA', `trigger`, REPLACE(a, 'b', 'c') FROM d",
    ],
)
def test_the_scan_lets_pass_what_is_taken(statement: str) -> None:
    assert faults(statement) == []


def test_the_scan_sees_what_an_engine_executes(server: MariaDbServer, recorded: Recorded) -> None:
    def work(connection: Any) -> None:
        connection.execute(text("CREATE TABLE a (b INT PRIMARY KEY)"))
        connection.execute(text("INSERT INTO a VALUES (:b)"), [{"b": number} for number in range(1001)])
        for query in ("SELECT b FROM a", "SELECT b FROM (SELECT b FROM a ORDER BY b) c", "SELECT b FROM a ORDER BY b"):
            connection.execute(text(query)).all()
        connection.execute(text("SELECT b FROM a WHERE b = 1")).all()

    with closing(Database(server.new_database(), maintenance=True)) as database:
        database.write(work)
    assert [fault for fault, _ in recorded.faults] == ["too many rows at once", "rows in no order", "rows in no order"]
