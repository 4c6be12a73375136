"""The share of numbers outside the reference's range."""

from __future__ import annotations

import math

from ml_monitor.monitoring.columns import number_column
from ml_monitor.monitoring.quality.out_of_range import OutOfRange


def test_the_ends_of_the_range_are_inside() -> None:
    statistics = OutOfRange().fit(number_column([2.0, 5.0, None, 3.0]))
    assert statistics == {"least": 2.0, "greatest": 5.0}
    measured = OutOfRange().measure(statistics, number_column([1.9, 2.0, 5.0, 5.1, None]))
    assert (measured.value, measured.rows) == (0.5, 4)


def test_infinity_is_outside_of_any_range_and_makes_none() -> None:
    statistics = OutOfRange().fit(number_column([math.inf, 1.0, 2.0]))
    assert statistics == {"least": 1.0, "greatest": 2.0}
    assert OutOfRange().measure(statistics, number_column([math.inf, -math.inf, 1.5])).value == 2 / 3


def test_without_a_range_nothing_can_be_outside() -> None:
    statistics = OutOfRange().fit(number_column([None, math.inf]))
    assert str(OutOfRange().measure(statistics, number_column([1.0])).value) == "undefined: the reference has no values"
