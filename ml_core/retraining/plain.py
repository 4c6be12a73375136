"""The records of this package as plain values, as documents hold them: times as text in fields named ``*_time``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from ml_core.clock import format_time, parse_time


def to_plain(record: Any) -> dict[str, Any]:
    """Return the fields of a record but for its revision, which its document has."""
    values = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "revision"}
    return {name: format_time(value) if isinstance(value, datetime) else value for name, value in values.items()}


def from_plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that ``to_plain`` wrote."""
    return {
        name: parse_time(value) if value is not None and (name == "time" or name.endswith("_time")) else value
        for name, value in content.items()
    }
