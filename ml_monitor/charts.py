"""The charts of the model page, as Bokeh documents that the browser draws.

Every window is a bar or a box of its own, so a window without predictions stays a gap. Bokeh is imported when the first
chart is made: a process that only shows the overview does without.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from ml_monitor.distribution import OTHER, Distribution, LabelDistribution, NumberDistribution
from ml_monitor.formatting import shorten, show_duration, show_number, show_share, show_time
from ml_monitor.ranges import TimeRange
from ml_monitor.traffic import Volume

# Each colour on a light page and on a dark one; dashboard.css has the same for the legends, as --chart-<name>.
COLOURS: dict[str, tuple[str, str]] = {
    "series": ("#2b6cb0", "#7db3ec"),
    "band": ("#8fb8e0", "#3f6d9e"),
    "wide-band": ("#d3e3f4", "#25405f"),
    "reference": ("#6f7b8a", "#9aa7b6"),
    "quiet": ("#dfe5ec", "#313d4c"),
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
_LIGHT = {name: light for name, (light, _) in COLOURS.items()}
_DARK = dict(COLOURS.values())
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


class _Window(Protocol):
    """What has a start and an end."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


def draw_charts(
    volume: Volume, shown: Distribution | None, time_range: TimeRange, now: datetime
) -> dict[str, dict[str, Any]]:
    """Return what the browser draws: ``volume``, and ``distribution`` where there is one, with one time axis."""
    plots = {"volume": _volume_plot(volume, time_range, now)}
    if isinstance(shown, NumberDistribution):
        plots["distribution"] = _quantile_plot(shown, time_range, now)
    elif shown is not None:
        plots["distribution"] = _share_plot(shown, time_range, now)
    # As much room on the left of each, so that one moment lies at one place in both.
    widest = max(_label_width(plot.y_range) for plot in plots.values())
    for plot in plots.values():
        plot.min_border_left = 34 + 7 * widest
    embed = _bokeh("embed")
    return {name: {"item": embed.json_item(plot, f"chart-{name}"), "dark": _DARK} for name, plot in plots.items()}


def axis_note(shown: Distribution | None) -> str:
    """Return what a reader must know of an axis of shares that ends below 100 %."""
    if not isinstance(shown, LabelDistribution) or _axis_end(shown) == 100:
        return ""
    return f"; the axis ends at {_axis_end(shown):g} %"


def _volume_plot(volume: Volume, time_range: TimeRange, now: datetime) -> Any:
    models = _bokeh("models")
    windows = [window for window in volume.windows if window.count]
    columns = _edges(windows, now)
    columns["count"] = [window.count for window in windows]
    columns["shown"] = [f"{window.count:,}" for window in windows]
    source = models.ColumnDataSource(columns)
    label = f"predictions per {show_duration(volume.window_seconds)}"
    plot = _plot(time_range, label, models.Range1d(0, max(columns["count"], default=1) * 1.08))
    plot.yaxis.ticker.min_interval = 1  # there is no half a prediction
    bars = plot.quad("left", "right", "count", 0, source=source, color=_LIGHT["series"], line_color=None)
    _add_hover(plot, bars, [("predictions", "@shown")])
    return plot


def _quantile_plot(shown: NumberDistribution, time_range: TimeRange, now: datetime) -> Any:
    models = _bokeh("models")
    names = ("p5", "p25", "p50", "p75", "p95")
    columns: dict[str, list[Any]] = _edges(shown.windows, now)
    columns["count"] = [f"{window.count:,}" for window in shown.windows]
    for name in names:
        columns[name] = [getattr(window.quantiles, name) for window in shown.windows]
        columns[f"{name}_shown"] = [show_number(value) for value in columns[name]]
    source = models.ColumnDataSource(columns)
    known = [*columns["p5"], *columns["p95"]]
    if shown.reference:
        known += [shown.reference.p5, shown.reference.p95]
    low, high = min(known), max(known)
    margin = (high - low) * 0.06 or abs(high) * 0.06 or 1.0
    # Values at the ends of float64 leave no room for a margin.
    y_range = models.Range1d(max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max))
    plot = _plot(time_range, "predicted value", y_range)
    wide = plot.quad("left", "right", "p95", "p5", source=source, color=_LIGHT["wide-band"])
    plot.quad("left", "right", "p75", "p25", source=source, color=_LIGHT["band"])
    plot.segment("left", "p50", "right", "p50", source=source, color=_LIGHT["series"], line_width=2)
    if shown.reference:
        # Lines over the data rather than a filled band: both stay readable where they overlap.
        for level, dash in (
            (shown.reference.p5, "dotted"),
            (shown.reference.p50, "dashed"),
            (shown.reference.p95, "dotted"),
        ):
            plot.add_layout(models.Span(location=level, line_color=_LIGHT["reference"], line_dash=dash, line_width=1.5))
        plot.add_layout(
            models.BoxAnnotation(
                bottom=shown.reference.p5,
                top=shown.reference.p95,
                fill_color=_LIGHT["reference"],
                fill_alpha=0.08,
                line_color=None,
                level="underlay",
            )
        )
    _add_hover(
        plot,
        wide,
        [
            ("median", "@p50_shown"),
            ("25 to 75 %", "@p25_shown to @p75_shown"),
            ("5 to 95 %", "@p5_shown to @p95_shown"),
            ("predictions", "@count"),
        ],
    )
    return plot


