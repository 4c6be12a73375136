"""The chart of a detector's scores over time, what it held to be anomalous marked."""

from __future__ import annotations

import sys
from typing import Any

from ml_monitor.formatting import show_number, show_time
from ml_monitor.pages.anomalies_reader import AnomaliesPage
from ml_monitor.pages.chart_parts import LIGHT, bokeh, draw_items, milliseconds, new_plot

_LOOKS = {"normal": ("series", "circle", 4, 0.45), "anomaly": ("class-7", "diamond", 9, 1.0)}


def draw_scores(page: AnomaliesPage) -> dict[str, dict[str, Any]]:
    """Return what the browser draws in the place ``scores``; nothing where nothing has a score."""
    if not page.points:
        return {}
    models = bokeh("models")
    scores = [point.score for point in page.points] + ([page.threshold] if page.threshold is not None else [])
    low, high = min(scores), max(scores)
    margin = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    y_range = models.Range1d(max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max))
    plot = new_plot(page.range, "anomaly score", y_range)
    for outcome, (colour, marker, size, alpha) in _LOOKS.items():
        points = [point for point in page.points if point.outcome == outcome]
        source = models.ColumnDataSource(
            {
                "time": [milliseconds(point.time) for point in points],
                "score": [point.score for point in points],
                "when": [show_time(point.time, page.time, seconds=True) for point in points],
                "shown": [show_number(point.score) for point in points],
            }
        )
        marks = plot.scatter("time", "score", source=source, color=LIGHT[colour], marker=marker, size=size, alpha=alpha)
        tooltips = [("at", "@when UTC"), ("score", "@shown"), ("held to be", outcome)]
        plot.add_tools(models.HoverTool(renderers=[marks], tooltips=tooltips, visible=False))
    if page.threshold is not None:
        threshold = models.Span(
            location=page.threshold, line_color=LIGHT["reference"], line_dash="dashed", line_width=1.5
        )
        plot.add_layout(threshold)
    return draw_items({"scores": plot})
