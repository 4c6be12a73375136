"""Predictions and ground truths in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pandas as pd
from sqlalchemy import Connection, Select, and_, func, insert, select

from ml_core.records import GroundTruth, Prediction, Receipt, Value
from ml_core.store import sql_rollups
from ml_core.store.deciding import decide_predictions, decide_replayed_truths, decide_truths, ids_to_look_up
from ml_core.store.frames import prediction_frame, scored_frame
from ml_core.store.sql_engine import RaceLost
from ml_core.store.sql_keys import portions
from ml_core.store.tables import (
    PREDICTIONS_BY_ID,
    ground_truths,
    models,
    predictions,
    value_columns,
    value_of,
    written_time,
)


def record_predictions(connection: Connection, model: str, rows: Sequence[Prediction], *, look_up: bool) -> Receipt:
    """Store a batch of predictions; without ``look_up`` all ids are taken for new.

    An id that is there all the same is then a duplicate key, which has the transaction repeated; look up that time.
    """
    stored = _stored_predictions(connection, model, ids_to_look_up(rows)) if look_up else {}
    new, receipt = decide_predictions(rows, stored)
    for some in portions(new):
        connection.exec_driver_sql(_insertion(connection), [_driver_row(model, row) for row in some])
    if look_up and connection.dialect.name != "sqlite":
        _ensure_single(connection, model, [row.prediction_id for row in new])
    sql_rollups.add(connection, model, new)
    return receipt


def record_truths(
    connection: Connection, model: str, rows: Sequence[GroundTruth], *, replayed: bool = False
) -> Receipt:
    """Store a batch of ground truths; a corrected one becomes a new revision.

    Those of a ``replayed`` batch may have been stored before, and are then duplicates.
    """
    history, revisions = _stored_truths(connection, model, ids_to_look_up(rows))
    if replayed:
        new, receipt = decide_replayed_truths(rows, history)
    else:
        new, receipt = decide_truths(rows, {key: truths[-1][1] for key, truths in history.items()})
    columns = []
    for row in new:
        # If another process adds this revision just now, it is a duplicate key, and the repeated transaction sees it.
        revisions[row.prediction_id] = revisions.get(row.prediction_id, 0) + 1
        columns.append(_truth_columns(model, row, revisions[row.prediction_id]))
    for some in portions(columns):
        connection.execute(insert(ground_truths), list(some))
    return receipt


def read_predictions(
    connection: Connection, model: str, start: datetime, end: datetime, newest: int | None
) -> pd.DataFrame:
    """Return the predictions of a range of time, oldest first, as a frame."""
    query = _in_range(
        select(
            predictions.c.prediction_id,
            predictions.c.time,
            predictions.c.version,
            predictions.c.value,
            predictions.c.label,
            predictions.c.score,
            predictions.c.features,
            predictions.c.scores,
        ),
        model,
        start,
        end,
    )
    if newest is None:
        rows = connection.execute(query.order_by(predictions.c.time, predictions.c.prediction_id)).all()
    else:
        backwards = query.order_by(predictions.c.time.desc(), predictions.c.prediction_id.desc()).limit(newest)
        rows = connection.execute(backwards).all()[::-1]
    return prediction_frame(
        [
            (prediction_id, time, version, value_of(value, label), score, features, scores)
            for prediction_id, time, version, value, label, score, features, scores in rows
        ]
    )


def read_scored(
    connection: Connection, model: str, start: datetime, end: datetime, known_at: datetime | None
) -> pd.DataFrame:
    """Return the predictions of a range of time with the truths in force (at ``known_at``), as a frame."""
    truth, newer = ground_truths.alias("truth"), ground_truths.alias("newer")
    revisions = select(func.max(newer.c.revision)).where(
        newer.c.model == truth.c.model, newer.c.prediction_id == truth.c.prediction_id
    )
    if known_at is not None:
        revisions = revisions.where(newer.c.received_time <= known_at)
    newest_revision = revisions.scalar_subquery()
    joined = predictions.outerjoin(
        truth,
        and_(
            truth.c.model == predictions.c.model,
            truth.c.prediction_id == predictions.c.prediction_id,
            truth.c.revision == newest_revision,
        ),
    )
    columns = select(
        predictions.c.prediction_id,
        predictions.c.time,
        predictions.c.version,
        predictions.c.value,
        predictions.c.label,
        predictions.c.score,
        predictions.c.features,
        predictions.c.scores,
        truth.c.value,
        truth.c.label,
        truth.c.received_time,
    ).select_from(joined)
    query = _in_range(columns, model, start, end).order_by(predictions.c.time, predictions.c.prediction_id)
    return scored_frame(
        [
            (*row[:3], value_of(row[3], row[4]), *row[5:8], value_of(row[8], row[9]), row[10])
            for row in connection.execute(query)
        ]
    )


def last_prediction_time(connection: Connection, model: str) -> datetime | None:
    """Return the time of the newest prediction of a model, or None."""
    query = select(func.max(predictions.c.time)).where(predictions.c.model == model)
    newest: datetime | None = connection.execute(query).scalar_one()
    return newest


def last_prediction_times(connection: Connection) -> dict[str, datetime]:
    """Return the time of the newest prediction of each registered model that has any.

    Each is one look at the end of the model's stretch of the key: a MAX for each row of another table, or a GROUP BY,
    would read the stretch.
    """
    key = predictions.c
    newest = (
        select(key.time)
        .where(key.model == models.c.name)
        .order_by(key.time.desc(), key.prediction_id.desc())
        .limit(1)
        .with_hint(predictions, "FORCE INDEX (PRIMARY)", "mysql")  # that by id would have all times sorted
        .scalar_subquery()
    )
    rows = connection.execute(select(models.c.name, newest).order_by(models.c.name))
    return {name: time for name, time in rows if time is not None}


def _ensure_single(connection: Connection, model: str, prediction_ids: Sequence[str]) -> None:
    """Raise ``RaceLost`` if one of the ids just inserted is also in a row of another time.

    The key of the table cannot refuse that, since the time is part of it. A reading that locks waits for rows that
    other transactions have inserted but not committed. Of two transactions with the same id, the later one finds both
    rows, or each waits for the other and one of them is rolled back as a deadlock.
    """
    for some in portions(prediction_ids):
        query = (
            select(func.count())
            .where(predictions.c.model == model, predictions.c.prediction_id.in_(some))
            # A scan of the whole table would wait for everybody else.
            .with_hint(predictions, f"FORCE INDEX ({PREDICTIONS_BY_ID.name})", "mysql")
            .with_for_update()
        )
        if connection.execute(query).scalar_one() != len(some):
            raise RaceLost


def _stored_predictions(connection: Connection, model: str, prediction_ids: Sequence[str]) -> dict[str, Prediction]:
    stored: dict[str, Prediction] = {}
    for some in portions(prediction_ids):
        query = (
            select(predictions)
            .where(predictions.c.model == model, predictions.c.prediction_id.in_(some))
            # Left to itself, the server may read all rows of the model.
            .with_hint(predictions, f"FORCE INDEX ({PREDICTIONS_BY_ID.name})", "mysql")
            .order_by(predictions.c.time, predictions.c.prediction_id)
        )
        for row in connection.execute(query):
            stored[row.prediction_id] = Prediction(
                prediction_id=row.prediction_id,
                time=row.time,
                features=row.features,
                value=row.value if row.label is None else row.label,
                score=row.score,
                version=row.version,
                scores=row.scores,
            )
    return stored


def _stored_truths(
    connection: Connection, model: str, prediction_ids: Sequence[str]
) -> tuple[dict[str, list[tuple[datetime, Value]]], dict[str, int]]:
    """Return all truths with the times of their receipt, oldest first, and the last revision, by prediction id."""
    stored: dict[str, list[tuple[datetime, Value]]] = {}
    revisions: dict[str, int] = {}
    columns = ground_truths.c
    for some in portions(prediction_ids):
        query = (
            select(columns.prediction_id, columns.revision, columns.received_time, columns.value, columns.label)
            .where(columns.model == model, columns.prediction_id.in_(some))
            .order_by(columns.prediction_id, columns.revision)
        )
        for prediction_id, revision, time, value, label in connection.execute(query):
            stored.setdefault(prediction_id, []).append((time, value if label is None else label))
            revisions[prediction_id] = revision
    return stored, revisions


def _in_range(query: Select[Any], model: str, start: datetime, end: datetime) -> Select[Any]:
    return query.where(predictions.c.model == model, predictions.c.time >= start, predictions.c.time < end)


def _insertion(connection: Connection) -> str:
    placeholder = "?" if connection.dialect.name == "sqlite" else "%s"
    columns = predictions.c.keys()
    return f"INSERT INTO {predictions.name} ({', '.join(columns)}) VALUES ({', '.join([placeholder] * len(columns))})"


def _driver_row(model: str, row: Prediction) -> tuple[Any, ...]:
    """Return a row as both drivers take it, in the order of the columns.

    By way of the types of the columns, called for each value, a batch would take as long again as in the driver.
    """
    value, label = (None, row.value) if isinstance(row.value, str) else (row.value, None)
    features = orjson.dumps(row.features if type(row.features) is dict else dict(row.features)).decode()
    scores = None if row.scores is None else orjson.dumps(row.scores).decode()
    return model, written_time(row.time), row.prediction_id, row.version, value, label, row.score, features, scores


def _truth_columns(model: str, row: GroundTruth, revision: int) -> Mapping[str, Any]:
    return {
        "model": model,
        "prediction_id": row.prediction_id,
        "revision": revision,
        "received_time": row.received_time,
        **value_columns(row.value),
    }
