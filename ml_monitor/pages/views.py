"""How a page was asked for: its range of time, how often it renews itself, and the links that keep both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_monitor.pages.ranges import SPANS, TimeRange, parse_range

REFRESHES = {"off": 0, "30s": 30, "1m": 60, "5m": 300}
"""How often a page may renew itself, and that in seconds."""
_RANGE_ARGUMENTS = ("range", "from", "to", "zone")
_FORM_ARGUMENTS = ("format", "chart", "done")
"""What asks for another form of a page, or tells of what was just done, belongs in no link to look at it again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links of which one is chosen."""

    label: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class View:
    """How a page was asked for; ``arguments`` are those of its URL, and ``path`` is its own."""

    path: str
    range: TimeRange
    refresh: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def refresh_seconds(self) -> int:
        """After how many seconds the page renews itself; 0 for never."""
        return REFRESHES[self.refresh]

    @property
    def is_fixed(self) -> bool:
        """Whether the range has two given ends, so that there is nothing new to wait for."""
        return self.range.name is None

    @property
    def range_query(self) -> str:
        """The part of a URL that asks for the same range again."""
        if self.range.name:
            return urlencode({"range": self.range.name})
        return urlencode({"from": format_time(self.range.start), "to": format_time(self.range.end)})

    def link(self, path: str, **arguments: object) -> str:
        """Return the address of another page, with the range and the refresh that were chosen here."""
        return _address(path, {**self._kept(), **_given(arguments)})

    def here(self, **changes: object) -> str:
        """Return the address of this page with some arguments changed; one that becomes None or empty is left out."""
        own = {name: value for name, value in self.arguments.items() if name not in _FORM_ARGUMENTS}
        if "range" in changes:
            own = {name: value for name, value in own.items() if name not in _RANGE_ARGUMENTS}
        own = {name: value for name, value in own.items() if name not in changes}
        return _address("", {**own, **_given(changes)}) or self.path

    def spans(self) -> list[Choice]:
        """Return the usual spans up to now as links to this page."""
        return [Choice(name, self.here(range=name), name == self.range.name) for name in SPANS]

    def refreshes(self) -> list[Choice]:
        """Return how often this page can renew itself, as links to it."""
        return [
            Choice(name, self.here(refresh=None if name == "off" else name), name == self.refresh) for name in REFRESHES
        ]

    def hidden(self, *left_out: str) -> dict[str, str]:
        """Return the arguments that a form of this page hands on unseen, without those that it asks for itself."""
        skipped = (*_FORM_ARGUMENTS, *left_out)
        return {name: value for name, value in self.arguments.items() if name not in skipped}

    def _kept(self) -> dict[str, str]:
        kept = {name: self.arguments[name] for name in _RANGE_ARGUMENTS if name in self.arguments}
        return kept if self.refresh == "off" else {**kept, "refresh": self.refresh}


def parse_view(path: str, arguments: Mapping[str, str], now: datetime) -> View:
    """Read the arguments that all pages share; raise ``InvalidInput`` that names each wrong one.

    A form sends times without an offset and ``zone=UTC``, since that is what a browser's own time picker gives.
    """
    refresh = arguments.get("refresh", "off")
    if refresh not in REFRESHES:
        message = f"expected one of {', '.join(REFRESHES)}"
        raise InvalidInput(f"refresh: {message}", [FieldError("refresh", message)])
    times = dict(arguments)
    if times.get("zone") == "UTC":
        times |= {name: f"{times[name]}Z" for name in ("from", "to") if times.get(name)}
    return View(path, parse_range(times, now), refresh, dict(arguments))


def form_time(time: datetime) -> str:
    """Return a UTC time as a browser's time picker takes it."""
    return f"{time:%Y-%m-%dT%H:%M:%S}" if time.second else f"{time:%Y-%m-%dT%H:%M}"


def _given(arguments: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in arguments.items() if value not in (None, "")}


def _address(path: str, arguments: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(arguments)}" if arguments else path
