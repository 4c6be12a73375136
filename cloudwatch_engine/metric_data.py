"""Reads data sets that people send: the JSON that ``aws cloudwatch get-metric-data`` writes, and CSV.

CSV is the table of the first system (``Timestamps,AWS/EC2 CPUUtilization,...``) or a single series of CPU
(``timestamp,value``). A time without an offset is UTC there, as CloudWatch's are. What is odd but clear is put in order
and said in a note: points out of order, a time that stands there twice, empty cells. What is not clear is refused.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cloudwatch_engine.names import CPU, INSTANCE_NAME, METRICS, Metric, known_by_name
from ml_core.clock import as_utc
from ml_core.errors import FieldError, InvalidInput, MalformedBody

UNNAMED = "dataset"
"""The instance of a data set that names none."""

MOST_POINTS = 250_000
_TIME_COLUMNS = ("timestamps", "timestamp", "time")
_IDS: Mapping[str, Metric] = {
    "cpu": "CPUUtilization",
    "memory": "MemoryUtilization",
    "mem": "MemoryUtilization",
    "network_in": "NetworkIn",
    "networkin": "NetworkIn",
    "network_out": "NetworkOut",
    "networkout": "NetworkOut",
    **{metric.lower(): metric for metric in METRICS},
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """The series of a data set by instance and metric, oldest first, and what was put in order, in sentences."""

    series: Mapping[tuple[str, Metric], Mapping[datetime, float]]
    notes: tuple[str, ...] = ()

    def cpu(self) -> tuple[str, Mapping[datetime, float]]:
        """Return the first instance that has a series of CPU, and the series; raise ``InvalidInput`` if none has."""
        for (instance, metric), points in self.series.items():
            if metric == CPU and points:
                return instance, points
        raise _wrong("file", "expected a series of CPUUtilization, which is what is forecast")


@dataclass
class _Collected:
    """Points as they come, and what was odd about them."""

    points: dict[tuple[str, Metric], dict[datetime, tuple[int, float]]] = field(default_factory=dict)
    empty: int = 0
    twice: int = 0
    disordered: int = 0
    unknown: dict[str, None] = field(default_factory=dict)
    _newest: dict[tuple[str, Metric], datetime] = field(default_factory=dict)

    def add(self, instance: str, metric: Metric, rank: int, time: datetime, value: float) -> None:
        key = (instance, metric)
        points = self.points.setdefault(key, {})
        if time in points:
            known_rank, known = points[time]
            if known_rank == rank:
                self.twice += 1
            if rank > known_rank or (rank == known_rank and known == value):
                return
        elif key in self._newest and time < self._newest[key]:
            self.disordered += 1
        self._newest[key] = max(time, self._newest.get(key, time))
        points[time] = (rank, value)

    def dataset(self) -> Dataset:
        notes = []
        if self.disordered:
            notes.append(f"{self.disordered:,} points were out of order and were sorted")
        if self.twice:
            notes.append(f"{self.twice:,} points had a time that was there already; the last one counts")
        if self.empty:
            notes.append(f"{self.empty:,} cells hold no number; these times are gaps")
        if self.unknown:
            notes.append(f"not used here: {', '.join(name[:64] for name in list(self.unknown)[:5])}")
        series = {
            key: {time: value for time, (_, value) in sorted(points.items())} for key, points in self.points.items()
        }
        if not series:
            raise _wrong("file", "expected at least one point of CPUUtilization")
        return Dataset(series, tuple(notes))


def read_dataset(content: bytes) -> Dataset:
    """Return the series of JSON or CSV, told apart by the first character.

    Raises ``MalformedBody`` if it is neither, and ``InvalidInput`` that names the field or the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBody("the data set is not in UTF-8") from None
    if not text.strip():
        raise MalformedBody("the data set is empty; expected JSON of get-metric-data, or CSV with a header line")
    return _read_json(text) if text.lstrip()[0] in "{[" else _read_csv(text)


def _read_json(text: str) -> Dataset:
    collected = _Collected()
    for number, document in enumerate(_documents(text)):
        where = f"document {number}: " if number else ""
        results = document.get("MetricDataResults") if isinstance(document, dict) else None
        if not isinstance(results, list):
            raise _wrong("MetricDataResults", f"{where}expected a list, as aws cloudwatch get-metric-data writes it")
        for index, result in enumerate(results):
            _take_result(collected, result, f"MetricDataResults[{index}]")
    return collected.dataset()


