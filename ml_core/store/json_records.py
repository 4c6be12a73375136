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
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from ml_core.clock import as_utc, format_time, parse_time
from ml_core.ids import id_time
from ml_core.lines import encode_line
from ml_core.records import GroundTruth, Prediction, Receipt, Value
from ml_core.store.deciding import decide_predictions, decide_truths, ids_to_look_up
from ml_core.store.json_groups import Decided, WriteGroups
from ml_core.store.json_ids import IdIndexes
from ml_core.store.json_listings import FolderListings, NewestTime
from ml_core.store.json_segments import SegmentReader, read_segment
from ml_core.store.json_summaries import JsonSummaries, by_window, holds_day, summed_value, sums_by_window
from ml_core.store.summaries import EPOCH, HOUR, MICROSECOND, Sums, check_window, merged, number_of_microseconds

OTHER_IDS = "other_ids.jsonl"
_CACHED_DAYS = 64


class _DayIndex:
    """The times and values of one segment of predictions, kept up to date."""

    def __init__(self, path: Path) -> None:
        self._reader = SegmentReader(path)
        # Microseconds since the epoch, and numbers: 16 bytes a prediction.
        self._times, self._values = array("q"), array("d")

    def times_and_values(self) -> tuple[array[int], array[float]]:
        rows, restarted = self._reader.read_on()
        if restarted:
            self._times, self._values = array("q"), array("d")
        self._times.extend(number_of_microseconds(parse_time(row["time"])) for row in rows)
        self._values.extend(summed_value(row["value"]) for row in rows)
        return self._times, self._values


