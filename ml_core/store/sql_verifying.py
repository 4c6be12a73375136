"""Checks a database: by the server's own means, and that what we keep as JSON can be read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, Text, select, text, type_coerce
from sqlalchemy.exc import NotSupportedError, ProgrammingError

from ml_core.clock import parse_time
from ml_core.errors import StoreUnavailable
from ml_core.records import FeatureSpec, Findings, Model, Problem, StageChange
from ml_core.store.progress import Progress
from ml_core.store.sql_copying import each_row
from ml_core.store.sql_engine import Database
from ml_core.store.tables import Json, metadata

log = logging.getLogger(__name__)

CHECK = "CHECK TABLE"
_WRONG_CONTENT = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def verify(url: str, progress: Progress) -> Findings:
    """Return what is damaged in the database at ``url``; raise ``StoreUnavailable`` if it is away."""
    tables = metadata.sorted_tables
    rows, problems = 0, []
    # Without a limit to how long a server may take for an answer: it reads whole tables.
    with closing(Database(url, maintenance=True)) as database:
        if database.is_sqlite:
            problems += database.read(_check_sqlite)
        for table in tables:
            if not database.is_sqlite:
                problems += database.read(partial(_check_table, table=table))
            counted = 0
            try:
                for counted, row in enumerate(_raw_rows(database, table), start=1):
                    problems += _check_row(table, row)
                    if counted % 1000 == 0:
                        progress(table.name, counted, None)
            except StoreUnavailable as error:
                problems.append(Problem(f"table {table.name}, after {counted} rows", error.message))
            progress(table.name, counted, counted)
            rows += counted
    return Findings(f"{rows:,} rows in {len(tables)} tables", tuple(problems))


def _check_sqlite(connection: Connection) -> list[Problem]:
    results = connection.execute(text("PRAGMA integrity_check")).scalars()
    return [Problem("the database file", str(result)) for result in results if result != "ok"]


def _check_table(connection: Connection, table: Table) -> list[Problem]:
    try:
        results = connection.execute(text(f"{CHECK} {table.name}")).all()
    except (NotSupportedError, ProgrammingError) as error:
        # Some distributed engines have no such statement; then what can be read is all that can be checked.
        log.warning("the server does not check the table %s by itself: %s", table.name, error.orig)
        return []
    return [
        Problem(f"table {table.name}", f"{kind}: {message}")
        for _, _, kind, message in results
        if kind in ("error", "warning") or (kind == "status" and message != "OK")
    ]


def _raw_rows(database: Database, table: Table) -> Iterator[Row[Any]]:
    """Yield the rows of a table with JSON as the text it is kept as, which need not be JSON."""
    columns = [type_coerce(each, Text).label(each.name) if isinstance(each.type, Json) else each for each in table.c]
    return each_row(database, select(*columns), list(table.primary_key.columns))


def _check_row(table: Table, row: Row[Any]) -> Iterator[Problem]:
    values = row._asdict()
    where = f"table {table.name}, {', '.join(str(values[column.name]) for column in table.primary_key.columns)}"
    for column in table.columns:
        if isinstance(column.type, Json) and not (column.nullable and values[column.name] is None):
            try:
                values[column.name] = orjson.loads(values[column.name])
            except _WRONG_CONTENT:
                yield Problem(where, f"{column.name} is not JSON")
                return
    check = _CHECKS.get(table.name)
    try:
        found = check(values) if check else None
    except _WRONG_CONTENT:
        found = "holds something else than was written"
    if found:
        yield Problem(where, found)


def _check_model(values: dict[str, Any]) -> str | None:
    changes = tuple(StageChange(**change | {"time": parse_time(change["time"])}) for change in values["stage_changes"])
    facts = {name: values[name] for name in ("name", "title", "task", "created_time")}
    champion = Model(**facts, stage_changes=changes).champion
    if (champion, len(changes)) != (values["champion"], values["stage_change_count"]):
        return f"the stage changes come to champion {champion}, the column says {values['champion']}"
    return None


def _check_version(values: dict[str, Any]) -> str | None:
    for feature in values["features"]:
        FeatureSpec(**feature)
    return None if isinstance(values["metrics"], dict) else "metrics is not an object"


def _check_prediction(values: dict[str, Any]) -> str | None:
    if not isinstance(values["features"], dict):
        return "features is not an object"
    if not isinstance(values["scores"], dict | None):
        return "scores is not an object"
    return _check_value(values)


def _check_value(values: dict[str, Any]) -> str | None:
    both = (values["value"], values["label"])
    return None if both.count(None) == 1 else "must have either a value or a label"


_CHECKS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "models": _check_model,
    "model_versions": _check_version,
    "predictions": _check_prediction,
    "ground_truths": _check_value,
}
