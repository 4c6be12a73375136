"""Ground truths out of a CSV table: of predictions, or of series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ml_core.clock import parse_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.records import Value
from ml_monitor.recording import PostedTruth, TruthLine
from ml_monitor.uploads.csv_numbers import read_number
from ml_monitor.uploads.csv_tables import Line, Table, raise_if_any

_OF_PREDICTIONS = ("model", "prediction_id", "value")
_OF_SERIES = ("series", "valid_time", "value")
_OPTIONAL = ("correct", "received_time")
_EXPECTED_TIME = "expected an ISO 8601 time with a UTC offset, such as 2026-11-20T18:00:00Z"
_WORDS = {"": False, "false": False, "true": True}
_LONGEST_ID = 255


def read_truths(table: Table) -> list[TruthLine]:
    """Return a truth for each row; raise ``InvalidInput`` that names line and column of each wrong cell.

    A value that is written as a number is one, anything else a label.
    """
    expected = _OF_SERIES if "series" in table.names else _OF_PREDICTIONS
    if set(table.names) - set(_OPTIONAL) != set(expected):
        columns = f"{', '.join(_OF_PREDICTIONS)} or {', '.join(_OF_SERIES)}"
        message = f"expected the columns {columns}, and maybe {' and '.join(_OPTIONAL)}"
        raise InvalidInput(f"the table does not fit: {message}", [FieldError("line 1", message)])
    errors: list[FieldError] = []
    truths = [_read(line, dict(zip(table.names, line.cells, strict=True)), errors) for line in table.rows()]
    raise_if_any(errors)
    return [truth for truth in truths if truth is not None]


def _read(line: Line, cells: Mapping[str, str], errors: list[FieldError]) -> TruthLine | None:
    """Return the truth of a line, or None if something was added to ``errors``."""
    known = len(errors)

    def refuse(column: str, message: str) -> None:
        errors.append(FieldError(f"line {line.number}, {column}", message))

    for column, cell in cells.items():
        if column not in _OPTIONAL and not cell:
            refuse(column, "missing")
    is_correction = _WORDS.get(cells.get("correct", "").lower())
    if is_correction is None:
        refuse("correct", "expected true, false or nothing")
    times: dict[str, datetime] = {}
    for column in ("valid_time", "received_time"):
        if cells.get(column):
            try:
                times[column] = parse_time(cells[column])
            except ValueError:  # its message repeats the text, and an answer never repeats the input
                refuse(column, _EXPECTED_TIME)
    if len(cells.get("prediction_id", "")) > _LONGEST_ID:
        refuse("prediction_id", f"expected at most {_LONGEST_ID} characters")
    if len(errors) > known:
        return None
    number = read_number(cells["value"])
    value: Value = cells["value"] if number is None else number
    named = (cells.get("prediction_id"), cells.get("series"), times.get("valid_time"))
    truth = PostedTruth(value, *named, correct=bool(is_correction), received_time=times.get("received_time"))
    return TruthLine(line.number, cells.get("model"), truth)
