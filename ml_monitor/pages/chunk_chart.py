"""The chart of a number by chunk: a line with its sampling error, the bounds that it is held against, the reference.

Performance and the statistics of drift are drawn alike, so that a reader learns one chart. Left of the divider stands
what the reference gave; a mark on a chunk leads to how its columns drifted.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from ml_monitor.formatting import show_number
from ml_monitor.pages.chart_parts import LIGHT, add_hover, bokeh, edges, milliseconds, new_plot
from ml_monitor.pages.chart_skeletons import Filling, drawn, name_parts, number_format
from ml_monitor.pages.performance_reader import Performance, Promotion
from ml_monitor.pages.points import Point
from ml_monitor.pages.ranges import TimeRange

_ERRORS_SHOWN = 1.96
"""Standard errors to each side: about 95 of 100 values of an unchanged model lie that near."""
_REFERENCE_PART = 0.06


@dataclass(frozen=True, slots=True)
class ChartChunk:
    """A chunk as the chart has it; ``is_late`` draws its point hollow."""

    start: datetime
    end: datetime
    point: Point | None
    estimate: Point | None = None
    is_late: bool = False

    @property
    def judged(self) -> Point | None:
        """The point whose bounds hold."""
        if self.point is None or (self.point.value is None and self.estimate is not None):
            return self.estimate
        return self.point


def draw_performance(shown: Performance, now: datetime, link: str) -> Markup:
    """Return the chart of a metric for the place ``performance``; ``link`` ends where a chunk's start is to stand."""
    chunks = [
        ChartChunk(chunk.start, chunk.end, chunk.realised, chunk.estimated, chunk.is_late) for chunk in shown.chunks
    ]
    return draw_chunks("performance", shown.metric, chunks, shown.range, now, link, shown.reference, shown.promotions)


def draw_chunks(
    place: str,
    label: str,
    chunks: Sequence[ChartChunk],
    time_range: TimeRange,
    now: datetime,
    link: str,
    reference: float | None = None,
    promotions: Sequence[Promotion] = (),
) -> Markup:
    """Return a chart of chunks, at least one; a chunk without a value stays a gap."""
    columns = edges(chunks, now)
    columns["middle"] = [(left + right) / 2 for left, right in zip(columns["left"], columns["right"], strict=True)]
    columns["link"] = [f"{link}{chunk.start:%Y-%m-%dT%H:%M:%SZ}" for chunk in chunks]
    for name, points in (
        ("realised", [chunk.point for chunk in chunks]),
        ("estimated", [chunk.estimate for chunk in chunks]),
    ):
        columns[name] = [_number(point.value if point else None) for point in points]
        columns[f"{name}_shown"] = [_shown(point) for point in points]
    columns["error_low"], columns["error_high"] = _errors([chunk.point for chunk in chunks])
    judged = [chunk.judged for chunk in chunks]
    for name in ("lower", "upper"):
        columns[name] = [_number(getattr(point, name) if point else None) for point in judged]
    columns["bounds_shown"] = [_bounds(point) for point in judged]
    bad, late = _places(columns, chunks)
    drawn_values = ("realised", "estimated", "lower", "upper", "error_low", "error_high")
    low, high = _span([value for name in drawn_values for value in columns[name]] + [_number(reference)])
    start, end = milliseconds(time_range.start), milliseconds(time_range.end)
    zone = (end - start) * _REFERENCE_PART if reference is not None else 0.0
    sources: dict[str, dict[str, list[Any]]] = {
        "chunks": columns,
        "bad": bad,
        "late": late,
        "reference": {
            "left": [start - zone] if zone else [],
            "middle": [start - zone / 2] if zone else [],
            "divider": [start] if zone else [],
            "end": [end] if zone else [],
            "value": [reference] if zone else [],
            "low": [low] if zone else [],
            "high": [high] if zone else [],
        },
        "promotions": {
            "time": [milliseconds(each.time) for each in promotions],
            "low": [low for _ in promotions],
            "high": [high for _ in promotions],
            "text": [f" v{each.version}" for each in promotions],
        },
    }
    ranges = {"x": (start - zone, end), "y": (low, high)}
    return drawn(place, _build, Filling(sources, ranges, label, number_format(low, high)))


