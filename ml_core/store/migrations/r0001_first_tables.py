"""The first tables: models, their versions, predictions by day, ground truths, runs of jobs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ml_core.store import partitions

revision = "0001"
down_revision = None

_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make the tables that are missing, and give partitions to predictions that were stored without."""
    _make_models()
    _make_predictions()
    _make_ground_truths()
    _make_job_runs()


def _make_models() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("created_time", _time(), nullable=False),
        sa.Column("seed_id", sa.String(255)),
        sa.Column("headline_metric", sa.String(255)),
        sa.Column("stage_changes", _json(), nullable=False),
        sa.Column("champion", sa.Integer),
        sa.Column("stage_change_count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_table(
        "model_versions",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("created_time", _time(), nullable=False),
        sa.Column("metrics", _json(), nullable=False),
        sa.Column("features", _json(), nullable=False),
        sa.Column("parameters", _json(), nullable=False),
        sa.Column("lineage", _json(), nullable=False),
        sa.Column("artifact", sa.Text),
        sa.Column("artifact_sha256", sa.String(64)),
        sa.Column("reference_rows", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("model", "number"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("time", _time(), nullable=False),
        sa.Column("prediction_id", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("value", sa.Double),
        sa.Column("label", sa.String(255)),
        sa.Column("score", sa.Double),
        sa.Column("features", _json(), nullable=False),
        sa.PrimaryKeyConstraint("model", "time", "prediction_id"),
        if_not_exists=True,
        mysql_partition_by=partitions.clause(),
        **_OPTIONS,
    )
    connection = op.get_bind()
    indexes = {index["name"] for index in sa.inspect(connection).get_indexes("predictions")}
    if "predictions_by_id" not in indexes:
        op.create_index("predictions_by_id", "predictions", ["model", "prediction_id"])
    if connection.dialect.name == "mysql" and not partitions.list_partitions(connection):
        # The whole table is written anew; writers wait, and give up with 503 if it takes long.
        op.execute(f"ALTER TABLE predictions PARTITION BY {partitions.clause()}")


def _make_ground_truths() -> None:
    op.create_table(
        "ground_truths",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("prediction_id", sa.String(255), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", sa.Double),
        sa.Column("label", sa.String(255)),
        sa.Column("received_time", _time(), nullable=False),
        sa.PrimaryKeyConstraint("model", "prediction_id", "revision"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _make_job_runs() -> None:
    op.create_table(
        "job_runs",
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("slot", _time(), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_time", _time(), nullable=False),
        sa.Column("lease_until_time", _time(), nullable=False),
        sa.Column("finished_time", _time()),
        sa.Column("message", sa.Text),
        sa.Column("log_tail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job", "slot", "fence"),
        if_not_exists=True,
        **_OPTIONS,
    )


def _time() -> Any:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def _json() -> Any:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
