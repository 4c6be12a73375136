"""What happened in a replay, in order of time: alerts, requests, challengers, promotions, and the error day by day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from ml_core.clock import format_time
from ml_core.files import replace_file
from ml_core.process_parts import ProcessParts
from ml_core.retraining.history import list_events
from ml_core.store.base import Store

Kind = Literal["alert", "warning", "retraining", "champion", "failure"]
_MOVED = " -> "


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that would have happened."""

    time: datetime
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Day:
    """The error of a day and the bound that it must not exceed, either None if there is none."""

    start_time: datetime
    value: float | None
    upper: float | None


@dataclass(slots=True)
class Timeline:
    """A replay of one model from ``start`` to ``end``; ``metric`` is that of ``days``."""

    model: str
    start: datetime
    end: datetime
    metric: str
    happenings: list[Happening] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    checks: int = 0
    retrains: int = 0

    def add_check(self, now: datetime, output: str) -> None:
        """Note a check by the lines it wrote: alerts that moved."""
        self.checks += 1
        for line in output.splitlines():
            if _MOVED in line and line.startswith(f"{self.model}: "):
                self.happenings.append(Happening(now, "alert", line.removeprefix(f"{self.model}: ")))

    def add_warnings(self, store: Store, metric: str, probability: str) -> None:
        """Note where forecasts began and ceased to warn: by metric points that are 1 where they do, else 0."""
        points = store.metric_points(self.model, [metric, probability], self.start, self.end)
        chances = {point.start_time: point.total for point in points if point.metric == probability}
        before = False
        for point in (each for each in points if each.metric == metric):
            is_warned = point.total > 0
            if is_warned != before:
                chance = f"{probability} {chances.get(point.start_time, math.nan):.2f}"
                text = f"{metric} {'begins' if is_warned else 'ends'}: {chance}"
                self.happenings.append(Happening(point.end_time, "warning", text))
            before = is_warned

    def count(self, word: str) -> int:
        """Return how many things happened to versions that are told by a word, such as ``promoted``."""
        return sum(each.kind == "retraining" and each.text.startswith(word) for each in self.happenings)

    def finish(self, parts: ProcessParts) -> None:
        """Add what the store of the replay holds in the end: retraining, champions, and the error by day."""
        for event in list_events(parts.store, self.model):
            if event.time <= self.start:
                continue  # the version that it begins with was trained then
            self.happenings.append(Happening(event.time, "retraining", f"{event.what} by {event.who}: {event.why}"))
        model = parts.registry.find(self.model)
        for change in model.stage_changes:
            self.happenings.append(
                Happening(change.time, "champion", f"version {change.version} serves ({change.action})")
            )
        self.happenings.sort(key=lambda each: each.time)
        prefix = f"day/performance/{self.metric}"
        for point in parts.store.metric_points(self.model, [prefix], self.start, self.end, segment=""):
            if point.metric == prefix:
                uppers = [verdict.get("upper") for verdict in point.details.get("verdicts", {}).values()]
                known = [upper for upper in uppers if upper is not None]
                self.days.append(Day(point.start_time, point.details.get("value"), min(known, default=None)))
        self.days.sort(key=lambda day: day.start_time)

    def lines(self) -> list[str]:
        """Return it for people to read."""
        first = (
            f"{self.model} from {format_time(self.start)} to {format_time(self.end)}: {self.checks} checks, "
            f"{self.count('trained')} trained anew, {self.count('promoted')} promoted"
        )
        return [first, *(f"{format_time(each.time)}  {each.kind:<10}  {each.text}" for each in self.happenings)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "model": self.model,
            "start": format_time(self.start),
            "end": format_time(self.end),
            "checks": self.checks,
            "trained": self.count("trained"),
            "promoted": self.count("promoted"),
            "metric": self.metric,
            "happenings": [
                {"time": format_time(each.time), "kind": each.kind, "text": each.text} for each in self.happenings
            ],
            "days": [
                {"time": format_time(day.start_time), "value": day.value, "upper": day.upper} for day in self.days
            ],
        }

    def write(self, folder: Path) -> Sequence[Path]:
        """Write it below a folder as text, JSON and, if any day has an error, as a picture; return the files."""
        files = [folder / "replay.txt", folder / "replay.json"]
        replace_file(files[0], ("\n".join(self.lines()) + "\n").encode())
        replace_file(files[1], orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2))
        if any(day.value is not None for day in self.days):
            files.append(folder / "replay.png")
            replace_file(files[2], self._picture())
        return files

    def _picture(self) -> bytes:
        from ml_core.plots import Limit, Line, Mark, time_chart

        times = [day.start_time for day in self.days]
        uppers = [day.upper for day in self.days]
        limits = [Limit("bound", uppers)] if any(upper is not None for upper in uppers) else []
        marks = [
            Mark(each.text.split(":")[0].split(" (")[0], each.time)
            for each in self.happenings
            if each.kind == "champion" and each.time > self.start
        ]
        marks += [Mark("fires", each.time) for each in self.happenings if each.text.endswith("-> firing")]
        line = Line(self.metric, times, [day.value for day in self.days])
        return time_chart(f"{self.model}: {self.metric} by day", self.metric, [line], limits=limits, marks=marks)
