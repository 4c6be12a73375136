"""The chart of a model's headline metric by chunk: realised, estimated, and the bounds that it is held against."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ml_monitor.formatting import show_number
from ml_monitor.pages.chart_parts import LIGHT, add_hover, bokeh, draw_items, edges, new_plot
from ml_monitor.pages.checked import Performance, Point


def draw_performance(shown: Performance, now: datetime) -> dict[str, dict[str, Any]]:
    """Return what the browser draws in the place ``performance``; a chunk without a value stays a gap."""
    models = bokeh("models")
    columns = edges(shown.chunks, now)
    columns["middle"] = [(left + right) / 2 for left, right in zip(columns["left"], columns["right"], strict=True)]
    realised = [chunk.realised for chunk in shown.chunks]
    estimated = [chunk.estimated for chunk in shown.chunks]
    for name, points in (("realised", realised), ("estimated", estimated)):
        columns[name] = [_number(point.value if point else None) for point in points]
        columns[f"{name}_shown"] = [_shown(point) for point in points]
    bounded = [each.judged for each in shown.chunks]
    for name in ("lower", "upper"):
        columns[name] = [_number(getattr(point, name) if point else None) for point in bounded]
    columns["bounds_shown"] = [_bounds(point) for point in bounded]
    source = models.ColumnDataSource(columns)
    series = ("realised", "estimated", "lower", "upper")
    plot = new_plot(shown.range, shown.metric, _y_range([value for name in series for value in columns[name]]))
    for name in ("lower", "upper"):
        plot.segment("left", name, "right", name, source=source, color=LIGHT["reference"], line_dash="dashed")
    if shown.has_estimates:
        plot.line("middle", "estimated", source=source, color=LIGHT["class-2"], line_width=2, line_dash="dotted")
        plot.scatter("middle", "estimated", source=source, color=LIGHT["class-2"], size=6, marker="diamond")
    plot.line("middle", "realised", source=source, color=LIGHT["series"], line_width=2)
    marks = plot.scatter("middle", "realised", source=source, color=LIGHT["series"], size=6)
    lines = [("realised", "@realised_shown"), ("estimated", "@estimated_shown"), ("bounds", "@bounds_shown")]
    add_hover(plot, marks, lines if shown.has_estimates else [lines[0], lines[2]])
    return draw_items({"performance": plot})


def _y_range(values: Sequence[float]) -> Any:
    known = [value for value in values if not math.isnan(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    # Values at the ends of float64 leave no room for a margin.
    return bokeh("models").Range1d(max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max))


def _number(value: float | None) -> float:
    return math.nan if value is None else value  # at which Bokeh interrupts a line


def _shown(point: Point | None) -> str:
    if point is None:
        return "none"
    return f"undefined: {point.undefined}" if point.value is None else show_number(point.value)


def _bounds(point: Point | None) -> str:
    bounds = [show_number(bound) for bound in (point.lower, point.upper) if bound is not None] if point else []
    return " to ".join(bounds) or "none"
