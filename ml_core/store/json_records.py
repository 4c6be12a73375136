"""Predictions and ground truths of the embedded store, in day segments by model.

    records/predictions/<model>/<day of the prediction>.jsonl
    records/predictions/<model>/other_ids.jsonl         where the predictions lie whose ids do not tell their day
    records/ground_truths/<model>/<day of the id>.jsonl, or ids-<0 to f>.jsonl for ids that carry no time

A truth's place follows from its prediction's id alone, so it is the same whichever comes first.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from ml_core.clock import as_utc, format_time, parse_time
from ml_core.ids import id_time
from ml_core.records import GroundTruth, Prediction, Receipt, Value
from ml_core.store.deciding import decide_predictions, decide_truths, ids_to_look_up
from ml_core.store.json_segments import (
    SegmentReader,
    append_lines,
    append_to_segment,
    encode_line,
    read_segment,
    segment_lock,
)
from ml_core.store.json_summaries import JsonSummaries, by_window, holds_day, summed_value, sums_by_window
from ml_core.store.summaries import EPOCH, HOUR, MICROSECOND, Sums, check_window, merged, number_of_microseconds

OTHER_IDS = "other_ids.jsonl"
_CACHED_DAYS = 64


class _DayIndex:
    """The times and values and, once they are asked for, the ids of one segment, kept up to date."""

    def __init__(self, path: Path) -> None:
        self._new_times, self._new_ids = SegmentReader(path), SegmentReader(path)
        # Microseconds since the epoch, and numbers: 16 bytes a prediction.
        self._times, self._values = array("q"), array("d")
        self._ids: set[str] = set()

    def times(self) -> array[int]:
        return self.times_and_values()[0]

    def times_and_values(self) -> tuple[array[int], array[float]]:
        rows, restarted = self._new_times.read_on()
        if restarted:
            self._times, self._values = array("q"), array("d")
        self._times.extend(number_of_microseconds(parse_time(row["time"])) for row in rows)
        self._values.extend(summed_value(row["value"]) for row in rows)
        return self._times, self._values

    def ids(self) -> set[str]:
        rows, restarted = self._new_ids.read_on()
        if restarted:
            self._ids = set()
        self._ids.update(row["prediction_id"] for row in rows)
        return self._ids


class JsonRecords:
    """The records below one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = Lock()
        self._summaries: dict[str, JsonSummaries] = {}
        self._days: OrderedDict[Path, _DayIndex] = OrderedDict()
        self._other_days: dict[str, tuple[SegmentReader, dict[str, str]]] = {}

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool) -> Receipt:
        folder = self.folder / "predictions" / model
        if new_ids:
            # Nothing is to be looked up, so all but the appending is done before anybody has to wait for it.
            to_store, receipt = decide_predictions(rows, {})
            contents = _segment_contents(to_store)
            with segment_lock(folder):
                _append(folder, contents)
            return receipt
        with segment_lock(folder):
            to_store, receipt = decide_predictions(rows, self._stored_predictions(model, ids_to_look_up(rows)))
            _append(folder, _segment_contents(to_store))
        return receipt

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        folder = self.folder / "ground_truths" / model
        with segment_lock(folder):
            in_force = self._truths(model, ids_to_look_up(rows))
            to_store, receipt = decide_truths(rows, {key: value for key, (value, _) in in_force.items()})
            by_segment: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in to_store:
                by_segment[truth_segment(row.prediction_id)].append(_truth_row(row))
            for name, lines in sorted(by_segment.items()):
                append_to_segment(folder / name, lines)
        return receipt

    def predictions(self, model: str, start: datetime, end: datetime, newest: int | None) -> list[list[Any]]:
        """Return rows in the order of ``PREDICTION_COLUMNS``, oldest first."""
        found: list[list[Any]] = []
        for path in reversed(self._segments(model, start, end)):
            rows = [_prediction_columns(row) for row in read_segment(path)[0]]
            inside = [row for row in rows if start <= row[1] < end]
            found = sorted(inside, key=lambda row: (row[1], row[0])) + found
            if newest is not None and len(found) >= newest:
                return found[len(found) - newest :]
        return found

    def scored(self, model: str, start: datetime, end: datetime, known_at: datetime | None) -> list[list[Any]]:
        """Return rows in the order of ``SCORED_COLUMNS``, oldest first."""
        rows = self.predictions(model, start, end, None)
        truths = self._truths(model, [row[0] for row in rows], known_at)
        return [[*row, *truths.get(row[0], (None, None))] for row in rows]

    def summarise(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[int, Sums]:
        """Return what the predictions of a range come to, by the number of the window, counted from the epoch."""
        check_window(window)
        bounds = [number_of_microseconds(each) for each in (start, end, window)]
        segments = self._segments(model, start, end)
        # Days that the range holds whole are summed up on disk, but for the newest, which grows.
        whole = [path for path in segments[:-1] if not window % HOUR and holds_day(start, end, path)]
        with self._guard:
            summaries = self._summaries.setdefault(model, JsonSummaries(self.folder / "predictions" / model))
        # Not under the guard: this may lock the folder, and who has locked it may be waiting for the guard.
        parts = [by_window(hours, window) for hours in summaries.hours(whole)]
        for path in segments:
            if path not in whole:
                with self._guard:
                    parts.append(sums_by_window(*self._day(path).times_and_values(), *bounds))
        return merged(parts)

    def last_prediction_time(self, model: str) -> datetime | None:
        for path in reversed(self._segments(model)):
            with self._guard:
                times = self._day(path).times()
                if times:
                    return EPOCH + max(times) * MICROSECOND
        return None

    def _segments(self, model: str, start: datetime | None = None, end: datetime | None = None) -> list[Path]:
        first, last = as_utc(start).date() if start else date.min, as_utc(end).date() if end else date.max
        paths = sorted((self.folder / "predictions" / model).glob("????-??-??.jsonl"))
        return [path for path in paths if first <= date.fromisoformat(path.stem) <= last]

    def _day(self, path: Path) -> _DayIndex:
        index = self._days.setdefault(path, _DayIndex(path))
        self._days.move_to_end(path)
        while len(self._days) > _CACHED_DAYS:
            self._days.popitem(last=False)
        return index

    def _stored_predictions(self, model: str, ids: Iterable[str]) -> dict[str, Prediction]:
        folder = self.folder / "predictions" / model
        other_days = self._other_ids(model)
        by_day: defaultdict[str, set[str]] = defaultdict(set)
        for prediction_id in ids:
            day = other_days.get(prediction_id) or _day_of_id(prediction_id)
            if day is not None:
                by_day[day].add(prediction_id)
        found: dict[str, Prediction] = {}
        for day, wanted in by_day.items():
            path = folder / f"{day}.jsonl"
            with self._guard:
                known = wanted & self._day(path).ids()
            if known:
                rows = read_segment(path)[0]
                found.update((row["prediction_id"], _prediction(row)) for row in rows if row["prediction_id"] in known)
        return found

    def _other_ids(self, model: str) -> dict[str, str]:
        with self._guard:
            if model not in self._other_days:
                path = self.folder / "predictions" / model / OTHER_IDS
                self._other_days[model] = SegmentReader(path), {}
            reader, days = self._other_days[model]
            rows, restarted = reader.read_on()
            if restarted:
                days.clear()
            days.update((row["prediction_id"], row["day"]) for row in rows)
            return days

    def _truths(
        self, model: str, ids: Iterable[str], known_at: datetime | None = None
    ) -> dict[str, tuple[Value, datetime]]:
        wanted = set(ids)
        found: dict[str, tuple[Value, datetime]] = {}
        for name in {truth_segment(prediction_id) for prediction_id in wanted}:
            for row in read_segment(self.folder / "ground_truths" / model / name)[0]:
                received = parse_time(row["received_time"])
                # The last line of an id is the one in force.
                if row["prediction_id"] in wanted and (known_at is None or received <= known_at):
                    found[row["prediction_id"]] = row["value"], received
        return found


def _day_of_id(prediction_id: str) -> str | None:
    time = id_time(prediction_id)
    return None if time is None else time.date().isoformat()


def truth_segment(prediction_id: str) -> str:
    day = _day_of_id(prediction_id)
    if day is not None:
        return f"{day}.jsonl"
    return f"ids-{hashlib.sha256(prediction_id.encode()).hexdigest()[0]}.jsonl"


def _segment_contents(rows: Sequence[Prediction]) -> dict[str, bytes]:
    """Return what is to be appended, by the name of the segment, in the order of appending.

    First where predictions lie whose ids do not tell, then the predictions: an entry without a row does no harm, a row
    without its entry would.
    """
    others: list[bytes] = []
    by_day: defaultdict[date, list[bytes]] = defaultdict(list)
    for row in rows:
        day, time_of_id = row.time.date(), id_time(row.prediction_id)
        if time_of_id is None or time_of_id.date() != day:
            others.append(encode_line({"prediction_id": row.prediction_id, "day": day.isoformat()}))
        by_day[day].append(encode_line(_prediction_row(row)))
    contents = {OTHER_IDS: b"".join(others)}
    return contents | {f"{day.isoformat()}.jsonl": b"".join(lines) for day, lines in sorted(by_day.items())}


def _append(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        append_lines(folder / name, content)


def _prediction_row(row: Prediction) -> dict[str, Any]:
    return {
        "prediction_id": row.prediction_id,
        "time": format_time(row.time),
        "version": row.version,
        "value": row.value,
        "score": row.score,
        "features": row.features,
    }


def _prediction_columns(row: Mapping[str, Any]) -> list[Any]:
    time = parse_time(row["time"])
    return [row["prediction_id"], time, row["version"], row["value"], row["score"], row["features"]]


def _prediction(row: Mapping[str, Any]) -> Prediction:
    return Prediction(**{**row, "time": parse_time(row["time"])})


def _truth_row(row: GroundTruth) -> dict[str, Any]:
    return {
        "prediction_id": row.prediction_id,
        "value": row.value,
        "received_time": format_time(row.received_time),
        "correct": row.correct,
    }
