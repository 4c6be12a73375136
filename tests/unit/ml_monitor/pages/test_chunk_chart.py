"""The chart of the headline metric: lines that break where there is no value, and bounds beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ml_monitor.pages.chart_parts import LIGHT
from ml_monitor.pages.checked import ChunkPerformance, Performance, Point
from ml_monitor.pages.performance_chart import draw_performance
from ml_monitor.pages.ranges import TimeRange
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY

RANGE = TimeRange(NOON - 3 * DAY, NOON, 3_600)
UNDEFINED = Point(None, "one class", 0, None, None, "undefined", ())


def a_point(value: float, lower: float | None = 0.7, upper: float | None = None) -> Point:
    return Point(value, None, 100, lower, upper, "ok", ())


def draw(*points: tuple[Point | None, Point | None]) -> dict[str, Any]:
    chunks = [
        ChunkPerformance(RANGE.start + day * DAY, RANGE.start + (day + 1) * DAY, *pair)
        for day, pair in enumerate(points)
    ]
    drawn = draw_performance(Performance("roc_auc", "ROC AUC", "day", RANGE, tuple(chunks)), NOON)
    found: dict[str, Any] = json.loads(json.dumps(drawn["performance"], allow_nan=False))
    return found


def nodes(chart: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield the attributes of all parts of a chart that have this name."""
    if isinstance(chart, dict):
        if chart.get("name") == name:
            yield chart.get("attributes", {})
        for value in chart.values():
            yield from nodes(value, name)
    elif isinstance(chart, list):
        for value in chart:
            yield from nodes(value, name)


def columns(chart: dict[str, Any]) -> dict[str, Any]:
    (source,) = nodes(chart, "ColumnDataSource")
    return dict(source["data"]["entries"])


def y_range(chart: dict[str, Any]) -> tuple[float, float]:
    ends = [(each.get("start", 0), each.get("end", 1)) for each in nodes(chart, "Range1d")]
    (found,) = [each for each in ends if each[1] < 1e9]  # the other is the axis of time
    return found


def test_a_chunk_without_a_value_interrupts_the_line_and_says_why() -> None:
    found = columns(draw((a_point(0.8), None), (UNDEFINED, None), (a_point(0.9), None)))
    assert found["realised"] == [0.8, {"type": "number", "value": "nan"}, 0.9]
    assert found["realised_shown"] == ["0.8000", "undefined: one class", "0.9000"]


def test_marks_stand_in_the_middle_of_their_chunk() -> None:
    found = columns(draw((a_point(0.8), None)))
    assert found["middle"] == [(RANGE.start + DAY / 2).timestamp() * 1000]


def test_an_estimate_is_drawn_only_where_there_is_one() -> None:
    without, with_one = draw((a_point(0.8), None)), draw((a_point(0.8), a_point(0.82)))
    assert len(list(nodes(without, "Line"))) < len(list(nodes(with_one, "Line")))
    assert columns(with_one)["estimated"] == [0.82]


def test_bounds_are_those_of_the_estimate_until_the_truth_has_come() -> None:
    found = columns(draw((a_point(0.8, 0.7, 0.9), None), (UNDEFINED, a_point(0.8, 0.75))))
    assert found["lower"] == [0.7, 0.75]
    assert found["bounds_shown"] == ["0.7000 to 0.9000", "0.7500"]


@pytest.mark.parametrize(
    ("point", "within"),
    [(a_point(0.2), (0.2, 0.7)), (a_point(5.0, None), (5.0, 5.0)), (a_point(0.0, None), (0.0, 0.0))],
)
def test_the_axis_holds_values_and_bounds(point: Point, within: tuple[float, float]) -> None:
    low, high = y_range(draw((point, None)))
    assert low < within[0]
    assert high > within[1]


def test_a_chart_without_any_value_still_has_an_axis() -> None:
    low, high = y_range(draw((UNDEFINED, None)))
    assert low < high


def test_the_axis_and_the_colours_are_those_of_the_other_charts() -> None:
    chart = draw((a_point(0.8), a_point(0.8)))
    assert [axis["axis_label"] for axis in nodes(chart, "LinearAxis")] == ["roc_auc"]
    assert [axis["axis_label"] for axis in nodes(chart, "DatetimeAxis")] == ["time (UTC)"]
    used = {str(each["line_color"]["value"]) for each in nodes(chart, "Segment") if "line_color" in each}
    assert used & chart["dark"].keys() == {LIGHT["reference"]}
