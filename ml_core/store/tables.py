"""The tables of the SQL side.

They are portable to a distributed MySQL: every key is made by the writer and starts with the model, and nothing relies
on foreign keys, triggers, events, numbering by the server or named locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql

from ml_core.clock import as_utc
from ml_core.records import Value
from ml_core.store.deciding import MAX_ID_CHARACTERS, MAX_LABEL_CHARACTERS
from ml_core.store.names import MAX_NAME_CHARACTERS

_MODEL_CHARACTERS = 64
_SHA256_CHARACTERS = 64


class UtcTime(TypeDecorator[datetime]):
    """A time in microseconds, kept as naive UTC; aware in Python on both ways."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name == "mysql" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else as_utc(value).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """Any plain value, written as JSON text so that people and other programs can read it."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(mysql.LONGTEXT() if dialect.name == "mysql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


metadata = MetaData()

# Ids and labels that differ only in case or accents are different, as in SQLite and in Python.
OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

models = Table(
    "models",
    metadata,
    Column("name", String(_MODEL_CHARACTERS), nullable=False),
    Column("title", Text, nullable=False),
    Column("task", String(16), nullable=False),
    Column("created_time", UtcTime, nullable=False),
    Column("seed_id", String(255)),
    Column("headline_metric", String(255)),
    Column("stage_changes", Json, nullable=False),
    # What stage_changes come to, for the conditional update that changes a stage.
    Column("champion", Integer),
    Column("stage_change_count", Integer, nullable=False),
    PrimaryKeyConstraint("name"),
    **OPTIONS,
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    Column("number", Integer, nullable=False, autoincrement=False),
    Column("created_time", UtcTime, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("features", Json, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("lineage", Json, nullable=False),
    Column("artifact", Text),
    Column("artifact_sha256", String(_SHA256_CHARACTERS)),
    Column("reference_rows", Integer, nullable=False),
    PrimaryKeyConstraint("model", "number"),
    **OPTIONS,
)

predictions = Table(
    "predictions",
    metadata,
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("prediction_id", String(MAX_ID_CHARACTERS), nullable=False),
    Column("version", Integer),
    Column("value", Double),
    Column("label", String(MAX_LABEL_CHARACTERS)),
    Column("score", Double),
    Column("features", Json, nullable=False),
    # The probabilities of a classifier of several classes, by class.
    Column("scores", Json),
    # The time comes before the id so that a range of time is one stretch of the table, fit for partitions by day.
    PrimaryKeyConstraint("model", "time", "prediction_id"),
    **OPTIONS,
)
PREDICTIONS_BY_ID = Index("predictions_by_id", predictions.c.model, predictions.c.prediction_id)

ground_truths = Table(
    "ground_truths",
    metadata,
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    Column("prediction_id", String(MAX_ID_CHARACTERS), nullable=False),
    # Counted from 1. The newest revision is in force, the older ones are the history of a corrected truth.
    Column("revision", Integer, nullable=False, autoincrement=False),
    Column("value", Double),
    Column("label", String(MAX_LABEL_CHARACTERS)),
    Column("received_time", UtcTime, nullable=False),
    PrimaryKeyConstraint("model", "prediction_id", "revision"),
    **OPTIONS,
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", String(_MODEL_CHARACTERS), nullable=False),
    Column("slot", UtcTime, nullable=False),
    # Counted from 1 for each slot: whoever claims it after a failure or a lost lease gets the next higher one.
    Column("fence", Integer, nullable=False, autoincrement=False),
    Column("holder", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_time", UtcTime, nullable=False),
    Column("lease_until_time", UtcTime, nullable=False),
    Column("finished_time", UtcTime),
    Column("message", Text),
    Column("log_tail", Text, nullable=False),
    PrimaryKeyConstraint("job", "slot", "fence"),
    **OPTIONS,
)


# What predictions come to, by the hour, so that a chart of a month need not read them all. An hour has several rows, or
# every writer of a model would wait for the same one; what it holds is their sum.
prediction_rollups = Table(
    "prediction_rollups",
    metadata,
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    Column("hour", UtcTime, nullable=False),
    Column("shard", Integer, nullable=False, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    # Of the predictions whose value is a number.
    Column("numbers", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("total_of_squares", Double, nullable=False),
    PrimaryKeyConstraint("model", "hour", "shard"),
    **OPTIONS,
)

metric_points = Table(
    "metric_points",
    metadata,
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    Column("metric", String(MAX_NAME_CHARACTERS), nullable=False),
    Column("segment", String(MAX_NAME_CHARACTERS), nullable=False),
    Column("version", Integer, nullable=False, autoincrement=False),
    Column("start_time", UtcTime, nullable=False),
    Column("end_time", UtcTime, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("total_of_squares", Double, nullable=False),
    Column("details", Json, nullable=False),
    PrimaryKeyConstraint("model", "metric", "segment", "version", "start_time", "end_time"),
    **OPTIONS,
)

observations = Table(
    "observations",
    metadata,
    Column("series", String(MAX_NAME_CHARACTERS), nullable=False),
    Column("time", UtcTime, nullable=False),
    # As of a ground truth: the newest is in force.
    Column("revision", Integer, nullable=False, autoincrement=False),
    Column("value", Double, nullable=False),
    Column("received_time", UtcTime, nullable=False),
    PrimaryKeyConstraint("series", "time", "revision"),
    **OPTIONS,
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("series", String(MAX_NAME_CHARACTERS), nullable=False),
    Column("model", String(_MODEL_CHARACTERS), nullable=False),
    # Before the issue time, since a chart asks what was said about a range of time.
    Column("valid_time", UtcTime, nullable=False),
    Column("issue_time", UtcTime, nullable=False),
    Column("version", Integer),
    Column("value", Double, nullable=False),
    Column("lower_80", Double),
    Column("upper_80", Double),
    Column("lower_95", Double),
    Column("upper_95", Double),
    PrimaryKeyConstraint("series", "model", "valid_time", "issue_time"),
    **OPTIONS,
)

documents = Table(
    "documents",
    metadata,
    Column("kind", String(_MODEL_CHARACTERS), nullable=False),
    Column("key", String(MAX_NAME_CHARACTERS), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content", Json, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
    **OPTIONS,
)


def value_columns(value: Value) -> Mapping[str, float | str | None]:
    """Return a value as the columns ``value`` (a number) and ``label`` (of a class), one of which is NULL."""
    return {"value": None, "label": value} if isinstance(value, str) else {"value": value, "label": None}


def value_of(value: float | None, label: str | None) -> Value | None:
    """Return the value that the two columns hold, or None if both are NULL."""
    return value if label is None else label


def written_time(time: datetime) -> str:
    """Return a time in UTC as the text by which both drivers take it, and SQLite keeps it."""
    return time.replace(tzinfo=None).isoformat(" ", "microseconds")
