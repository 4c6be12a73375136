"""Charts that are made once a process and filled with numbers for each request.

To build a plot with Bokeh takes some 60 ms, most of it to look up the defaults of hundreds of properties; to fill one
that was built before takes less than one. A chart is built with empty sources, written as JSON, and cut at the places
where one chart differs from another of its kind: the columns of its sources, the ends of its ranges, the label of its
vertical axis and the form of the numbers along it. The models at these places are found by their names.
"""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from markupsafe import Markup

from ml_monitor.pages.chart_parts import DARK, bokeh

Build = Callable[[], Any]
"""Builds a plot whose sources, ranges and axis have names; takes no arguments, so that it is its own key."""
_LEFT = 72
_NAN = b'{"type":"number","value":"nan"}'
_CUT = re.compile(rb'"@cut ([^"]+)"')
_HOLDER = "@cut {}"


@dataclass(frozen=True, slots=True)
class Filling:
    """What is put into a built chart, by the names of its models.

    ``sources`` are columns, each of numbers or of texts; ``ranges`` are two numbers; ``label`` and ``number_format``
    are those of the vertical axis.
    """

    sources: Mapping[str, Mapping[str, Sequence[Any]]]
    ranges: Mapping[str, tuple[float, float]]
    label: str
    number_format: str


def drawn(place: str, build: Build, filling: Filling) -> Markup:
    """Return what the browser needs to draw a chart in the place ``chart-<place>``, as JSON for a page."""
    values = {"target": orjson.dumps(f"chart-{place}"), "dark": _DARK}
    values |= {"label": orjson.dumps(filling.label), "format": orjson.dumps(filling.number_format)}
    for name, (low, high) in filling.ranges.items():
        values |= {f"start {name}": orjson.dumps(low), f"end {name}": orjson.dumps(high)}
    for name, columns in filling.sources.items():
        values[f"source {name}"] = _data(columns)
    parts, names = _skeleton(build)
    pieces = [parts[0]]
    for name, part in zip(names, parts[1:], strict=True):
        pieces += (values[name], part)
    # As Flask's filter tojson: nothing that could end the block of data, whatever clients wrote.
    text = b"".join(pieces).decode()
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("'", "\\u0027")
    return Markup(text)


def name_parts(plot: Any) -> None:
    """Name the ranges of a plot ``x`` and ``y``, its vertical axis ``label`` and the form of its numbers ``format``."""
    plot.x_range.name, plot.y_range.name = "x", "y"
    axis = plot.yaxis[0]
    axis.name = "label"
    axis.formatter = bokeh("models").NumeralTickFormatter(format="0,0", name="format")
    plot.min_border_left = _LEFT  # so that one moment lies at one place in all charts of a page


def number_format(low: float, high: float) -> str:
    """Return the form of the numbers along an axis: thousands set apart, and as many decimals as its ticks need."""
    width = high - low
    if not 0 < width < 1e15 or max(abs(low), abs(high)) >= 1e15:
        return "0.00e+0"
    decimals = min(8, max(0, 1 - math.floor(math.log10(width))))
    return f"0,0.[{'0' * decimals}]" if decimals else "0,0"


_DARK = orjson.dumps(DARK)


@lru_cache
def _skeleton(build: Build) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Return the pieces of a chart's JSON, and the names of what stands between them."""
    item: Any = bokeh("embed").json_item(build(), "chart")
    item["target_id"] = _HOLDER.format("target")
    _cut(item["doc"])
    content = orjson.dumps({"item": item, "dark": _HOLDER.format("dark")})
    # What Bokeh has built refers to itself: without a word it would stay until some later collection.
    gc.collect()
    pieces = _CUT.split(content)
    return tuple(pieces[::2]), tuple(name.decode() for name in pieces[1::2])


def _cut(node: Any) -> None:
    """Put the name of what is to stand there in all places that are filled."""
    if isinstance(node, list):
        for each in node:
            _cut(each)
    elif isinstance(node, dict):
        attributes = node.get("attributes")
        name = attributes.get("name") if isinstance(attributes, dict) else None
        if name and isinstance(attributes, dict):
            if node.get("name") == "ColumnDataSource":
                attributes["data"] = _HOLDER.format(f"source {name}")
            elif node.get("name") == "Range1d":
                attributes |= {"start": _HOLDER.format(f"start {name}"), "end": _HOLDER.format(f"end {name}")}
            elif name == "label":
                attributes["axis_label"] = _HOLDER.format("label")
            elif name == "format":
                attributes["format"] = _HOLDER.format("format")
        for value in node.values():
            _cut(value)


def _data(columns: Mapping[str, Sequence[Any]]) -> bytes:
    entries = b",".join(b"[%b,%b]" % (orjson.dumps(name), _column(values)) for name, values in columns.items())
    return b'{"type":"map","entries":[%b]}' % entries


def _column(values: Sequence[Any]) -> bytes:
    content = orjson.dumps(list(values))
    # NaN, at which Bokeh interrupts a line, is null to orjson and zero to Bokeh.
    return content if values and isinstance(values[0], str) else content.replace(b"null", _NAN)
