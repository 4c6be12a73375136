"""Hours from a CSV file in place of a controller, in either of two forms; a row is told by its number, the first is 1.

**Long**: the columns ``time,server,metric,value``, in any order. ``time`` is the start of an hour with its UTC offset,
``metric`` one of the 28 names, ``value`` the hour's mean, from 0 on. An hour without a value has no row, or an empty
``value``.

**Wide**, as the first system has it: ``Datetimestamp_ID`` (UTC where no offset is told) and a column
``{PREFIX}_SN{suffix}`` for each metric of a server, such as ``ART_SN00``. Prefixes are ``metrics.PREFIXES``; the
suffix is 00 for the main server, 01 to 99 for those numbered after it, CS for the CollectionServer. The first system's
features beside them (``ART_SN00_L1H``, ``HR_VAL``) are left out, since they follow from the values.

A file that is wrong anywhere is refused whole, by the first row and column that are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ALL_METRICS, PREFIXES
from forecasting_jobs.response_time.sources import Hours, Question
from ml_core.csv_tables import invalid_table, read_text_table, wrong_cell
from ml_core.errors import SuiteError

LONG = ("time", "server", "metric", "value")
WIDE_TIME = "Datetimestamp_ID"
_MEASURED = re.compile(r"([A-Z]+)_SN([0-9]{2}|CS)")
_DERIVED = re.compile(r"[A-Z]+_SN(?:[0-9]{2}|CS)_(?:L[0-9]+H|MA[0-9]+)(?:_MA[0-9]+)?|HR_VAL|DAY_OF_WEEK|WEEKEND_FLG")
_OFFSET = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"
_Table = dict[str, dict[str, "pd.Series[float]"]]


class CsvSource:
    """The hours of a file, read once; see ``Source``. Raises ``InvalidTable``."""

    def __init__(self, path: Path, main_server: str) -> None:
        texts = read_text_table(path)
        is_wide = any(column.upper() == WIDE_TIME.upper() for column in texts.columns)
        self._hours = _read_wide(path, texts, main_server) if is_wide else _read_long(path, texts)

    def hours(self, application: str, questions: Sequence[Question]) -> list[Hours | SuiteError]:
        return [self._answer(question) for question in questions]

    def close(self) -> None:
        """Nothing is held open."""

    def _answer(self, question: Question) -> Hours:
        values = {}
        for server, series in self._hours.get(question.metric, {}).items():
            found = series[(series.index >= question.start) & (series.index <= question.end - HOUR)]
            if len(found):
                times = pd.DatetimeIndex(found.index).to_pydatetime()
                values[server] = dict(zip(times.tolist(), found.tolist(), strict=True))
        return Hours(values)


def server_of_suffix(suffix: str, main_server: str) -> str:
    """Return the server that the first system means by ``00``, ``01`` ... or ``CS``."""
    if suffix == "CS":
        return "CollectionServer"
    return main_server if suffix == "00" else f"{main_server}Server{int(suffix)}"


def _read_long(path: Path, texts: pd.DataFrame) -> _Table:
    missing = [column for column in LONG if column not in texts.columns]
    if missing:
        expected = f"expected {', '.join(LONG)}, or {WIDE_TIME} and columns such as ART_SN00"
        raise invalid_table(path, f"column {missing[0]!r} is missing; {expected}", missing[0])
    _refuse_others(path, texts, LONG)
    texts["server"] = texts["server"].str.strip()
    texts["metric"] = texts["metric"].str.strip()
    _refuse(path, "server", texts["server"], texts["server"] == "", "the name of a server")
    _refuse(path, "metric", texts["metric"], ~texts["metric"].isin(ALL_METRICS), "one of the 28 names of metrics")
    times = _times(path, "time", texts["time"], needs_offset=True)
    values = _values(path, "value", texts["value"])
    twice = pd.DataFrame({"time": times, "server": texts["server"], "metric": texts["metric"]}).duplicated()
    _refuse(path, "time", texts["time"], twice, "an hour once for each server and metric")
    table: _Table = {}
    for (metric, server), rows in values.groupby([texts["metric"], texts["server"]], sort=True):
        table.setdefault(str(metric), {})[str(server)] = _known(rows, times[rows.index])
    return table


def _read_wide(path: Path, texts: pd.DataFrame, main_server: str) -> _Table:
    (column, *more) = (name for name in texts.columns if name.upper() == WIDE_TIME.upper())
    if more:
        raise invalid_table(path, f"column {more[0]!r}: expected one column of times", more[0])
    measured = {name: found for name in texts.columns if (found := _MEASURED.fullmatch(name)) and found[1] in PREFIXES}
    _refuse_others(path, texts, [column, *measured, *filter(_DERIVED.fullmatch, texts.columns)])
    if not measured:
        raise invalid_table(path, "expected a column such as ART_SN00 beside the times", column)
    times = _times(path, column, texts[column], needs_offset=False)
    _refuse(path, column, texts[column], times.duplicated(), "an hour once")
    table: _Table = {}
    for name, found in measured.items():
        values = _values(path, name, texts[name])
        table.setdefault(PREFIXES[found[1]], {})[server_of_suffix(found[2], main_server)] = _known(values, times)
    return table


def _known(values: pd.Series[float], times: pd.Series[pd.Timestamp]) -> pd.Series[float]:
    found = pd.Series(values.to_numpy(dtype=np.float64), index=pd.DatetimeIndex(times))
    return found[found.notna()].sort_index()


def _times(path: Path, column: str, texts: pd.Series[str], *, needs_offset: bool) -> pd.Series[pd.Timestamp]:
    stripped = texts.str.strip()
    if needs_offset:
        naive = ~stripped.str.contains(_OFFSET, regex=True)
        _refuse(path, column, texts, naive, "a time with a UTC offset, such as 2026-11-20T18:00:00Z")
    times = pd.to_datetime(stripped, format="ISO8601", utc=True, errors="coerce")
    _refuse(path, column, texts, times.isna(), "an ISO 8601 time such as 2026-11-20T18:00:00Z")
    _refuse(path, column, texts, times != times.dt.floor("h"), "the start of an hour")
    return times


def _values(path: Path, column: str, texts: pd.Series[str]) -> pd.Series[float]:
    stripped = texts.str.strip()
    values = pd.to_numeric(stripped, errors="coerce").astype("float64")
    is_wrong = (stripped != "") & ~(np.isfinite(values) & (values >= 0))
    _refuse(path, column, texts, is_wrong, "a finite number from 0 on, or nothing")
    return values


def _refuse_others(path: Path, texts: pd.DataFrame, known: Sequence[str]) -> None:
    for name in texts.columns:
        if name not in known:
            raise invalid_table(path, f"column {name!r} is not one that is known here", str(name))


def _refuse(path: Path, column: str, texts: pd.Series[str], is_wrong: pd.Series[bool], expected: str) -> None:
    wrong = np.flatnonzero(is_wrong.to_numpy())
    if len(wrong):
        raise wrong_cell(path, column, int(wrong[0]), texts.iloc[int(wrong[0])], expected)
