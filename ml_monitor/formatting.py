"""How numbers, times and labels are written for people: short, in one way everywhere, with the unit."""

from __future__ import annotations

from datetime import datetime, timedelta

from ml_core.records import Feature, Value

_LABEL_CHARACTERS = 40
_FEATURE_CHARACTERS = 200


def show_number(value: float) -> str:
    """Return a number rounded to what the eye can use: ``0.9165``, ``81,331``, ``2.2e-16``."""
    size = abs(value)
    if isinstance(value, int) or (size < 1e15 and float(value).is_integer()):
        return f"{int(value):,}" if size < 1e15 else f"{value:.3e}"
    if size >= 1e15 or size < 1e-4:
        return f"{value:.2e}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if size < 1 else f"{value:.4g}"


def show_short(value: float) -> str:
    """Return a number in as few characters as tell it apart in a sentence: ``0.57``, ``4.1k``, ``33k``, ``1.2M``."""
    size = abs(value)
    for unit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit <= size < 1e15 and not (letter == "k" and size < 2000):
            part = value / unit
            return f"{part:.0f}{letter}" if abs(part) >= 10 else f"{part:.1f}{letter}".replace(".0", "")
    if size >= 1e15 or (0 < size < 0.001):
        return f"{value:.1e}"
    if size >= 100 or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.2f}" if size < 10 else f"{value:.1f}"


def show_share(share: float) -> str:
    """Return a share of 0 to 1 as percent with one decimal; what is there but rounds to none is ``under 0.1 %``."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.1f} %"


def show_time(time: datetime, now: datetime, *, seconds: bool = False) -> str:
    """Return a UTC time such as ``12 Nov 14:02``, with the year if it is not this one."""
    day = f"{time.day} {time:%b}" if time.year == now.year else f"{time.day} {time:%b %Y}"
    return f"{day} {time:%H:%M:%S}" if seconds else f"{day} {time:%H:%M}"


def show_start(time: datetime, now: datetime) -> str:
    """Return the UTC time at which a chunk starts: the day alone if it starts with the day."""
    return show_time(time, now).removesuffix(" 00:00")


def show_day(time: datetime, now: datetime) -> str:
    """Return the day of a UTC time, such as ``11 Nov``, with the year if it is not this one."""
    return show_time(time, now).rsplit(" ", 1)[0]


def show_duration(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: ``30 s``, ``10 min``, ``6 h``, ``3 days``."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            amount = seconds / size
            shown = f"{amount:.0f}" if amount >= 10 else f"{amount:.1f}".removesuffix(".0")
            return f"{shown} {'day' if unit == 'days' and shown == '1' else unit}"
    return f"{seconds:.0f} s"


def show_took(seconds: float) -> str:
    """Return how long something took: tenths of a second while they matter, else as ``show_duration``."""
    return f"{seconds:.1f} s" if seconds < 10 else show_duration(seconds)


def show_age(time: datetime, now: datetime) -> str:
    """Return how long ago a time was, in whole minutes: ``3 min ago``; ``just now`` for less than one."""
    minutes = (now - time) // timedelta(minutes=1)
    if minutes < 1:
        return "just now"
    return f"{show_duration(minutes * 60)} ago"


def label_of(value: Value) -> str:
    """Return a value as the label of a class: ``1`` for 1.0, else its text."""
    if isinstance(value, str):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def show_feature(value: Feature) -> str:
    """Return a feature as JSON has it, without the quotes of a text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return shorten(label_of(value), _FEATURE_CHARACTERS)


def shorten(text: str, characters: int = _LABEL_CHARACTERS) -> str:
    """Return a text that clients chose, cut where it would break a page's lines."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def short_id(prediction_id: str) -> str:
    """Return what tells a prediction's id from its neighbours' at a glance: the end, where UUIDv7 ids differ."""
    return prediction_id if len(prediction_id) <= 12 else f"…{prediction_id[-10:]}"
