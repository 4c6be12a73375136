from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ml_core.records import Task
from ml_monitor.pages.distribution import (
    OTHER,
    Distribution,
    LabelDistribution,
    NumberDistribution,
    Quantiles,
    distribution,
)
from ml_monitor.pages.ranges import TimeRange
from tests.factories import NOON

HOUR = 3_600


def summarize(task: Task, minutes: list[float], values: list[Any], reference: list[Any] | None = None) -> Distribution:
    """Return the distribution of values predicted so many minutes after noon, in three windows of an hour."""
    start = int(NOON.timestamp() * 1e6)
    times = np.array([start + round(minute * 60e6) for minute in minutes], dtype=np.int64)
    windows = TimeRange(NOON, NOON + timedelta(hours=3), HOUR).windows()
    known = None if reference is None else np.array(reference, dtype=object if _has_text(reference) else None)
    return distribution(
        task, times, np.array(values, dtype=object if _has_text(values) else None), windows, HOUR, known
    )


def _has_text(values: list[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


def test_numbers_are_summarized_by_values_that_occurred_and_a_window_without_any_is_left_out() -> None:
    found = summarize("regression", [0, 30, 59.99, 120], [1.0, 3.0, 100.0, 7.0], reference=[2.0, 4.0])
    assert isinstance(found, NumberDistribution)
    assert [(window.start - NOON, window.count) for window in found.windows] == [
        (timedelta(0), 3),
        (timedelta(hours=2), 1),
    ]
    assert found.windows[0].quantiles == Quantiles(1.0, 1.0, 3.0, 100.0, 100.0)
    assert found.windows[1].quantiles == Quantiles(7.0, 7.0, 7.0, 7.0, 7.0)
    assert found.overall.p50 == 3.0
    assert found.reference == Quantiles(2.0, 2.0, 2.0, 4.0, 4.0)


def test_numbers_at_the_ends_of_float64_are_summarized_too() -> None:
    found = summarize("regression", [0, 1], [-1.7e308, 1.7e308])
    assert isinstance(found, NumberDistribution)
    assert found.overall.p95 == 1.7e308


def test_shares_of_each_window_add_up_and_follow_the_frequency() -> None:
    found = summarize("binary", [0, 1, 2, 3, 61], [0.0, 0.0, 0.0, 1.0, 1.0], reference=[0, 0, 0, 0, 1])
    assert isinstance(found, LabelDistribution)
    assert found.labels == ("0", "1")
    assert [window.shares for window in found.windows] == [(0.75, 0.25), (0.0, 1.0)]
    assert found.overall == (0.6, 0.4)
    assert found.reference == (0.8, 0.2)


def test_a_class_that_only_the_reference_has_is_shown_as_missing() -> None:
    found = summarize("binary", [0, 1], [0.0, 0.0], reference=[0, 1])
    assert isinstance(found, LabelDistribution)
    assert found.labels == ("0", "1")
    assert found.overall == (1.0, 0.0)


def test_the_rarest_labels_are_taken_together() -> None:
    values = [label for place, label in enumerate("abcdefghijkl") for _ in range(20 - place)]
    found = summarize("multiclass", [0.1 * place for place in range(len(values))], values, reference=["z"])
    assert isinstance(found, LabelDistribution)
    assert found.labels == (*"abcdefgh", OTHER)
    assert found.overall[-1] == pytest.approx((12 + 11 + 10 + 9) / len(values))
    assert sum(found.overall) == pytest.approx(1.0)
    assert found.reference == (*[0.0] * 8, 1.0)


def test_a_number_and_its_text_are_one_class() -> None:
    found = summarize("multiclass", [0, 1, 2], [1.0, "1", "two"])
    assert isinstance(found, LabelDistribution)
    assert found.labels == ("1", "two")
    assert found.overall == pytest.approx((2 / 3, 1 / 3))


@pytest.mark.parametrize(
    ("task", "values", "kind"),
    [
        ("regression", [1.0, 2.0], NumberDistribution),
        ("forecast", [1.0, 2.0], NumberDistribution),
        ("regression", ["a", "b"], LabelDistribution),
        ("anomaly", [1.0, -1.0], LabelDistribution),
        ("anomaly", [0.1, 0.2, 0.3], NumberDistribution),
        ("multiclass", [1.0, 2.0], LabelDistribution),
    ],
)
def test_what_is_a_class_follows_from_task_and_values(task: Task, values: list[Any], kind: type[object]) -> None:
    assert isinstance(summarize(task, [float(place) for place in range(len(values))], values), kind)


def test_labels_beside_a_reference_of_numbers_are_still_classes() -> None:
    assert isinstance(summarize("regression", [0], ["much"], reference=[1.0, 2.0]), LabelDistribution)
