from __future__ import annotations

import re

from ml_monitor.pages.overview_reader import Glance, TrendPoint
from ml_monitor.pages.sparklines import trend_svg
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY


def draw(*points: tuple[float | None, float | None, bool], metric: str = "accuracy") -> str:
    trend = tuple(TrendPoint(NOON + day * DAY, *point) for day, point in enumerate(points))
    return str(trend_svg(metric, Glance(None, None, trend, None, 0, None, None)))


def test_a_metric_is_a_line_with_marks_on_bad_chunks() -> None:
    svg = draw((0.7, None, False), (0.8, None, False), (0.5, None, True))
    assert re.findall(r'<path d="([^"]*)"', svg) == ["M3.0 8.3L56.0 3.0L109.0 19.0"]
    assert svg.count("<circle") == 1
    assert "accuracy of 3 chunks: 0.50 to 0.80, 0.50 last, 1 beyond the threshold" in svg


def test_an_estimate_is_dashed_where_nothing_is_realised() -> None:
    svg = draw((0.7, 0.7, False), (0.8, 0.8, False), (None, 0.5, False), (None, 0.6, False))
    assert len(re.findall(r'class="dashed" d="([^"]*)"', svg)) == 1
    realised, estimated = re.findall(r' d="([^"]*)"', svg)
    assert (realised.count("L"), estimated.count("L")) == (1, 2)  # the estimate begins where the line ends


def test_a_gap_interrupts_the_line() -> None:
    svg = draw((0.7, None, False), (None, None, False), (0.5, None, False), (0.6, None, False))
    assert re.findall(r'<path d="([^"]*)"', svg)[0].count("M") == 2


def test_less_than_two_values_are_no_line() -> None:
    assert draw() == draw((0.5, None, False)) == draw((None, None, True), (0.5, None, False)) == ""


def test_the_same_value_every_day_is_a_straight_line_and_names_are_escaped() -> None:
    svg = draw((1.0, None, False), (1.0, None, False), metric="<b>")
    assert "&lt;b&gt; of 2 chunks" in svg
    assert "<b>" not in svg