def class_styles(shown: LabelDistribution) -> list[str]:
    """Return the name of each label's colour: of two classes the frequent one is quiet, as are all others together."""
    if _is_pair(shown):
        return ["quiet", "series"]
    return ["quiet" if label == OTHER else f"class-{place}" for place, label in enumerate(shown.labels, start=1)]


def _is_pair(shown: LabelDistribution) -> bool:
    return len(shown.labels) == 2 and OTHER not in shown.labels


def _share_plot(shown: LabelDistribution, time_range: TimeRange, now: datetime) -> Any:
    models = _bokeh("models")
    columns: dict[str, list[Any]] = _edges(shown.windows, now)
    columns["count"] = [f"{window.count:,}" for window in shown.windows]
    bottoms = [0.0] * len(shown.windows)
    is_pair = _is_pair(shown)
    # Of two classes the rarer stands on the axis, where its height can be read.
    places = (1, 0) if is_pair else tuple(range(len(shown.labels)))
    for place in places:
        shares = [window.shares[place] for window in shown.windows]
        tops = [bottom + 100 * share for bottom, share in zip(bottoms, shares, strict=True)]
        columns[f"bottom{place}"], columns[f"top{place}"] = bottoms, tops
        columns[f"shown{place}"] = [show_share(share) for share in shares]
        bottoms = tops
    source = models.ColumnDataSource(columns)
    plot = _plot(time_range, "share of predictions (%)", models.Range1d(0, _axis_end(shown)))
    styles = class_styles(shown)
    for place in places:
        edges = ("left", "right", f"top{place}", f"bottom{place}")
        bars = plot.quad(*edges, source=source, color=_LIGHT[styles[place]])
        _add_hover(plot, bars, [(shorten(shown.labels[place]), f"@shown{place}"), ("predictions", "@count")])
    if is_pair and shown.reference:
        plot.add_layout(
            models.Span(
                location=100 * shown.reference[1], line_color=_LIGHT["reference"], line_dash="dashed", line_width=1.5
            )
        )
    return plot


def _axis_end(shown: LabelDistribution) -> float:
    """Return where the axis ends: for a pair a little above the rarer class's largest share, else at 100."""
    if not _is_pair(shown):
        return 100.0
    largest = max(100 * window.shares[1] for window in shown.windows)
    if shown.reference:
        largest = max(largest, 100 * shown.reference[1])
    return next((float(end) for end in (1, 2, 5, 10, 20, 30, 40, 50, 75) if largest * 1.15 <= end), 100.0)


def _plot(time_range: TimeRange, y_label: str, y_range: Any) -> Any:
    models = _bokeh("models")
    plot = _bokeh("plotting").figure(
        x_axis_type="datetime",
        x_range=models.Range1d(_milliseconds(time_range.start), _milliseconds(time_range.end)),
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
        axis.axis_label_text_color = axis.major_label_text_color = _LIGHT["ink"]
    plot.xgrid.grid_line_color, plot.ygrid.grid_line_color = None, _LIGHT["grid"]
    return plot


def _is_long(y_range: Any) -> bool:
    """Return whether the axis has whole numbers that need their thousands set apart, and not yet powers of ten."""
    return bool(10_000 <= max(abs(y_range.start), abs(y_range.end)) < 1e12)


def _label_width(y_range: Any) -> int:
    """Return the number of characters that the labels of an axis need, about."""
    ends = [round(end) if _is_long(y_range) else end for end in (y_range.start, y_range.end)]
    return max(len(show_number(end)) for end in ends)


def _add_hover(plot: Any, renderer: Any, lines: list[tuple[str, str]]) -> None:
    models = _bokeh("models")
    tooltips = [("from", "@start UTC"), ("to", "@end UTC"), *lines]
    plot.add_tools(models.HoverTool(renderers=[renderer], tooltips=tooltips, visible=False))


def _edges(windows: Sequence[_Window], now: datetime) -> dict[str, list[Any]]:
    return {
        "left": [_milliseconds(window.start) for window in windows],
        "right": [_milliseconds(window.end) for window in windows],
        "start": [show_time(window.start, now, seconds=True) for window in windows],
        "end": [show_time(window.end, now, seconds=True) for window in windows],
    }


def _bokeh(module: str) -> Any:
    """Import a module of Bokeh; as Any, since its annotations do not know the keyword forms that its manual teaches."""
    return import_module(f"bokeh.{module}")


def _milliseconds(time: datetime) -> float:
    return time.timestamp() * 1000  # Bokeh's datetime axis shows these as they are: in UTC
