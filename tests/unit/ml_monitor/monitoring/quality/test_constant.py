"""A column that has become constant."""

from __future__ import annotations

from typing import Any

import pytest

from ml_monitor.monitoring.columns import ColumnKind, make_column
from ml_monitor.monitoring.quality.constant import Constant
from ml_monitor.monitoring.results import Number

VARIED: dict[ColumnKind, list[Any]] = {"number": [1.0, 2.0], "category": ["a", "b"]}


def measure(reference: list[Any], current: list[Any], kind: ColumnKind) -> Number:
    return Constant().measure(Constant().fit(make_column(reference, kind)), make_column(current, kind)).value


@pytest.mark.parametrize("kind", VARIED)
def test_one_value_is_constant_and_missing_cells_do_not_count(kind: ColumnKind) -> None:
    first, second = VARIED[kind]
    assert measure(VARIED[kind], [first] * 10 + [None], kind) == 1.0
    assert measure(VARIED[kind], [first] * 10 + [second], kind) == 0.0


@pytest.mark.parametrize("kind", VARIED)
def test_a_column_that_always_was_constant_may_be_so(kind: ColumnKind) -> None:
    assert measure(VARIED[kind][:1], VARIED[kind][:1] * 10, kind) == 0.0


def test_a_few_equal_values_prove_nothing() -> None:
    assert str(measure([1.0, 2.0], [1.0] * 9, "number")) == "undefined: fewer than 10 values in the chunk"


def test_an_infinite_sensor_is_a_constant_one() -> None:
    assert measure([1.0, 2.0], [float("inf")] * 10, "number") == 1.0
