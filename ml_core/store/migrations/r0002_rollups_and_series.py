"""Rollups of predictions, metric points, observations, forecasts and documents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make the tables that are missing, and roll up the predictions that are there."""
    _make_prediction_rollups()
    _make_metric_points()
    _make_observations()
    _make_forecasts()
    _make_documents()
    # Last, since MariaDB commits each definition: so this is committed together with the new revision, or not at all.
    _fill_prediction_rollups(op.get_bind())


def _make_prediction_rollups() -> None:
    op.create_table(
        "prediction_rollups",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("hour", _time(), nullable=False),
        sa.Column("shard", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("numbers", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("total_of_squares", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("model", "hour", "shard"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_metric_points() -> None:
    op.create_table(
        "metric_points",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(191), nullable=False),
        sa.Column("segment", sa.String(191), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("start_time", _time(), nullable=False),
        sa.Column("end_time", _time(), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("total_of_squares", sa.Double, nullable=False),
        sa.Column("details", _json(), nullable=False),
        sa.PrimaryKeyConstraint("model", "metric", "segment", "version", "start_time", "end_time"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_observations() -> None:
    op.create_table(
        "observations",
        sa.Column("series", sa.String(191), nullable=False),
        sa.Column("time", _time(), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("received_time", _time(), nullable=False),
        sa.PrimaryKeyConstraint("series", "time", "revision"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("series", sa.String(191), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("valid_time", _time(), nullable=False),
        sa.Column("issue_time", _time(), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("lower_80", sa.Double),
        sa.Column("upper_80", sa.Double),
        sa.Column("lower_95", sa.Double),
        sa.Column("upper_95", sa.Double),
        sa.PrimaryKeyConstraint("series", "model", "valid_time", "issue_time"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("key", sa.String(191), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("content", _json(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _fill_prediction_rollups(connection: sa.Connection) -> None:
    """Roll up all predictions, a day of a model at a time; what was there is replaced."""
    for model in _models(connection, "prediction_rollups"):
        connection.execute(sa.text("DELETE FROM prediction_rollups WHERE model = :model"), {"model": model})
    for model in _models(connection, "predictions"):
        day = _next_day(connection, model, "0000-01-01")
        while day is not None:
            _fill_day(connection, model, day)
            day = _next_day(connection, model, day)


def _fill_day(connection: sa.Connection, model: str, day: str) -> None:
    query = sa.text(
        "SELECT SUBSTR(time, 1, 13) AS of_hour, COUNT(*), COUNT(number), SUM(number), SUM(number * number) FROM"
        # The sum of the squares of greater numbers would be none.
        " (SELECT time, CASE WHEN ABS(value) < 1e100 THEN value END AS number FROM predictions"
        " WHERE model = :model AND time >= :first AND time <= :last) AS of_day"
        " GROUP BY of_hour ORDER BY of_hour"
    )
    insertion = sa.text(
        "INSERT INTO prediction_rollups (model, hour, shard, count, numbers, total, total_of_squares)"
        " VALUES (:model, :hour, 0, :count, :numbers, :total, :squares)"
    )
    rows = [
        {
            "model": model,
            "hour": f"{hour}:00:00.000000",
            "count": count,
            "numbers": numbers,
            "total": total or 0.0,
            "squares": squares or 0.0,
        }
        for hour, count, numbers, total, squares in connection.execute(query, {"model": model, **_bounds(day)})
    ]
    connection.execute(insertion, rows)


def _next_day(connection: sa.Connection, model: str, day: str) -> str | None:
    """Return the first day after ``day`` on which the model predicted."""
    query = sa.text(
        "SELECT SUBSTR(time, 1, 10) FROM predictions WHERE model = :model AND time > :last ORDER BY time LIMIT 1"
    )
    return connection.execute(query, {"model": model, "last": _bounds(day)["last"]}).scalar_one_or_none()


def _bounds(day: str) -> dict[str, str]:
    return {"first": f"{day} 00:00:00.000000", "last": f"{day} 23:59:59.999999"}


def _models(connection: sa.Connection, table: str) -> list[str]:
    """Return the models that have rows, each by one look into the key; a DISTINCT might read all rows."""
    models: list[str] = []
    query = sa.text(f"SELECT model FROM {table} WHERE model > :after ORDER BY model LIMIT 1")
    while (
        model := connection.execute(query, {"after": models[-1] if models else ""}).scalar_one_or_none()
    ) is not None:
        models.append(model)
    return models


def _time() -> Any:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def _json() -> Any:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