def _documents(text: str) -> Iterator[Any]:
    """Yield the JSON documents of a text: ``>> file.json``, as the first system did it, puts several in a row."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    position = 0
    while position < len(text):
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise MalformedBody(f"the data set is not JSON: {error.msg} (line {error.lineno})") from None
        except RecursionError:
            raise MalformedBody("the data set is not JSON of get-metric-data: it is nested too deeply") from None
        yield document


def _refuse_constant(name: str) -> float:
    raise MalformedBody(f"the data set is not JSON: {name} is no number there")


def _take_result(collected: _Collected, result: Any, where: str) -> None:
    if not isinstance(result, dict):
        raise _wrong(where, "expected an object")
    instance, metric, rank = _named(result, where, collected)
    times, values = result.get("Timestamps"), result.get("Values")
    if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
        raise _wrong(where, "expected Timestamps and Values, two lists of the same length")
    if metric is None:
        return
    _refuse_too_many(len(times))
    for index, (time, value) in enumerate(zip(times, values, strict=True)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
            raise _wrong(f"{where}.Values[{index}]", "expected a finite number")
        collected.add(instance, metric, rank, _time(time, f"{where}.Timestamps[{index}]"), float(value))


def _named(result: Mapping[str, Any], where: str, collected: _Collected) -> tuple[str, Metric | None, int]:
    """Return whose and which metric a result is, by its label (``i-0abc AWS/EC2 CPUUtilization``), else by its id."""
    label, query_id = result.get("Label", ""), result.get("Id", "")
    if not isinstance(label, str) or not isinstance(query_id, str):
        raise _wrong(where, "expected Id and Label to be text")
    words = label.split()
    instance = next((word for word in words if word.startswith("i-") and INSTANCE_NAME.fullmatch(word)), UNNAMED)
    known = next((known for word in words if (known := known_by_name(word))), None)
    if known is not None:
        return instance, known.metric, known.rank
    metric = _IDS.get(query_id.lower())
    if metric is None:
        collected.unknown[label or query_id or where] = None
    return instance, metric, 0


def _read_csv(text: str) -> Dataset:
    lines = text.splitlines()
    _refuse_too_many(len(lines) - 1)
    rows = csv.reader(lines)
    header = [cell.strip() for cell in next(rows)]
    if not header or header[0].lower() not in _TIME_COLUMNS:
        raise _wrong("line 1", "expected a header that begins with Timestamps (or timestamp)")
    collected = _Collected()
    columns: list[tuple[Metric, int] | None] = []
    for name in header[1:]:
        known = known_by_name(name.split()[-1]) if name else None
        if known is None and name.lower() == "value":
            columns.append((CPU, 0))
            continue
        if known is None:
            collected.unknown[name] = None
        columns.append(None if known is None else (known.metric, known.rank))
    if not any(columns):
        raise _wrong("line 1", "expected a column of CPUUtilization, or timestamp,value")
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        line = f"line {rows.line_num}"
        if len(cells) != len(header):
            raise _wrong(line, f"expected {len(header)} cells as in the header, not {len(cells)}")
        time = _time(cells[0].strip(), line)
        for column, cell in zip(columns, cells[1:], strict=True):
            if column is not None:
                _take_cell(collected, column, time, cell.strip(), line)
    return collected.dataset()


def _take_cell(collected: _Collected, column: tuple[Metric, int], time: datetime, cell: str, line: str) -> None:
    if cell.lower() in ("", "nan", "null", "none", "na"):
        collected.empty += 1
        return
    try:
        value = float(cell)
    except ValueError:
        raise _wrong(f"{line}: {column[0]}", "expected a number") from None
    if not math.isfinite(value) or abs(value) > 1e300:
        raise _wrong(f"{line}: {column[0]}", "expected a finite number")
    collected.add(UNNAMED, column[0], column[1], time, value)


def _time(value: Any, where: str) -> datetime:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)  # as version 1 of the AWS CLI writes it
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
            return as_utc(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError, OSError):
        pass
    raise _wrong(where, "expected an ISO 8601 time such as 2026-11-20T18:00:00Z")


def _refuse_too_many(points: int) -> None:
    if points > MOST_POINTS:
        raise _wrong("file", f"expected at most {MOST_POINTS:,} points of a series")


def _wrong(where: str, message: str) -> InvalidInput:
    return InvalidInput(f"{where}: {message}", [FieldError(where, message)])
