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
    """Make the tables that are missing."""
    _make_prediction_rollups()
    _make_metric_points()
    _make_observations()
    _make_forecasts()
    _make_documents()


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


def _time() -> Any:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def _json() -> Any:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
