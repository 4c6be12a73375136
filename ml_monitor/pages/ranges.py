"""The time that a page shows: one of five usual spans up to now, or two given times, cut into windows for a chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ml_core.clock import parse_time
from ml_core.errors import FieldError, InvalidInput

SPANS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
DEFAULT_SPAN = "24h"
MOST_WINDOWS = 170
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_AHEAD = timedelta(days=1)  # a prediction's time may lie that far ahead of our clock
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# Steps that a reader can name, up to half a year: enough for MOST_WINDOWS since 1970.
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 3, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 182)),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of a range, ``start <= time < end``; the range cuts the first and the last."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The time shown. ``name`` is that of a span up to now, or None if both times were given."""

    start: datetime
    end: datetime
    window_seconds: int
    name: str | None = None

    def windows(self, window_seconds: int | None = None) -> list[Window]:
        """Return the windows, aligned to the Unix epoch as the store counts them; by default of the range's size."""
        seconds = window_seconds or self.window_seconds
        found, start = [], self.start
        while start < self.end:
            end = min(aligned(start, seconds) + timedelta(seconds=seconds), self.end)
            found.append(Window(start, end))
            start = end
        return found

    def coarser_window(self, predictions: int, least: int) -> int:
        """Return the size in seconds of windows that hold ``least`` predictions on average.

        It is never below the range's own, and never so large that fewer than a dozen windows are left.
        """
        span = (self.end - self.start).total_seconds()
        wanted = span * least / max(1, predictions)
        fitting = [step for step in _STEPS if self.window_seconds <= step <= span / 12]
        return next((step for step in fitting if step >= wanted), max(fitting, default=self.window_seconds))


def aligned(time: datetime, seconds: int) -> datetime:
    """Return the last multiple of ``seconds`` since the Unix epoch that is not after ``time``."""
    step = timedelta(seconds=seconds)
    return _EPOCH + (time - _EPOCH) // step * step


def parse_range(arguments: Mapping[str, str], now: datetime) -> TimeRange:
    """Read ``range``, or ``from`` and ``to``, of a page's URL; raise ``InvalidInput`` that names each wrong one."""
    if "from" not in arguments and "to" not in arguments:
        return _up_to_now(arguments.get("range", DEFAULT_SPAN), now)
    if "range" in arguments:
        raise _invalid([FieldError("range", "give either this, or from and to")])
    times: dict[str, datetime] = {}
    errors: list[FieldError] = []
    for name in ("from", "to"):
        try:
            times[name] = parse_time(arguments[name])
        except KeyError:
            errors.append(FieldError(name, "missing; give both from and to"))
        except (ValueError, OverflowError) as error:
            errors.append(FieldError(name, str(error)))
        else:
            if not _EPOCH <= times[name] <= now + _MOST_AHEAD:
                errors.append(FieldError(name, "expected a time from 1970 to a day from now"))
    if not errors and times["from"] >= times["to"]:
        errors.append(FieldError("to", "expected a time after from"))
    if errors:
        raise _invalid(errors)
    return TimeRange(times["from"], times["to"], _window_for(times["to"] - times["from"]))


def _up_to_now(name: str, now: datetime) -> TimeRange:
    if name not in SPANS:
        raise _invalid([FieldError("range", f"expected one of {', '.join(SPANS)}")])
    seconds = _window_for(SPANS[name])
    # From the window that holds the span's first moment to the one that holds now: nothing of the span is left out.
    return TimeRange(
        aligned(now - SPANS[name], seconds), aligned(now, seconds) + timedelta(seconds=seconds), seconds, name
    )


def _window_for(span: timedelta) -> int:
    # A range that does not begin on a window's edge cuts one window in two, hence the one to spare.
    return next(step for step in _STEPS if span.total_seconds() / step <= MOST_WINDOWS - 1)


def _invalid(errors: list[FieldError]) -> InvalidInput:
    return InvalidInput("; ".join(f"{error.field}: {error.message}" for error in errors), errors)