def _build() -> Any:
    models = bokeh("models")
    names = ("left", "right", "start", "end", "middle", "link", "lower", "upper", "bounds_shown")
    values = ("realised", "estimated", "realised_shown", "estimated_shown", "error_low", "error_high")
    chunks = models.ColumnDataSource({name: [] for name in (*names, *values)}, name="chunks")
    marks = {name: models.ColumnDataSource({"middle": [], "value": []}, name=name) for name in ("bad", "late")}
    zone = ("left", "middle", "divider", "end", "value", "low", "high")
    reference = models.ColumnDataSource({name: [] for name in zone}, name="reference")
    promotions = models.ColumnDataSource({name: [] for name in ("time", "low", "high", "text")}, name="promotions")
    now = datetime(2026, 1, 1)
    plot = new_plot(TimeRange(now, now + timedelta(days=1), 60), "value", models.Range1d(0, 1))
    name_parts(plot)
    plot.quad("left", "divider", "high", "low", source=reference, color=LIGHT["quiet"], alpha=0.5, level="underlay")
    plot.segment("divider", "low", "divider", "high", source=reference, color=LIGHT["reference"], line_width=1)
    plot.segment("left", "value", "end", "value", source=reference, color=LIGHT["reference"], line_alpha=0.5)
    plot.scatter("middle", "value", source=reference, color=LIGHT["reference"], size=8, marker="square")
    plot.quad("left", "right", "upper", "lower", source=chunks, color=LIGHT["series"], alpha=0.05, level="underlay")
    for name in ("lower", "upper"):
        plot.segment("left", name, "right", name, source=chunks, color=LIGHT["bound"], line_dash="dotted")
    plot.segment(
        "time", "low", "time", "high", source=promotions, color=LIGHT["reference"], line_dash="dotdash", line_width=1
    )
    plot.text(
        "time",
        "high",
        text="text",
        source=promotions,
        text_font_size="11px",
        text_color=LIGHT["ink"],
        text_baseline="top",
    )
    plot.segment("middle", "error_low", "middle", "error_high", source=chunks, color=LIGHT["band"], line_width=3)
    plot.line("middle", "estimated", source=chunks, color=LIGHT["class-2"], line_width=2, line_dash="dashed")
    estimates = plot.scatter("middle", "estimated", source=chunks, color=LIGHT["class-2"], size=5, marker="diamond")
    plot.line("middle", "realised", source=chunks, color=LIGHT["series"], line_width=2)
    points = plot.scatter("middle", "realised", source=chunks, color=LIGHT["series"], size=7)
    plot.scatter("middle", "value", source=marks["late"], fill_color=LIGHT["paper"], line_color=LIGHT["series"], size=7)
    plot.scatter("middle", "value", source=marks["bad"], color=LIGHT["bad"], size=10, marker="diamond")
    tap = models.TapTool(
        renderers=[points, estimates], callback=models.OpenURL(url="@link", same_tab=True), visible=False
    )
    plot.add_tools(tap)
    lines = [("value", "@realised_shown"), ("estimated", "@estimated_shown"), ("bounds", "@bounds_shown")]
    add_hover(plot, points, lines)
    return plot


def _places(
    columns: dict[str, list[Any]], chunks: Sequence[ChartChunk]
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Return where bad chunks and late ones are marked."""
    bad: dict[str, list[Any]] = {"middle": [], "value": []}
    late: dict[str, list[Any]] = {"middle": [], "value": []}
    for middle, chunk in zip(columns["middle"], chunks, strict=True):
        judged = chunk.judged
        if judged is not None and judged.value is not None and judged.state == "beyond":
            bad["middle"].append(middle)
            bad["value"].append(judged.value)
        elif chunk.is_late and chunk.point is not None and chunk.point.value is not None:
            late["middle"].append(middle)
            late["value"].append(chunk.point.value)
    return bad, late


def _errors(points: Sequence[Point | None]) -> tuple[list[float], list[float]]:
    lows, highs = [], []
    for point in points:
        known = point is not None and point.value is not None and point.standard_error is not None
        width = _ERRORS_SHOWN * (point.standard_error or 0.0) if point is not None else 0.0
        value = point.value if point is not None and point.value is not None else math.nan
        lows.append(value - width if known else math.nan)
        highs.append(value + width if known else math.nan)
    return lows, highs


def _span(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    # Values at the ends of float64 leave no room for a margin.
    return max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max)


def _number(value: float | None) -> float:
    return math.nan if value is None else value  # at which Bokeh interrupts a line


def _shown(point: Point | None) -> str:
    if point is None:
        return "none"
    return f"undefined: {point.undefined}" if point.value is None else show_number(point.value)


def _bounds(point: Point | None) -> str:
    bounds = [show_number(bound) for bound in (point.lower, point.upper) if bound is not None] if point else []
    return " to ".join(bounds) or "none"