class JsonRecords:
    """The records below one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._new_predictions, self._new_truths = WriteGroups[Prediction](), WriteGroups[GroundTruth]()
        self._guard = Lock()
        self._summaries: dict[str, JsonSummaries] = {}
        self._days: OrderedDict[Path, _DayIndex] = OrderedDict()
        self._newest: dict[Path, NewestTime] = {}
        self._listings = FolderListings("????-??-??.jsonl")
        self._ids = IdIndexes()

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool) -> Receipt:
        if new_ids:
            # Nothing is to be looked up, so all but the appending is done before anybody has to wait for it.
            return self._new_predictions.record(self.folder / "predictions" / model, _decide_predictions(rows, {}))
        ids = ids_to_look_up(rows)

        def decide(earlier: Mapping[str, Prediction]) -> Decided[Prediction]:
            known = {each: earlier[each] for each in ids if each in earlier}
            return _decide_predictions(rows, self._stored_predictions(model, ids) | known)

        return self._new_predictions.record(self.folder / "predictions" / model, decide)

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        ids = ids_to_look_up(rows)

        def decide(earlier: Mapping[str, GroundTruth]) -> Decided[GroundTruth]:
            in_force = {key: value for key, (value, _) in self._truths(model, ids).items()}
            known = {each: earlier[each].value for each in ids if each in earlier}
            return _decide_truths(rows, in_force | known)

        return self._new_truths.record(self.folder / "ground_truths" / model, decide)

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
                kept = self._newest.get(path.parent)
                if kept is None or kept.path != path:
                    # One for each model: a page of all models would push the days of charts out of their cache.
                    kept = self._newest[path.parent] = NewestTime(path)
                newest = kept.read()
                if newest is not None:
                    return EPOCH + newest * MICROSECOND
        return None

    def _segments(self, model: str, start: datetime | None = None, end: datetime | None = None) -> Sequence[Path]:
        paths = self._listings.paths(self.folder / "predictions" / model)
        if start is None and end is None:
            return paths
        first, last = as_utc(start).date() if start else date.min, as_utc(end).date() if end else date.max
        return [path for path in paths if first <= date.fromisoformat(path.stem) <= last]

    def _day(self, path: Path) -> _DayIndex:
        index = self._days.setdefault(path, _DayIndex(path))
        self._days.move_to_end(path)
        while len(self._days) > _CACHED_DAYS:
            self._days.popitem(last=False)
        return index

    def _stored_predictions(self, model: str, ids: Collection[str]) -> dict[str, Prediction]:
        folder = self.folder / "predictions" / model
        other_days = {row["prediction_id"]: row["day"] for row in self._ids.find(folder / OTHER_IDS, ids)}
        by_day: defaultdict[str, list[str]] = defaultdict(list)
        for prediction_id in ids:
            day = other_days.get(prediction_id) or _day_of_id(prediction_id)
            if day is not None:
                by_day[day].append(prediction_id)
        found = (row for day, wanted in by_day.items() for row in self._ids.find(folder / f"{day}.jsonl", wanted))
        return {row["prediction_id"]: _prediction(row) for row in found}

    def _truths(
        self, model: str, ids: Iterable[str], known_at: datetime | None = None
    ) -> dict[str, tuple[Value, datetime]]:
        by_segment: defaultdict[str, list[str]] = defaultdict(list)
        for prediction_id in ids:
            by_segment[truth_segment(prediction_id)].append(prediction_id)
        found: dict[str, tuple[Value, datetime]] = {}
        for name, wanted in by_segment.items():
            for row in self._ids.find(self.folder / "ground_truths" / model / name, wanted):
                received = parse_time(row["received_time"])
                # The last line of an id is the one in force.
                if known_at is None or received <= known_at:
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


def _decide_predictions(rows: Sequence[Prediction], stored: Mapping[str, Prediction]) -> Decided[Prediction]:
    """Decide a batch. First comes where predictions lie whose ids do not tell, then the predictions.

    So an entry without a row may be left behind, which does no harm; a row without its entry would.
    """
    to_store, receipt = decide_predictions(rows, stored)
    others: list[bytes] = []
    by_day: defaultdict[date, list[bytes]] = defaultdict(list)
    for row in to_store:
        day, time_of_id = row.time.date(), id_time(row.prediction_id)
        if time_of_id is None or time_of_id.date() != day:
            others.append(encode_line({"prediction_id": row.prediction_id, "day": day.isoformat()}))
        by_day[day].append(encode_line(_prediction_row(row)))
    contents = {OTHER_IDS: b"".join(others)}
    contents |= {f"{day.isoformat()}.jsonl": b"".join(lines) for day, lines in sorted(by_day.items())}
    return Decided(to_store, contents, receipt)


def _decide_truths(rows: Sequence[GroundTruth], stored: Mapping[str, Value]) -> Decided[GroundTruth]:
    to_store, receipt = decide_truths(rows, stored)
    by_segment: defaultdict[str, list[bytes]] = defaultdict(list)
    for row in to_store:
        by_segment[truth_segment(row.prediction_id)].append(encode_line(_truth_row(row)))
    return Decided(to_store, {name: b"".join(lines) for name, lines in sorted(by_segment.items())}, receipt)


def _prediction_row(row: Prediction) -> dict[str, Any]:
    found = {
        "prediction_id": row.prediction_id,
        "time": _time_text(row.time),
        "version": row.version,
        "value": row.value,
        "score": row.score,
        "features": row.features,
    }
    return found if row.scores is None else found | {"scores": row.scores}


@lru_cache(maxsize=16)
def _time_text(time: datetime) -> str:
    """Return a time as text; the rows of a batch often share theirs, and writing it costs as much as the whole line."""
    return format_time(time)


def _prediction_columns(row: Mapping[str, Any]) -> list[Any]:
    time = parse_time(row["time"])
    return [row["prediction_id"], time, row["version"], row["value"], row["score"], row["features"], row.get("scores")]


def _prediction(row: Mapping[str, Any]) -> Prediction:
    return Prediction(**{**row, "time": parse_time(row["time"])})


def _truth_row(row: GroundTruth) -> dict[str, Any]:
    return {
        "prediction_id": row.prediction_id,
        "value": row.value,
        "received_time": format_time(row.received_time),
        "correct": row.correct,
    }
