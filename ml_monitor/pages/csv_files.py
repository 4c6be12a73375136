"""The numbers of a chart or of a check as CSV, unrounded, for those who want to go on with them elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from datetime import datetime

import orjson

from ml_core.clock import format_time
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.distribution import Distribution, NumberDistribution, Quantiles, QuantileWindow, ShareWindow
from ml_monitor.pages.traffic import Volume, WindowCount
from ml_monitor.results.results_store import Result

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_RESULT_COLUMNS = (
    *("start_time", "end_time", "segment", "group", "metric", "column", "rows", "value", "undefined"),
    *("standard_error", "p_value", "versions", "verdicts", "notes"),
)


def volume_csv(volume: Volume) -> str:
    """Return the number of predictions per window."""
    rows = [(*_times(window), window.count) for window in volume.windows]
    return _write(("start", "end", "predictions"), rows)


def distribution_csv(shown: Distribution | None) -> str:
    """Return quantiles, or the share of each label, per window that holds predictions; the header alone for None."""
    if shown is None:
        return _write(("start", "end", "predictions"), ())
    if isinstance(shown, NumberDistribution):
        names = [field.name for field in fields(Quantiles)]
        rows = [(*_times(window), window.count, *astuple(window.quantiles)) for window in shown.windows]
    else:
        names = [_plain(label) for label in shown.labels]
        rows = [(*_times(window), window.count, *window.shares) for window in shown.windows]
    return _write(("start", "end", "predictions", *names), rows)


def table_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return plain values as a table: times in UTC, text that no spreadsheet takes for a formula."""
    return _write(header, ([_cell(value) for value in row] for row in rows))


def results_csv(results: Iterable[Result]) -> str:
    """Return one line for each metric of each chunk; an undefined value is an empty cell beside its reason.

    ``verdicts`` is JSON, by rule; ``versions`` are joined by blanks, ``notes`` by line ends.
    """
    return _write(_RESULT_COLUMNS, (_result_row(result) for result in results))


def _result_row(result: Result) -> tuple[object, ...]:
    reason = result.value.reason if isinstance(result.value, Undefined) else ""
    return (
        *(format_time(result.start_time), format_time(result.end_time)),
        *(_plain(result.segment), result.group, _plain(result.name), _plain(result.column), result.rows),
        *(None if reason else result.value, _plain(reason), result.standard_error, result.p_value),
        " ".join(str(number) for number in result.versions),
        orjson.dumps(result.verdicts).decode() if result.verdicts else "",
        _plain("\n".join(result.notes)),
    )


def _times(window: WindowCount | QuantileWindow | ShareWindow) -> tuple[str, str]:
    return format_time(window.start), format_time(window.end)


def _plain(label: str) -> str:
    """Return a text that no spreadsheet takes for a formula: labels and names come from clients."""
    plain = f"'{label}" if label.startswith(_FORMULA_STARTS) else label
    return plain.replace("\r\n", "\n").replace("\r", "\n")  # Python's writer quotes a cell for \n, not for \r


def _write(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return lines of comma-separated values below their names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    return _plain(value) if isinstance(value, str) else value
