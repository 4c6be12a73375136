"""Charts that are made once a process and filled with numbers for each request.

To build a plot with Bokeh takes some 60 ms, most of it to look up the defaults of hundreds of properties; to fill one
that was built before takes less than one. A chart is built with empty sources; what differs between two charts of one
kind are the columns of its sources, the ends of its ranges, and a few texts, each found by the name of its model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from ml_monitor.pages.chart_parts import DARK, bokeh

Build = Callable[[], Any]
"""Builds a plot whose sources, ranges and other models to be filled have names; takes no arguments, so is its own key."""


_LEFT = 72


@dataclass(frozen=True, slots=True)
class Filling:
    """What is put into a built chart, by the names of its models.

    ``sources`` are columns; ``ranges`` are two numbers; ``attributes`` are any others, such as the label of an axis.
    """

    sources: Mapping[str, Mapping[str, Sequence[Any]]]
    ranges: Mapping[str, tuple[float, float]]
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def drawn(place: str, build: Build, filling: Filling) -> dict[str, Any]:
    """Return what the browser needs to draw a chart in the place ``chart-<place>``."""
    item = orjson.loads(_skeleton(build))
    item["target_id"] = f"chart-{place}"
    _fill(item["doc"], filling)
    return {"item": item, "dark": DARK}


def name_parts(plot: Any) -> None:
    """Name the ranges of a plot ``x`` and ``y``, its vertical axis ``y_axis`` and the form of its numbers ``y_format``."""
    plot.x_range.name, plot.y_range.name = "x", "y"
    axis = plot.yaxis[0]
    axis.name = "y_axis"
    axis.formatter = bokeh("models").NumeralTickFormatter(format="0,0", name="y_format")
    plot.min_border_left = _LEFT  # so that one moment lies at one place in all charts of a page


def number_format(low: float, high: float) -> str:
    """Return the form of the numbers along an axis: thousands set apart, and as many decimals as its ticks need."""
    width = high - low
    if not 0 < width < 1e15 or max(abs(low), abs(high)) >= 1e15:
        return "0.00e+0"
    decimals = min(8, max(0, 1 - math.floor(math.log10(width))))
    return f"0,0.[{'0' * decimals}]" if decimals else "0,0"


@lru_cache
def _skeleton(build: Build) -> bytes:
    return orjson.dumps(bokeh("embed").json_item(build(), "chart"))


def _fill(node: Any, filling: Filling) -> None:
    if isinstance(node, list):
        for each in node:
            _fill(each, filling)
    elif isinstance(node, dict):
        attributes = node.get("attributes")
        if isinstance(attributes, dict):
            _fill_model(node.get("name", ""), attributes, filling)
        for value in node.values():
            _fill(value, filling)


def _fill_model(kind: str, attributes: dict[str, Any], filling: Filling) -> None:
    name = attributes.get("name")
    if kind == "ColumnDataSource" and name in filling.sources:
        columns = filling.sources[name]
        entries = [[column, [_plain(value) for value in values]] for column, values in columns.items()]
        attributes["data"] = {"type": "map", "entries": entries}
    elif kind == "Range1d" and name in filling.ranges:
        attributes["start"], attributes["end"] = filling.ranges[name]
    elif name in filling.attributes:
        attributes.update(filling.attributes[name])


def _plain(value: Any) -> Any:
    # NaN, at which Bokeh interrupts a line, is no JSON.
    if isinstance(value, float) and math.isnan(value):
        return {"type": "number", "value": "nan"}
    return value
