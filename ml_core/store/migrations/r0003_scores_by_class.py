"""Scores by class of predictions: what was recorded before has none."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, unless an earlier attempt has done so; rows that are there already are not rewritten."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("predictions")}
    if "scores" not in there:
        op.add_column("predictions", sa.Column("scores", _json()))


def _json() -> Any:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
