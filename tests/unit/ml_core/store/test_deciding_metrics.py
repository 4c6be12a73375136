"""Metric points merge as the rows behind them would."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.records import MetricPoint
from ml_core.store.deciding_metrics import fit_points, merged, metric_row
from tests.factories import NOON, a_point

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHUNKS = st.lists(st.lists(st.floats(-1e6, 1e6), max_size=5), min_size=1, max_size=8)


def points_of(chunks: list[list[float]]) -> list[MetricPoint]:
    return [
        a_point(
            NOON + number * HOUR,
            count=len(chunk),
            total=sum(chunk, 0.0),
            total_of_squares=sum((value * value for value in chunk), 0.0),
        )
        for number, chunk in enumerate(chunks)
    ]


@given(CHUNKS)
def test_merged_points_say_of_a_window_what_its_rows_say(chunks: list[list[float]]) -> None:
    (point,) = merged(points_of(chunks), DAY)
    rows = [value for chunk in chunks for value in chunk]
    _, _, _, _, count, mean, deviation, *_ = metric_row(point)
    assert count == len(rows)
    if rows:
        assert mean == pytest.approx(np.mean(rows), abs=1e-6)
        assert deviation == pytest.approx(np.std(rows), abs=1.0)  # squares of a million have few digits to spare


@given(CHUNKS, st.randoms())
def test_the_order_in_which_points_come_changes_nothing(chunks: list[list[float]], chance: random.Random) -> None:
    points = points_of(chunks)
    shuffled = sorted(points, key=lambda point: chance.random())
    assert sorted(merged(points, 3 * HOUR), key=lambda point: point.start_time) == sorted(
        merged(shuffled, 3 * HOUR), key=lambda point: point.start_time
    )


def test_merging_twice_is_merging_once() -> None:
    points = points_of([[1.0, 2.0], [3.0], [], [4.0, 5.0], [6.0]])
    assert merged(merged(points, 2 * HOUR), DAY) == merged(points, DAY)


def test_points_are_stored_in_the_order_of_their_keys_and_the_last_of_a_key_counts() -> None:
    later, first, again = a_point(NOON + HOUR), a_point(total=1.0), a_point(total=2.0)
    assert fit_points([later, first, again]) == [again, later]


def test_numbers_of_other_kinds_are_stored_as_python_ones() -> None:
    (fit,) = fit_points([a_point(count=np.int64(2), total=6, total_of_squares=np.float32(20), version=np.int32(3))])
    assert [type(value) for value in (fit.count, fit.total, fit.total_of_squares, fit.version)] == [
        int,
        float,
        float,
        int,
    ]
