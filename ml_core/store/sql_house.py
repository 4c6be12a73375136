"""Keeping house in SQL: forgetting what is old, and counting.

Rows go in short transactions of at most 1,000, so that nobody waits long and a cluster can replicate each of them. What
is left after a failure goes when the work is done again. Days that have a partition of their own are dropped with it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, func, or_, select, text

from ml_core.clock import as_utc
from ml_core.store import partitions, sql_rollups, sql_series_house
from ml_core.store.names import RECORD_KINDS, check_kinds
from ml_core.store.sql_engine import Database
from ml_core.store.tables import ground_truths, prediction_rollups, predictions

_ROWS = 1000
# Room for the revisions of the last truth of a stretch.
_ROWS_PER_STRETCH = 900


def drop_before(database: Database, limit: datetime, kinds: Collection[str]) -> dict[str, int]:
    """Forget the days that lie wholly before ``limit``; return the number of rows by kind."""
    day = datetime.combine(as_utc(limit).date(), time.min, UTC)
    chosen, dropped = check_kinds(kinds), dict[str, int]()
    for kind in RECORD_KINDS:
        if kind not in chosen:
            continue
        if kind == "predictions":
            dropped[kind] = _forget_predictions(database, day)
        elif kind == "ground_truths":
            dropped[kind] = _delete_truths(database, day)
        else:
            dropped[kind] = sql_series_house.drop_before(database, kind, day)
    return dropped


def _forget_predictions(database: Database, day: datetime) -> int:
    _drop_partitions(database, day)
    return _drop_predictions(database, day)


def count_records(connection: Connection) -> dict[str, dict[str, int]]:
    """Return the number of rows by kind, and model or series."""
    truths = func.count(ground_truths.c.prediction_id.distinct())
    return {
        "predictions": _count_by_model(connection, predictions, func.count()),
        "ground_truths": _count_by_model(connection, ground_truths, truths),
        **sql_series_house.count_records(connection),
    }


def size_bytes(connection: Connection) -> int:
    """Return the size of the file of SQLite, or what MariaDB last knew of its tables, which it keeps as statistics."""
    if connection.dialect.name == "sqlite":
        query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    else:
        query = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int(connection.execute(text(query)).scalar() or 0)


def _count_by_model(connection: Connection, table: Table, count: Any) -> dict[str, int]:
    query = select(table.c.model, count).group_by(table.c.model).order_by(table.c.model)
    return {model: int(number) for model, number in connection.execute(query)}


def _drop_partitions(database: Database, day: datetime) -> None:
    while database.write(partial(partitions.drop_oldest, day=day)):
        pass


def _drop_predictions(database: Database, day: datetime) -> int:
    """Delete the rows before ``day`` that are in no dropped partition, and all rollups; return what these counted.

    The rows go first, so that work that was broken off finds its models again. A row that is recorded meanwhile is
    either found when the rollups are gone, and has another turn for its own, or stays with them.
    """
    models = database.read(partial(_models, table=prediction_rollups))
    find = partial(_model_with_old, models=models, day=day)
    dropped = 0
    while True:
        while (model := database.read(find)) is not None:
            while database.write(partial(_delete_oldest, model=model, day=day)):
                pass
        dropped += _drop_rollups(database, models, day)
        if database.read(find) is None:
            return dropped


def _drop_rollups(database: Database, models: list[str], day: datetime) -> int:
    dropped, may_be_more = 0, bool(models)
    while may_be_more:
        some, may_be_more = database.write(partial(sql_rollups.drop_oldest, models=models, day=day))
        dropped += some
    return dropped


def _model_with_old(connection: Connection, models: list[str], day: datetime) -> str | None:
    """Return the first of the models that has predictions before ``day``."""
    key = predictions.c
    query = select(key.model).where(key.model.in_(models), key.time < day).order_by(key.model).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _delete_oldest(connection: Connection, model: str, day: datetime) -> int:
    key = predictions.c
    old = and_(key.model == model, key.time < day)
    in_order = select(key.time, key.prediction_id).where(old).order_by(key.time, key.prediction_id)
    last = connection.execute(in_order.limit(1).offset(_ROWS - 1)).one_or_none()
    if last is not None:
        until_last = or_(key.time < last.time, and_(key.time == last.time, key.prediction_id <= last.prediction_id))
        old = and_(old, until_last)
    return connection.execute(delete(predictions).where(old)).rowcount


def _delete_truths(database: Database, day: datetime) -> int:
    """Go through all truths in the order of their key, a stretch at a time: none is found by its received time."""
    deleted = 0
    for model in database.read(partial(_models, table=ground_truths)):
        after: str | None = ""
        while after is not None:
            some, after = database.write(partial(_delete_stretch, model=model, after=after, day=day))
            deleted += some
    return deleted


def _delete_stretch(connection: Connection, model: str, after: str, day: datetime) -> tuple[int, str | None]:
    """Delete what is old among the truths that follow ``after``; return how many, and the last id looked at."""
    key = ground_truths.c
    stretch = and_(key.model == model, key.prediction_id > after)
    in_order = select(key.prediction_id).where(stretch).order_by(key.prediction_id, key.revision)
    last: str | None = connection.execute(in_order.limit(1).offset(_ROWS_PER_STRETCH - 1)).scalar_one_or_none()
    if last is not None:
        stretch = and_(stretch, key.prediction_id <= last)
    old = and_(stretch, key.received_time < day)
    return connection.execute(delete(ground_truths).where(old)).rowcount, last


def _models(connection: Connection, table: Table) -> list[str]:
    """Return the models that have rows, each by one look into the key; a DISTINCT might read all rows."""
    models: list[str] = []
    query = select(func.min(table.c.model))
    following = connection.execute(query).scalar_one()
    while following is not None:
        models.append(following)
        following = connection.execute(query.where(table.c.model > following)).scalar_one()
    return models
