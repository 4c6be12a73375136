"""What the browser is given to draw, taken apart for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def parsed(text: str) -> dict[str, Any]:
    """Return a chart from the text that stands in a page."""
    found: dict[str, Any] = json.loads(text)
    return found


def nodes(chart: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield the attributes of all parts of a chart that are of one class."""
    if isinstance(chart, dict):
        if chart.get("name") == name:
            yield chart.get("attributes", {})
        for value in chart.values():
            yield from nodes(value, name)
    elif isinstance(chart, list):
        for value in chart:
            yield from nodes(value, name)


def columns_of(chart: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the columns of a source by its name."""
    (found,) = [each for each in nodes(chart, "ColumnDataSource") if each.get("name") == source]
    return dict(found["data"]["entries"])
