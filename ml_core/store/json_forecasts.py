"""Forecasts of the embedded store: ``records/forecasts/<quoted series>/<day of the valid times>.jsonl``.

A line holds the steps of one forecast in one day, so it is there whole or not at all; the last line of a step wins. A
forecast that reaches into several days is first written whole to ``pending.jsonl``, then to its days; then that file
goes. If the writer is killed in between, the next writer finishes its work, and readers till then take the file for the
last lines of its days. Readers hold the lock of the series, so they never come in the middle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ml_core.clock import format_time, parse_time
from ml_core.files import file_trouble, replace_file, sync_folder
from ml_core.lines import encode_line
from ml_core.records import Forecast, ForecastStep
from ml_core.store.base_series import FORECAST_COLUMNS
from ml_core.store.deciding_series import check_forecast_names, fit_forecast
from ml_core.store.json_folders import day_segment, day_segments, drop_segment, folder_of, named_folders
from ml_core.store.json_segments import append_to_segment, read_segment, segment_lock

PENDING = "pending.jsonl"
_NUMBERS = FORECAST_COLUMNS[4:]


class JsonForecasts:
    """The forecasts below one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, forecast: Forecast) -> None:
        forecast = fit_forecast(forecast)
        lines = _lines(forecast)
        folder = folder_of(self.folder, forecast.series)
        with _writing(folder):
            if len(lines) > 1:
                _write_pending(folder, lines)
                _finish_pending(folder)
            else:
                _append(folder, lines)

    def forecasts(
        self, series: str, start: datetime, end: datetime, model: str | None, issued_before: datetime | None
    ) -> list[tuple[Any, ...]]:
        """Return steps in the order of ``FORECAST_COLUMNS``, by valid time, model and issue time."""
        check_forecast_names(series, model)
        folder = folder_of(self.folder, series)
        if not folder.is_dir():
            return []
        with segment_lock(folder):
            lines = [line for path in day_segments(folder, start, end) for line in read_segment(path)[0]]
            lines += _pending(folder)
        found: dict[tuple[datetime, str, datetime], tuple[Any, ...]] = {}
        for line in lines:
            issue_time = parse_time(line["issue_time"])
            if (model is None or line["model"] == model) and (issued_before is None or issue_time <= issued_before):
                found.update(((step[3], step[0], step[2]), step) for step in _steps(line) if start <= step[3] < end)
        return [found[key] for key in sorted(found)]

    def list_series(self) -> list[str]:
        return sorted(named_folders(self.folder))

    def count(self) -> dict[str, int]:
        """Return the number of steps by series."""
        counts = {series: _count_steps(folder) for series, folder in sorted(named_folders(self.folder).items())}
        return {series: count for series, count in counts.items() if count}

    def drop_before(self, first_kept: date) -> int:
        """Forget the steps whose valid time lies in days before ``first_kept``; return how many went."""
        dropped = 0
        for folder in named_folders(self.folder).values():
            with _writing(folder):
                for path in day_segments(folder):
                    if date.fromisoformat(path.stem) < first_kept:
                        dropped += len(_keys(read_segment(path)[0]))
                        drop_segment(path)
        return dropped


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Keep others out of a folder, in which nothing is pending."""
    with segment_lock(folder):
        _finish_pending(folder)
        yield


def _write_pending(folder: Path, lines: Sequence[dict[str, Any]]) -> None:
    path = folder / PENDING
    try:
        replace_file(path, b"".join(map(encode_line, lines)))
    except OSError as error:
        raise file_trouble("write", path, error) from error


def _pending(folder: Path) -> list[dict[str, Any]]:
    return read_segment(folder / PENDING)[0]


def _finish_pending(folder: Path) -> None:
    """Append what is pending to its days. It does no harm twice: nothing else was written since."""
    path = folder / PENDING
    if not path.exists():
        return
    _append(folder, _pending(folder))
    try:
        path.unlink()
        sync_folder(folder)  # or it might come back after a loss of power, and undo what is written next
    except OSError as error:
        raise file_trouble("write", path, error) from error


def _append(folder: Path, lines: Sequence[dict[str, Any]]) -> None:
    for line in lines:
        append_to_segment(day_segment(folder, _first_time(line)), [line])


def _lines(forecast: Forecast) -> list[dict[str, Any]]:
    """Return a line for each day."""
    by_day: defaultdict[date, list[ForecastStep]] = defaultdict(list)
    for step in forecast.steps:
        by_day[step.valid_time.date()].append(step)
    return [
        {
            "model": forecast.model,
            "version": forecast.version,
            "issue_time": format_time(forecast.issue_time),
            "valid_time": [format_time(step.valid_time) for step in steps],
            **{name: [getattr(step, name) for step in steps] for name in _NUMBERS},
        }
        for _, steps in sorted(by_day.items())
    ]


def _steps(line: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    model, version, issue_time = line["model"], line["version"], parse_time(line["issue_time"])
    for valid_time, *numbers in zip(*(line[name] for name in ("valid_time", *_NUMBERS)), strict=True):
        yield model, version, issue_time, parse_time(valid_time), *numbers


def _first_time(line: dict[str, Any]) -> datetime:
    return parse_time(line["valid_time"][0])


def _count_steps(folder: Path) -> int:
    by_segment: defaultdict[Path, list[dict[str, Any]]] = defaultdict(list)
    with segment_lock(folder):
        for path in day_segments(folder):
            by_segment[path] += read_segment(path)[0]
        for line in _pending(folder):
            by_segment[day_segment(folder, _first_time(line))].append(line)
    return sum(len(_keys(lines)) for lines in by_segment.values())


def _keys(lines: Iterable[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(line["model"], line["issue_time"], valid_time) for line in lines for valid_time in line["valid_time"]}
