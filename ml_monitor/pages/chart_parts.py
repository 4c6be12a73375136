"""What all charts of the pages have in common: their colours, axes and hovers, and how Bokeh is imported.

Bokeh is imported when the first chart is made: a process that only shows the overview does without.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from ml_monitor.formatting import show_number, show_time
from ml_monitor.pages.ranges import TimeRange

# Each colour on a light page and on a dark one; dashboard.css has the same for the legends, as --chart-<name>.
COLOURS: dict[str, tuple[str, str]] = {
    "series": ("#2b6cb0", "#7db3ec"),
    "band": ("#8fb8e0", "#3f6d9e"),
    "wide-band": ("#d3e3f4", "#25405f"),
    "reference": ("#6f7b8a", "#9aa7b6"),
    "quiet": ("#dfe5ec", "#313d4c"),
    "bound": ("#b0503f", "#d98a7c"),
    "bad": ("#a8341f", "#f09a88"),
    "paper": ("#ffffff", "#19202a"),
    "ink": ("#4a5565", "#b4c0cd"),
    "grid": ("#e4e9ef", "#2b3542"),
    "class-1": ("#2a6db2", "#7cb2eb"),
    "class-2": ("#d98324", "#e8a255"),
    "class-3": ("#3c9d77", "#5fbf98"),
    "class-4": ("#a4569b", "#c981c0"),
    "class-5": ("#b8a02e", "#d3bf56"),
    "class-6": ("#52a9c9", "#74c3e0"),
    "class-7": ("#c4503f", "#e57f6f"),
    "class-8": ("#7d6bc4", "#a294e0"),
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
DARK = dict(COLOURS.values())
_FONT = "system-ui, sans-serif"
_HEIGHT = 256
_TIME_FORMATS = {
    "seconds": "%H:%M:%S",
    "minsec": "%H:%M:%S",
    "minutes": "%H:%M",
    "hourmin": "%H:%M",
    "hours": "%H:%M",
    "days": "%d %b",
    "months": "%b %Y",
    "years": "%Y",
}
# The day below the first tick, where ticks are times of day.
_DAY_FORMATS = {unit: "%d %b" if "%H" in shown else "" for unit, shown in _TIME_FORMATS.items()}


class Window(Protocol):
    """What has a start and an end."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


def draw_items(plots: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the browser needs to draw plots, each in the place of its name."""
    # As much room on the left of each, so that one moment lies at one place in all.
    widest = max(_label_width(plot.y_range) for plot in plots.values())
    for plot in plots.values():
        plot.min_border_left = 34 + 7 * widest
    embed = bokeh("embed")
    return {name: {"item": embed.json_item(plot, f"chart-{name}"), "dark": DARK} for name, plot in plots.items()}


def new_plot(time_range: TimeRange, y_label: str, y_range: Any) -> Any:
    """Return an empty plot over a range of time, in the look of the pages."""
    models = bokeh("models")
    plot = bokeh("plotting").figure(
        x_axis_type="datetime",
        x_range=models.Range1d(milliseconds(time_range.start), milliseconds(time_range.end)),
        y_range=y_range,
        sizing_mode="stretch_width",
        height=_HEIGHT,
        tools=[models.BoxZoomTool(dimensions="width"), models.ResetTool()],
        active_drag=None,  # a finger on the chart scrolls the page
        toolbar_location="above",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_right=4,
    )
    plot.toolbar.logo = None
    plot.xaxis.axis_label, plot.yaxis.axis_label = "time (UTC)", y_label
    plot.xaxis.formatter = models.DatetimeTickFormatter(
        **_TIME_FORMATS,
        context=models.DatetimeTickFormatter(**_DAY_FORMATS),
        context_which="start",
    )
    plot.yaxis.formatter = (
        models.NumeralTickFormatter(format="0,0") if _is_long(y_range) else models.BasicTickFormatter()
    )
    plot.yaxis.ticker.desired_num_ticks = 5
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.major_label_policy = models.NoOverlap()  # a narrow screen has room for fewer
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.axis_label_text_font = axis.major_label_text_font = _FONT
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
        axis.axis_label_text_color = axis.major_label_text_color = LIGHT["ink"]
    plot.xgrid.grid_line_color, plot.ygrid.grid_line_color = None, LIGHT["grid"]
    return plot


def _is_long(y_range: Any) -> bool:
    """Return whether the axis has whole numbers that need their thousands set apart, and not yet powers of ten."""
    return bool(10_000 <= max(abs(y_range.start), abs(y_range.end)) < 1e12)


def _label_width(y_range: Any) -> int:
    """Return the number of characters that the labels of an axis need, about."""
    ends = [round(end) if _is_long(y_range) else end for end in (y_range.start, y_range.end)]
    return max(len(show_number(end)) for end in ends)


def add_hover(plot: Any, renderer: Any, lines: list[tuple[str, str]]) -> None:
    """Let a chart tell a window's times and more lines of its data where the mouse rests on it."""
    models = bokeh("models")
    tooltips = [("from", "@start UTC"), ("to", "@end UTC"), *lines]
    plot.add_tools(models.HoverTool(renderers=[renderer], tooltips=tooltips, visible=False))


def edges(windows: Sequence[Window], now: datetime) -> dict[str, list[Any]]:
    """Return the columns that say where each window lies, and how its times are shown."""
    return {
        "left": [milliseconds(window.start) for window in windows],
        "right": [milliseconds(window.end) for window in windows],
        "start": [show_time(window.start, now, seconds=True) for window in windows],
        "end": [show_time(window.end, now, seconds=True) for window in windows],
    }


def bokeh(module: str) -> Any:
    """Import a module of Bokeh; as Any, since its annotations do not know the keyword forms that its manual teaches."""
    return import_module(f"bokeh.{module}")


def milliseconds(time: datetime) -> float:
    """Return a time as the axis of time counts it."""
    return time.timestamp() * 1000  # Bokeh's datetime axis shows these as they are: in UTC


def range_around(values: Iterable[float]) -> Any:
    """Return the range of an axis that holds all values, with a margin; from 0 to 1 for none."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    # Values at the ends of float64 leave no room for a margin.
    return bokeh("models").Range1d(max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max))
