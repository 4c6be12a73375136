"""What a caller has logged: a batch of predictions or of true values, as a line of the queue and as a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ml_core.outbox.tables import Column

Kind = Literal["predictions", "ground_truths"]
ROWS_PER_LINE = 1000


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where rows belong: rows of one addressee travel together. ``task`` is known of a model that is watched."""

    kind: Kind
    model: str
    version: int | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one call. Each of ``columns`` holds a value for each row, or one that all of them share.

    ``ids`` are the rows' own, or the id of the batch, to which each row's number is added, counted from ``first``; of a
    single row it is the id.
    """

    to: Addressee
    rows: int
    ids: list[str] | str
    columns: Mapping[str, Any]
    features: Mapping[str, Column]
    first: int = 0

    def pieces(self) -> Iterator[Batch]:
        """Yield the batch in pieces that each make a line of the queue."""
        if self.rows <= ROWS_PER_LINE:
            yield self
            return
        for start in range(0, self.rows, ROWS_PER_LINE):
            part = slice(start, start + ROWS_PER_LINE)
            yield Batch(
                self.to,
                min(ROWS_PER_LINE, self.rows - start),
                self.ids[part] if isinstance(self.ids, list) else self.ids,
                {name: _cut(column, part) for name, column in self.columns.items()},
                {name: column[part] for name, column in self.features.items()},
                self.first + start,
            )

    def row_ids(self) -> list[str]:
        """Return the id of each row."""
        if isinstance(self.ids, list):
            return self.ids
        if self.rows == 1 and not self.first:
            return [self.ids]
        return [f"{self.ids}-{number}" for number in range(self.first, self.first + self.rows)]

    def line(self) -> dict[str, Any]:
        """Return what the line of the queue holds."""
        to = self.to
        head = {"kind": to.kind, "model": to.model, "version": to.version, "task": to.task, "rows": self.rows}
        return head | {"ids": self.ids, "first": self.first, "columns": self.columns, "features": self.features}

    def items(self) -> list[dict[str, Any]]:
        """Return the rows as the monitor takes them."""
        rows: list[dict[str, Any]] = [{"prediction_id": prediction_id} for prediction_id in self.row_ids()]
        for name, column in self.columns.items():
            values = column if isinstance(column, (list, np.ndarray)) else [column] * self.rows
            for row, value in zip(rows, values, strict=True):
                row[name] = value
        if self.to.kind == "ground_truths":
            return rows
        names = list(self.features)
        cells = zip(*self.features.values(), strict=True) if names else iter([()] * self.rows)
        for row, features in zip(rows, cells, strict=True):
            row["features"] = dict(zip(names, features, strict=True))
        return rows


def read_line(line: Mapping[str, Any]) -> Batch:
    """Return the batch of a line; raise ``KeyError`` or ``TypeError`` for one that another program has written."""
    to = Addressee(line["kind"], line["model"], line["version"], line["task"])
    return Batch(to, line["rows"], line["ids"], line["columns"], line["features"], line["first"])


def _cut(column: Any, part: slice) -> Any:
    return column[part] if isinstance(column, (list, np.ndarray)) else column
