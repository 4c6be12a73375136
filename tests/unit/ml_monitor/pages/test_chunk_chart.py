"""The chart of a number by chunk: lines that break where there is no value, with bounds, errors and marks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_monitor.pages.chunk_chart import draw_performance
from ml_monitor.pages.performance_reader import ChunkPerformance, Performance, Promotion
from ml_monitor.pages.points import Point
from ml_monitor.pages.ranges import TimeRange
from tests.factories import NOON
from tests.unit.ml_monitor.pages.bokeh_items import columns_of, nodes, parsed
from tests.unit.ml_monitor.telling import DAY

RANGE = TimeRange(NOON - 3 * DAY, NOON, 3_600)
UNDEFINED = Point(None, "one class", 0, None, None, "undefined", ())
NAN = {"type": "number", "value": "nan"}
LINK = "/ui/models/fraud/drift?at="


def a_point(value: float, lower: float | None = 0.7, upper: float | None = None, **changes: Any) -> Point:
    return replace(Point(value, None, 100, lower, upper, "ok", ()), **changes)


def draw(*points: tuple[Point | None, Point | None], coverage: float | None = 1.0, **changes: Any) -> dict[str, Any]:
    chunks = [
        ChunkPerformance(RANGE.start + day * DAY, RANGE.start + (day + 1) * DAY, *pair, coverage)
        for day, pair in enumerate(points)
    ]
    shown = Performance("roc_auc", "ROC AUC", "day", RANGE, tuple(chunks), None, (), ())
    return parsed(draw_performance(replace(shown, **changes), NOON, LINK))


def chunks(*points: tuple[Point | None, Point | None], **changes: Any) -> dict[str, Any]:
    return columns_of(draw(*points, **changes), "chunks")


def y_range(chart: dict[str, Any]) -> tuple[float, float]:
    (found,) = [(each["start"], each["end"]) for each in nodes(chart, "Range1d") if each["name"] == "y"]
    return found


def test_a_chunk_without_a_value_interrupts_the_line_and_says_why() -> None:
    found = chunks((a_point(0.8), None), (UNDEFINED, None), (a_point(0.9), None))
    assert found["realised"] == [0.8, NAN, 0.9]
    assert found["realised_shown"] == ["0.8000", "undefined: one class", "0.9000"]


def test_marks_stand_in_the_middle_of_their_chunk_and_lead_to_its_drift() -> None:
    found = chunks((a_point(0.8), None))
    assert found["middle"] == [(RANGE.start + DAY / 2).timestamp() * 1000]
    assert found["link"] == [f"{LINK}2026-11-17T12:00:00Z"]
    assert [each["url"] for each in nodes(draw((a_point(0.8), None)), "OpenURL")] == ["@link"]


def test_bounds_are_those_of_the_estimate_until_the_truth_has_come() -> None:
    found = chunks((a_point(0.8, 0.7, 0.9), None), (UNDEFINED, a_point(0.8, 0.75)))
    assert found["lower"] == [0.7, 0.75]
    assert found["estimated"] == [NAN, 0.8]
    assert found["bounds_shown"] == ["0.7000 to 0.9000", "0.7500"]


def test_the_sampling_error_stands_to_both_sides_of_the_value() -> None:
    found = chunks((a_point(0.8, standard_error=0.01), None), (a_point(0.8), None))
    assert found["error_low"] == [pytest.approx(0.7804), NAN]
    assert found["error_high"] == [pytest.approx(0.8196), NAN]


def test_bad_chunks_are_marked_and_those_whose_truth_is_late_are_hollow() -> None:
    bad = a_point(0.5, state="beyond")
    chart = draw((bad, None), (a_point(0.8), None), (UNDEFINED, bad))
    assert columns_of(chart, "bad")["value"] == [0.5, 0.5]
    assert columns_of(chart, "late")["value"] == []
    late = draw((bad, None), (a_point(0.8), None), coverage=0.5)
    assert columns_of(late, "late")["value"] == [0.8]  # a bad one is marked as bad


def test_the_reference_stands_left_of_the_divider_and_versions_are_marked() -> None:
    promotion = Promotion(NOON - DAY, 2, "promote")
    chart = draw((a_point(0.8), None), reference=0.95, promotions=(promotion,))
    reference = columns_of(chart, "reference")
    assert reference["value"] == [0.95]
    (x_range,) = [each for each in nodes(chart, "Range1d") if each["name"] == "x"]
    assert x_range["start"] == reference["left"][0] < reference["divider"][0] == RANGE.start.timestamp() * 1000
    assert columns_of(chart, "promotions")["text"] == [" v2"]
    assert y_range(chart)[1] > 0.95
    without = draw((a_point(0.8), None))
    assert columns_of(without, "reference")["value"] == columns_of(without, "promotions")["time"] == []


@pytest.mark.parametrize(
    ("point", "within"),
    [(a_point(0.2), (0.2, 0.7)), (a_point(5.0, None), (5.0, 5.0)), (a_point(0.0, None), (0.0, 0.0))],
)
def test_the_axis_holds_values_and_bounds(point: Point, within: tuple[float, float]) -> None:
    low, high = y_range(draw((point, None)))
    assert low < within[0]
    assert high > within[1]


@pytest.mark.parametrize("points", [(UNDEFINED, None), (a_point(1.7e308), a_point(-1.7e308)), (None, UNDEFINED)])
def test_any_chunk_has_an_axis(points: tuple[Point | None, Point | None]) -> None:
    low, high = y_range(draw(points))
    assert low < high


def test_the_axes_are_named() -> None:
    chart = draw((a_point(0.8), a_point(0.8)))
    assert [axis["axis_label"] for axis in nodes(chart, "LinearAxis")] == ["roc_auc"]
    assert [axis["axis_label"] for axis in nodes(chart, "DatetimeAxis")] == ["time (UTC)"]
