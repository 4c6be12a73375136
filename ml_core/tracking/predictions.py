"""What was tracked of single predictions: what was said of each when it was made, and what became known later.

Every call adds a line, a metric point without a value, and none is ever replaced: it starts at the prediction's place
in time and ends when the call came, so what is known of a prediction is the sum of its lines, and was known at any
earlier time. A prediction keeps the place of its first line, whatever later ones say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from ml_core.clock import Clock
from ml_core.ids import id_time
from ml_core.masking import Masking
from ml_core.records import Feature, MetricPoint
from ml_core.store.base import Store
from ml_core.store.companions import DELAYED, MADE, tracked_name
from ml_core.tracking.names import FIRST_TIME, LAST_TIME, RESOLUTION, milliseconds_of, time_of

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TrackedPrediction:
    """All that is known of one prediction; times are milliseconds since 1970."""

    prediction_id: str
    start_ms: int
    end_ms: int
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewLine:
    """What one call says of a prediction when it is made."""

    prediction_id: str
    start_ms: int
    end_ms: int
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Line:
    prediction_id: str
    metric: str
    place: datetime
    received_time: datetime
    details: Mapping[str, Any]


class TrackedPredictions:
    """The predictions tracked of any model; names that are masked are tracked without their values."""

    def __init__(self, store: Store, clock: Clock, masking: Masking | None = None) -> None:
        self.store = store
        self.clock = clock
        self.masking = masking or Masking()

    def add(self, model: str, line: NewLine) -> None:
        """Track metrics of a prediction, beside or in place of those of the same names tracked before."""
        begun = time_of(line.start_ms)
        known = self._first_lines(model, line.prediction_id, _near(line.prediction_id, begun))
        self.store.put_metric_points([self._point(model, line, known)])

    def add_new(self, model: str, lines: Sequence[NewLine]) -> None:
        """Track metrics of predictions whose ids were made just now."""
        self.store.put_metric_points([self._point(model, line, ()) for line in lines])

    def add_delayed(self, model: str, prediction_id: str, metrics: Mapping[str, Any]) -> bool:
        """Track what became known later of a prediction; False, with nothing stored, if nobody knows the prediction.

        Known are those that were tracked, and those that were logged under an id made by the suite.
        """
        known = self._first_lines(model, prediction_id, self._everywhere(prediction_id))
        place = known[0].place if known else self._logged_time(model, prediction_id)
        if place is None:
            return False
        details = {"metrics": self._masked(model, metrics)}
        self.store.put_metric_points([self._as_point(model, DELAYED, prediction_id, place, known, details)])
        return True

    def find(self, model: str, prediction_id: str) -> TrackedPrediction | None:
        """Return all that was tracked of a prediction, or None."""
        lines = self._first_lines(model, prediction_id, self._everywhere(prediction_id))
        return _merged(lines) if lines else None

    def read(
        self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None
    ) -> list[TrackedPrediction]:
        """Return the predictions tracked whose place is in ``start <= time < end``, by time and id.

        With ``known_at`` they are as they were known then.
        """
        by_id: defaultdict[str, list[_Line]] = defaultdict(list)
        for line in self._lines(model, start, end, None):
            if known_at is None or line.received_time <= known_at:
                by_id[line.prediction_id].append(line)
        found = sorted(by_id.values(), key=lambda lines: (lines[0].place, lines[0].prediction_id))
        return [_merged(lines) for lines in found]

    def _point(self, model: str, line: NewLine, known: Sequence[_Line]) -> MetricPoint:
        metrics = self._masked(model, line.metrics)
        details = {"start_ms": line.start_ms, "end_ms": line.end_ms, "metrics": metrics}
        place = known[0].place if known else time_of(line.start_ms)
        return self._as_point(model, MADE, line.prediction_id, place, known, details)

    def _as_point(
        self,
        model: str,
        metric: str,
        prediction_id: str,
        place: datetime,
        known: Sequence[_Line],
        details: Mapping[str, Any],
    ) -> MetricPoint:
        now = self.clock.now()
        # Of two calls at one moment the second must not replace the first.
        end = max([now, place + RESOLUTION, *(line.received_time + RESOLUTION for line in known)])
        details = {**details, "received_ms": milliseconds_of(now)}
        return MetricPoint(tracked_name(model), metric, place, end, 0, 0.0, 0.0, segment=prediction_id, details=details)

    def _masked(self, model: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.masking.mask(model, cast(Mapping[str, Feature], metrics)))

    def _lines(self, model: str, start: datetime, end: datetime, prediction_id: str | None) -> Iterator[_Line]:
        metrics = (MADE, DELAYED)
        frame = self.store.metric_table(tracked_name(model), start, end, metrics, segment=prediction_id)
        for row in frame.to_dict("records"):
            place, received_time = row["start_time"].to_pydatetime(), row["end_time"].to_pydatetime()
            yield _Line(row["segment"], row["metric"], place, received_time, row["details"])

    def _first_lines(
        self, model: str, prediction_id: str, ranges: Iterable[tuple[datetime, datetime]]
    ) -> Sequence[_Line]:
        """Return the lines of a prediction in the first of the ranges of time that has any."""
        for start, end in ranges:
            lines = sorted(self._lines(model, start, end, prediction_id), key=lambda line: line.received_time)
            if lines:
                return lines
        return ()

    def _everywhere(self, prediction_id: str) -> Iterator[tuple[datetime, datetime]]:
        """Yield where to look, the likeliest first: an embedded store reads every day of a range."""
        yield from _near(prediction_id, None)
        now = self.clock.now()
        for days in (2, 32):
            yield now - days * _DAY, now + _DAY
        yield FIRST_TIME, LAST_TIME

    def _logged_time(self, model: str, prediction_id: str) -> datetime | None:
        made = id_time(prediction_id)
        if made is None:
            return None
        ids = self.store.predictions(model, made, made + _MILLISECOND)["prediction_id"]
        return made if prediction_id in set(ids) else None


def _near(prediction_id: str, begun: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    made = id_time(prediction_id)
    if made is not None and FIRST_TIME + _HOUR <= made < LAST_TIME - _HOUR:
        yield made - _HOUR, made + _HOUR
    if begun is not None:
        yield max(begun - FIRST_TIME, _DAY) - _DAY + FIRST_TIME, min(begun, LAST_TIME - _DAY) + _DAY


def _merged(lines: Sequence[_Line]) -> TrackedPrediction:
    """Return what lines of one prediction come to; of two values of one name the later holds."""
    in_order = sorted(lines, key=lambda line: line.received_time)
    metrics: dict[str, Any] = {}
    first = milliseconds_of(in_order[0].place)
    start, end = first, first  # of one that was logged, and tracked only later
    for line in in_order:
        metrics |= line.details["metrics"]
        if line.metric == MADE:
            start, end = line.details["start_ms"], line.details["end_ms"]
    return TrackedPrediction(in_order[0].prediction_id, start, end, metrics)
