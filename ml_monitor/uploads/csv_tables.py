"""Tables that clients send as CSV: a header line, then rows of as many cells, in UTF-8. Errors name line and column.

One reader reads all of it, Python's: a second one would find other rows in the same odd quotes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from ml_core.errors import FieldError, InvalidInput, MalformedBody

MOST_COLUMNS = 2_000
MOST_ERRORS = 100


class Line(NamedTuple):
    """One row: the number of the line that it begins on, from 1, and its cells as they stand there."""

    number: int
    cells: list[str]


class Table:
    """A table whose shape was checked; its rows are read anew each time they are asked for."""

    def __init__(self, content: bytes) -> None:
        """Check the shape.

        Raises ``MalformedBody`` for what is not UTF-8 or not CSV, and ``InvalidInput`` for a column without a name,
        twice the same name, no rows, and rows that have more or fewer cells than the header.
        """
        self._text = _decode(content)
        lines = self._lines()
        self.names: tuple[str, ...] = tuple(next(lines, Line(1, [])).cells)
        _check_names(self.names)
        self.row_count = 0
        errors: list[FieldError] = []
        for line in lines:
            self.row_count += 1
            if len(line.cells) != len(self.names) and len(errors) < MOST_ERRORS:
                message = f"{_counted(len(line.cells))}; the header has {_counted(len(self.names))}"
                errors.append(FieldError(f"line {line.number}", message))
        if not self.row_count:
            errors.append(FieldError("line 2", "missing; expected rows below the header"))
        raise_if_any(errors)

    def rows(self) -> Iterator[Line]:
        """Return the rows in order; lines that are empty are no rows."""
        lines = self._lines()
        next(lines)
        return lines

    def _lines(self) -> Iterator[Line]:
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        number = 1
        try:
            for cells in reader:
                if cells:
                    yield Line(number, cells)
                number = reader.line_num + 1
        except csv.Error as error:
            raise MalformedBody(f"the body is not CSV: line {number}: {error}") from None


def raise_if_any(errors: list[FieldError]) -> None:
    """Raise ``InvalidInput`` that lists the errors, if there are any."""
    if errors:
        raise InvalidInput(f"the table does not fit: {errors[0].field}: {errors[0].message}", errors[:MOST_ERRORS])


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")  # spreadsheets put a byte order mark before it
    except UnicodeDecodeError as error:
        _not_text(content, error.start, "not UTF-8; save the table as UTF-8")
    if "\x00" in text:
        _not_text(content, content.index(b"\x00"), "holds a NUL character")
    return text


def _not_text(content: bytes, place: int, message: str) -> NoReturn:
    line = content.count(b"\n", 0, place) + 1
    raise MalformedBody(f"the body is not CSV: line {line}: {message}", [FieldError(f"line {line}", message)])


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise_if_any([FieldError("line 1", "missing; expected the names of the columns")])
    if len(names) > MOST_COLUMNS:
        raise_if_any([FieldError("line 1", f"{len(names)} columns; at most {MOST_COLUMNS} are taken")])
    errors, places = [], dict[str, int]()
    for place, name in enumerate(names, start=1):
        where = f"line 1, column {place}"
        if not name.strip():
            errors.append(FieldError(where, "a column without a name"))
        elif places.setdefault(name, place) != place:
            errors.append(FieldError(where, f"the name of column {places[name]} again"))
    raise_if_any(errors)


def _counted(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"
