"""The reference sample of a model that is served elsewhere, out of the CSV table that its owner sends."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_core.errors import Conflict, FieldError
from ml_core.records import FeatureSpec, Model, ModelVersion, Task
from ml_core.registry import Registry
from ml_core.retraining.asking import SOMEBODY
from ml_core.retraining.promoting import promote
from ml_monitor.uploads.csv_numbers import read_number
from ml_monitor.uploads.csv_tables import MOST_ERRORS, Table, raise_if_any

MOST_ROWS = 100_000
"""Of more rows as many are kept, spread evenly: beyond it a reference tells nothing more, and takes long to read."""

_OUTCOMES = ("value", "score", "truth")
_BY_CLASS = "score:"
_NUMBERS_ONLY: frozenset[Task] = frozenset({"regression", "forecast"})
_TRUTHS = {"true": True, "false": False}
_EXACT = 2.0**53  # up to it float64 holds every integer
_SHA256 = "reference_sha256"


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of a reference: its version, whether it is new, how many rows were sent, and what to know."""

    model: Model
    version: ModelVersion
    created: bool
    sent_rows: int
    notes: tuple[str, ...]


def upload_reference(registry: Registry, model_id: str, content: bytes) -> Upload:
    """Store a reference as a new version of a model, and promote it if the model has no champion.

    The same file as that of the newest version makes no new one. Raises ``ModelNotFound``, ``MalformedBody`` and
    ``InvalidInput`` that names line and column, with nothing stored.
    """
    model = registry.find(model_id)
    table = Table(content)
    frame, features, notes = read_reference_table(table, model.task)
    sha256 = hashlib.sha256(content).hexdigest()
    newest = max(registry.store.list_versions(model.name), key=lambda each: each.number, default=None)
    is_new = newest is None or newest.lineage.get(_SHA256) != sha256
    if newest is None or is_new:
        lineage = {_SHA256: sha256, "sent_rows": table.row_count}
        newest = registry.add_reference(model, frame, features=features, lineage=lineage)
    return Upload(_promote_first(registry, model, newest), newest, is_new, table.row_count, notes)


def read_reference_table(table: Table, task: Task) -> tuple[pd.DataFrame, tuple[FeatureSpec, ...], tuple[str, ...]]:
    """Return the sample with typed columns, its features, and what whoever sent it should know.

    A column whose every known cell is a number is one of numbers. Any other is one of categories, or of true and false
    if it is a feature and holds nothing else. An empty cell is missing. Of several classes, columns ``score:<class>``
    hold the probability of each. Raises ``InvalidInput`` for a score (and, of a regression or forecast, a value or
    truth) that is no number.
    """
    columns, lines = _sampled(table)
    series: dict[str, pd.Series[Any]] = {}
    errors: list[FieldError] = []
    notes = []
    if len(lines) < table.row_count:
        notes.append(f"{len(lines)} of {table.row_count} rows were kept, spread evenly, in their order")
    if "value" not in table.names:
        notes.append("without a column 'value' nothing can be compared with what the model said")
    by_class = {name for name in table.names if task == "multiclass" and name.startswith(_BY_CLASS)}
    outcomes = {*_OUTCOMES, *by_class}
    for name, cells in zip(table.names, columns, strict=True):
        series[name] = _typed(cells, may_be_truths=name not in outcomes)
        if name == "score" or name in by_class or (name in _OUTCOMES and task in _NUMBERS_ONLY):
            errors += _not_numbers(name, cells, lines)
        elif not any(cells):
            notes.append(f"column {name!r} has no values, and is taken for numbers")
        elif not _is_number(series[name]) and (odd := _odd_ones(cells)):
            first, count = odd
            notes.append(
                f"column {name!r} is taken for categories: {count} of its cells are no numbers, the first on line "
                f"{lines[first]}"
            )
    raise_if_any(errors)
    frame = pd.DataFrame(series)
    features = tuple(
        FeatureSpec(name, "number" if _is_number(frame[name]) else "category")
        for name in table.names
        if name not in outcomes
    )
    return frame, features, tuple(notes)


def _sampled(table: Table) -> tuple[list[list[str]], list[int]]:
    """Return the cells of each column, and the line of each row, of at most ``MOST_ROWS`` rows."""
    places = range(table.row_count)
    kept = {place * table.row_count // MOST_ROWS for place in range(MOST_ROWS)} if len(places) > MOST_ROWS else places
    columns: list[list[str]] = [[] for _ in table.names]
    lines = []
    for place, row in enumerate(table.rows()):
        if place in kept:
            lines.append(row.number)
            for column, cell in zip(columns, row.cells, strict=True):
                column.append(cell)
    return columns, lines


def _typed(cells: Sequence[str], *, may_be_truths: bool) -> pd.Series[Any]:
    known = {cell for cell in cells if cell}
    numbers = {cell: read_number(cell) for cell in known}
    if all(number is not None for number in numbers.values()):
        values = np.array([numbers.get(cell, np.nan) for cell in cells], dtype=np.float64)
        is_whole = len(values) == np.sum(np.abs(values) < _EXACT) and bool(np.all(values == np.floor(values)))
        return pd.Series(values.astype(np.int64) if is_whole else values)
    if may_be_truths and all(cell.lower() in _TRUTHS for cell in known):
        has_gaps = len(known) < len(set(cells))
        truths = [_TRUTHS.get(cell.lower()) for cell in cells]
        return pd.Series(truths, dtype="boolean" if has_gaps else "bool")
    return pd.Series([cell or None for cell in cells], dtype="str")


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _not_numbers(name: str, cells: Sequence[str], lines: Sequence[int]) -> list[FieldError]:
    wrong = [line for cell, line in zip(cells, lines, strict=True) if cell and read_number(cell) is None]
    return [FieldError(f"line {line}, {name}", "expected a finite number") for line in wrong[:MOST_ERRORS]]


def _odd_ones(cells: Sequence[str]) -> tuple[int, int] | None:
    """Return the place and the count of cells that are no numbers if they are few, which looks like a mistake."""
    odd = [place for place, cell in enumerate(cells) if cell and read_number(cell) is None]
    return (odd[0], len(odd)) if len(odd) * 2 < sum(1 for cell in cells if cell) else None


def _promote_first(registry: Registry, model: Model, version: ModelVersion) -> Model:
    if model.champion is not None:
        return model
    try:
        why = f"version {version.number}: the first with a reference"
        return promote(registry, model, version.number, why=why, who=SOMEBODY)
    except Conflict:  # another process made its version the first champion, and that one stands
        return registry.find(model.name)
