"""The charts of a column's page: its statistic by chunk, and how its values spread over time, drifted chunks marked."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from ml_monitor.formatting import show_number, show_share
from ml_monitor.monitoring.profiles.profile import NumberProfile
from ml_monitor.pages.chart_parts import LIGHT, add_hover, bokeh, edges, milliseconds, new_plot
from ml_monitor.pages.chart_skeletons import Filling, drawn, name_parts, number_format
from ml_monitor.pages.chunk_chart import ChartChunk, draw_chunks
from ml_monitor.pages.column_reader import ColumnChunk, ColumnPage
from ml_monitor.pages.ranges import TimeRange

_QUANTILES = ("low", "lower_quarter", "middle", "upper_quarter", "high")
_STYLES = 8


def draw_column(page: ColumnPage, link: str) -> dict[str, Markup]:
    """Return the charts of a column that has chunks: ``statistic``, and ``spread`` where its values are known."""
    shown = TimeRange(page.chunks[0].start, page.chunks[-1].end, page.range.window_seconds)
    chunks = [ChartChunk(chunk.start, chunk.end, chunk.point) for chunk in page.chunks]
    charts: dict[str, Markup] = {}
    if page.method:
        charts["statistic"] = draw_chunks("statistic", page.method, chunks, shown, page.time, link)
    if page.labels:
        charts["spread"] = _draw_shares(page, shown)
    elif any(chunk.middle is not None for chunk in page.chunks):
        charts["spread"] = _draw_bands(page, shown)
    return charts


def style_of(place: int, labels: tuple[str, ...]) -> str:
    """Return the name of the colour of a label."""
    return f"class-{place + 1}" if place < _STYLES and place < len(labels) else "quiet"


def _draw_bands(page: ColumnPage, shown: TimeRange) -> Markup:
    known = [chunk for chunk in page.chunks if chunk.middle is not None]
    columns = edges(known, page.time)
    for name in _QUANTILES:
        columns[name] = [getattr(chunk, name) for chunk in known]
        columns[f"{name}_shown"] = [show_number(value) for value in columns[name]]
    values = [*columns["low"], *columns["high"]]
    before = _reference_quantiles(page)
    low, high = _ends([*values, *before])
    start, end = milliseconds(shown.start), milliseconds(shown.end)
    reference = {
        "left": [start] * len(before),
        "right": [end] * len(before),
        "value": list(before),
    }
    sources = {"chunks": columns, "reference": reference, "drifted": _drifted(page.chunks, low, high)}
    ranges = {"x": (start, end), "y": (low, high)}
    return drawn("spread", _build_bands, Filling(sources, ranges, page.column[:60], number_format(low, high)))


def _draw_shares(page: ColumnPage, shown: TimeRange) -> Markup:
    known = [chunk for chunk in page.chunks if chunk.shares and sum(chunk.shares) > 0]
    columns = edges(known, page.time)
    bottoms = [0.0] * len(known)
    for place in range(len(page.labels)):
        shares = [chunk.shares[place] for chunk in known]
        tops = [min(100.0, bottom + 100 * share) for bottom, share in zip(bottoms, shares, strict=True)]
        columns[f"bottom{place}"], columns[f"top{place}"] = bottoms, tops
        columns[f"shown{place}"] = [show_share(share) for share in shares]
        columns[f"label{place}"] = [page.labels[place][:40]] * len(known)
        bottoms = tops
    start, end = milliseconds(shown.start), milliseconds(shown.end)
    sources = {"chunks": columns, "drifted": _drifted(page.chunks, 100.0, 104.0)}
    filling = Filling(sources, {"x": (start, end), "y": (0.0, 104.0)}, "share of values (%)", "0")
    return drawn("spread", _share_builder(len(page.labels)), filling)


def _build_bands() -> Any:
    models = bokeh("models")
    names = ("left", "right", "start", "end", *_QUANTILES, *(f"{name}_shown" for name in _QUANTILES))
    chunks = models.ColumnDataSource({name: [] for name in names}, name="chunks")
    plot = _plot()
    _mark_drifted(plot)
    wide = plot.quad("left", "right", "high", "low", source=chunks, color=LIGHT["wide-band"])
    plot.quad("left", "right", "upper_quarter", "lower_quarter", source=chunks, color=LIGHT["band"])
    plot.segment("left", "middle", "right", "middle", source=chunks, color=LIGHT["series"], line_width=2)
    reference = models.ColumnDataSource({"left": [], "right": [], "value": []}, name="reference")
    plot.segment(
        "left",
        "value",
        "right",
        "value",
        source=reference,
        color=LIGHT["reference"],
        line_dash="dashed",
        line_width=1.5,
    )
    lines = [
        ("median", "@middle_shown"),
        ("25 to 75 %", "@lower_quarter_shown to @upper_quarter_shown"),
        ("5 to 95 %", "@low_shown to @high_shown"),
    ]
    add_hover(plot, wide, lines)
    return plot


@lru_cache
def _share_builder(places: int) -> Callable[[], Any]:
    """Return what builds a chart of so many labels, the same each time, so that it is built once."""

    def build() -> Any:
        models = bokeh("models")
        own = (f"{part}{place}" for place in range(places) for part in ("bottom", "top", "shown", "label"))
        chunks = models.ColumnDataSource({name: [] for name in ("left", "right", "start", "end", *own)}, name="chunks")
        plot = _plot()
        _mark_drifted(plot)
        for place in range(places):
            style = f"class-{place + 1}" if place < _STYLES else "quiet"
            sides = ("left", "right", f"top{place}", f"bottom{place}")
            bars = plot.quad(*sides, source=chunks, fill_color=LIGHT[style], line_color=LIGHT["paper"], line_width=0.5)
            add_hover(plot, bars, [("label", f"@label{place}"), ("share", f"@shown{place}")])
        return plot

    return build


def _plot() -> Any:
    now = datetime(2026, 1, 1)
    plot = new_plot(TimeRange(now, now + timedelta(days=1), 60), "value", bokeh("models").Range1d(0, 1))
    name_parts(plot)
    return plot


def _mark_drifted(plot: Any) -> None:
    models = bokeh("models")
    drifted = models.ColumnDataSource({name: [] for name in ("left", "right", "low", "high", "mark")}, name="drifted")
    sides = ("left", "right", "high", "low")
    plot.quad(*sides, source=drifted, fill_color=LIGHT["bad"], fill_alpha=0.14, line_color=None, level="underlay")
    plot.segment("left", "high", "right", "high", source=drifted, color=LIGHT["bad"], line_width=4)


def _drifted(chunks: tuple[ColumnChunk, ...], low: float, high: float) -> dict[str, list[Any]]:
    bad = [chunk for chunk in chunks if chunk.cell.state == "drifted"]
    return {
        "left": [milliseconds(chunk.start) for chunk in bad],
        "right": [milliseconds(chunk.end) for chunk in bad],
        "low": [low] * len(bad),
        "high": [high] * len(bad),
        "mark": ["drifted"] * len(bad),
    }


def _reference_quantiles(page: ColumnPage) -> tuple[float, ...]:
    reference = page.reference
    if not isinstance(reference, NumberProfile) or not reference.known:
        return ()
    return tuple(reference.quantile(level) for level in (0.05, 0.5, 0.95))


def _ends(values: list[Any]) -> tuple[float, float]:
    known = [float(value) for value in values if value is not None and math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = (high - low) * 0.06 or abs(high) * 0.06 or 1.0
    # Values at the ends of float64 leave no room for a margin.
    return max(low - margin, -sys.float_info.max), min(high + margin, sys.float_info.max)
