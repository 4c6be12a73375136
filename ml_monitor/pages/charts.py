"""The charts of the model page, as Bokeh documents that the browser draws.

Every window is a bar or a box of its own, so a window without predictions stays a gap. Bokeh is imported when the first
chart is made: a process that only shows the overview does without.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from ml_monitor.formatting import shorten, show_duration, show_number, show_share
from ml_monitor.pages.chart_parts import LIGHT, add_hover, bokeh, draw_items, edges, new_plot
from ml_monitor.pages.distribution import OTHER, Distribution, LabelDistribution, NumberDistribution
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.traffic import Volume


def draw_charts(
    volume: Volume, shown: Distribution | None, time_range: TimeRange, now: datetime
) -> dict[str, dict[str, Any]]:
    """Return what the browser draws: ``volume``, and ``distribution`` where there is one, with one time axis."""
    plots = {"volume": _volume_plot(volume, time_range, now)}
    if isinstance(shown, NumberDistribution):
        plots["distribution"] = _quantile_plot(shown, time_range, now)
    elif shown is not None:
        plots["distribution"] = _share_plot(shown, time_range, now)
    return draw_items(plots)


def axis_note(shown: Distribution | None) -> str:
    """Return what a reader must know of an axis of shares that ends below 100 %."""
    if not isinstance(shown, LabelDistribution) or _axis_end(shown) == 100:
        return ""
    return f"; the axis ends at {_axis_end(shown):g} %"


def _volume_plot(volume: Volume, time_range: TimeRange, now: datetime) -> Any:
    models = bokeh("models")
    windows = [window for window in volume.windows if window.count]
    columns = edges(windows, now)
    columns["count"] = [window.count for window in windows]
    columns["shown"] = [f"{window.count:,}" for window in windows]
    source = models.ColumnDataSource(columns)
    label = f"predictions per {show_duration(volume.window_seconds)}"
    plot = new_plot(time_range, label, models.Range1d(0, max(columns["count"], default=1) * 1.08))
    plot.yaxis.ticker.min_interval = 1  # there is no half a prediction
    bars = plot.quad("left", "right", "count", 0, source=source, color=LIGHT["series"], line_color=None)
    add_hover(plot, bars, [("predictions", "@shown")])
    return plot


def _quantile_plot(shown: NumberDistribution, time_range: TimeRange, now: datetime) -> Any:
    models = bokeh("models")
    names = ("p5", "p25", "p50", "p75", "p95")
    columns: dict[str, list[Any]] = edges(shown.windows, now)
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
    plot = new_plot(time_range, "predicted value", y_range)
    wide = plot.quad("left", "right", "p95", "p5", source=source, color=LIGHT["wide-band"])
    plot.quad("left", "right", "p75", "p25", source=source, color=LIGHT["band"])
    plot.segment("left", "p50", "right", "p50", source=source, color=LIGHT["series"], line_width=2)
    if shown.reference:
        # Lines over the data rather than a filled band: both stay readable where they overlap.
        for level, dash in (
            (shown.reference.p5, "dotted"),
            (shown.reference.p50, "dashed"),
            (shown.reference.p95, "dotted"),
        ):
            plot.add_layout(models.Span(location=level, line_color=LIGHT["reference"], line_dash=dash, line_width=1.5))
        plot.add_layout(
            models.BoxAnnotation(
                bottom=shown.reference.p5,
                top=shown.reference.p95,
                fill_color=LIGHT["reference"],
                fill_alpha=0.08,
                line_color=None,
                level="underlay",
            )
        )
    add_hover(
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
    models = bokeh("models")
    columns: dict[str, list[Any]] = edges(shown.windows, now)
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
    plot = new_plot(time_range, "share of predictions (%)", models.Range1d(0, _axis_end(shown)))
    styles = class_styles(shown)
    for place in places:
        sides = ("left", "right", f"top{place}", f"bottom{place}")
        bars = plot.quad(*sides, source=source, color=LIGHT[styles[place]])
        add_hover(plot, bars, [(shorten(shown.labels[place]), f"@shown{place}"), ("predictions", "@count")])
    if is_pair and shown.reference:
        plot.add_layout(
            models.Span(
                location=100 * shown.reference[1], line_color=LIGHT["reference"], line_dash="dashed", line_width=1.5
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
