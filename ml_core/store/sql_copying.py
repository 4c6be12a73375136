"""What copying reads from and writes to a database: tables read in the order of their keys, a portion at a time.

A portion is one short transaction, and the next one begins behind its last key, so a table of any size costs no more
memory than a portion and no server holds a result open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, func, or_, select
from sqlalchemy.dialects import mysql, sqlite

from ml_core.records import GroundTruth, JobRun, Prediction
from ml_core.store.deciding import fit_ids
from ml_core.store.sql_engine import Database
from ml_core.store.tables import ground_truths, job_runs, predictions

_ROWS_PER_PORTION = 5000
_ROWS_PER_STATEMENT = 1000
_RUN_KEY = ("job", "slot", "fence")


def each_row(database: Database, query: Select[Any], key: Sequence[Column[Any]]) -> Iterator[Row[Any]]:
    """Yield the rows of a query in the order of ``key``: columns of it that no two of its rows share."""
    first = portion = query.order_by(*key).limit(_ROWS_PER_PORTION)
    while True:
        rows = database.read(partial(_all, query=portion))
        yield from rows
        if len(rows) < _ROWS_PER_PORTION:
            return
        portion = first.where(_after(key, [rows[-1]._mapping[column.name] for column in key]))


def each_prediction(database: Database, model: str) -> Iterator[Prediction]:
    """Yield the predictions of a model by time."""
    query = select(predictions).where(predictions.c.model == model)
    for row in each_row(database, query, [predictions.c.time, predictions.c.prediction_id]):
        value = row.value if row.label is None else row.label
        yield Prediction(row.prediction_id, row.time, row.features, value, row.score, row.version, row.scores)


def truth_history(database: Database, model: str, prediction_ids: Collection[str] | None) -> Iterator[GroundTruth]:
    """Yield the revisions of a model's truths by id."""
    query = select(ground_truths).where(ground_truths.c.model == model)
    if prediction_ids is None:
        yield from _truths(database, query)
        return
    ids = fit_ids(prediction_ids)
    for start in range(0, len(ids), _ROWS_PER_STATEMENT):
        some = ids[start : start + _ROWS_PER_STATEMENT]
        yield from _truths(database, query.where(ground_truths.c.prediction_id.in_(some)))


def put_runs(connection: Connection, job: str, runs: Sequence[JobRun]) -> None:
    """Insert runs, or put them in the place of those with the same key."""
    rows = [asdict(run) | {"job": job} for run in runs]
    changed = [column.name for column in job_runs.columns if column.name not in _RUN_KEY]
    statement: Any
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(job_runs)
        new = {name: statement.excluded[name] for name in changed}
        statement = statement.on_conflict_do_update(index_elements=_RUN_KEY, set_=new)
    else:
        # VALUES(c), since not every distributed engine knows an alias for the new row.
        new = {name: func.values(job_runs.c[name]) for name in changed}
        statement = mysql.insert(job_runs).on_duplicate_key_update(new)
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        connection.execute(statement, rows[start : start + _ROWS_PER_STATEMENT])


def _all(connection: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _truths(database: Database, query: Select[Any]) -> Iterator[GroundTruth]:
    previous: str | None = None
    for row in each_row(database, query, [ground_truths.c.prediction_id, ground_truths.c.revision]):
        value = row.value if row.label is None else row.label
        yield GroundTruth(row.prediction_id, value, row.received_time, row.prediction_id == previous)
        previous = row.prediction_id


def _after(key: Sequence[Column[Any]], last: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition of all that follows ``last``; its first part lets a server begin at the right place."""
    column, value = key[0], last[0]
    behind: ColumnElement[bool] = column > value
    return behind if len(key) == 1 else and_(column >= value, or_(behind, _after(key[1:], last[1:])))
