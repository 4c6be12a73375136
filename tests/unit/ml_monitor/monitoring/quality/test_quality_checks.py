"""What holds for every check of quality: stated results for bad data, statistics fit for JSON, no order of rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from ml_monitor.monitoring.columns import ColumnKind, make_column
from ml_monitor.monitoring.quality.base import QualityCheck, share
from ml_monitor.monitoring.quality.catalogue import COLUMN_CHECKS, TABLE_CHECKS, checks_for
from ml_monitor.monitoring.results import Measured, Undefined

KINDS: tuple[ColumnKind, ...] = ("number", "category")
BY_COLUMN = [
    pytest.param(check, kind, id=f"{check.metric.name}-{kind}") for kind in KINDS for check in checks_for(kind)
]
CELLS: Mapping[ColumnKind, list[list[Any]]] = {
    "number": [
        [],
        [None] * 20,
        [1.5],
        [3.0] * 20,
        [0.0, -0.0, *range(20)],
        [math.inf, -math.inf, *range(20)],
        [math.inf] * 20,
        ["x", True, None, *range(20)],
        [1.7e308, -1.7e308] * 10,
    ],
    "category": [
        [],
        [None] * 20,
        ["north"],
        ["north"] * 20,
        ["north", "south"] * 10,
        ["north", 1, 2.5, True, None] * 4,
        [f"id {place}" for place in range(20)],
    ],
}


@pytest.mark.parametrize(("check", "kind"), BY_COLUMN)
def test_bad_data_gives_a_share_or_a_reason(check: QualityCheck, kind: ColumnKind) -> None:
    for reference, current in itertools.product(CELLS[kind], repeat=2):
        statistics = check.fit(make_column(reference, kind))
        measured = check.measure(orjson.loads(orjson.dumps(statistics)), make_column(current, kind))
        assert measured == check.measure(statistics, make_column(current, kind))
        if isinstance(measured.value, Undefined):
            assert measured.value.reason
        else:
            assert type(measured.value) is float
            assert 0.0 <= measured.value <= 1.0
            assert measured.rows <= len(current)


@pytest.mark.parametrize(("check", "kind"), BY_COLUMN)
def test_the_order_of_rows_changes_nothing(check: QualityCheck, kind: ColumnKind) -> None:
    for cells in CELLS[kind]:
        forwards, backwards = make_column(cells, kind), make_column(cells[::-1], kind)
        statistics = check.fit(forwards)
        assert check.fit(backwards) == statistics
        assert check.measure(statistics, backwards) == check.measure(statistics, forwards)


@pytest.mark.parametrize(("check", "kind"), BY_COLUMN)
def test_a_chunk_without_rows_is_undefined(check: QualityCheck, kind: ColumnKind) -> None:
    measured = check.measure(check.fit(make_column(CELLS[kind][3], kind)), make_column([], kind))
    assert measured == Measured(Undefined("the chunk has no rows"))


@pytest.mark.parametrize(("check", "kind"), BY_COLUMN)
def test_the_reference_has_nothing_against_itself(check: QualityCheck, kind: ColumnKind) -> None:
    column = make_column(CELLS[kind][4], kind)
    assert check.measure(check.fit(column), column).value == 0.0


def test_a_share_has_the_error_of_a_binomial_one() -> None:
    assert share(25, 100) == Measured(0.25, pytest.approx(math.sqrt(0.25 * 0.75 / 100)), 100)
    assert share(0, 10) == Measured(0.0, 0.0, 10)


def test_a_check_refuses_columns_that_it_does_not_suit() -> None:
    with pytest.raises(ValueError, match="reference: out_of_range takes columns of kind number, not category"):
        COLUMN_CHECKS["out_of_range"].fit(make_column([], "category"))
    with pytest.raises(ValueError, match="current: unseen_categories takes columns of kind category, not number"):
        COLUMN_CHECKS["unseen_categories"].measure({}, make_column([], "number"))


def test_the_catalogue_names_each_check_by_its_metric() -> None:
    assert all(check.metric.name == name for name, check in {**COLUMN_CHECKS, **TABLE_CHECKS}.items())
    assert all(check.metric.direction == "lower_is_better" for check in COLUMN_CHECKS.values())
