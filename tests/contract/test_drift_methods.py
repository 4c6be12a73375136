"""The contract of every method of drift: all are found in the catalogue, so that a new one is held to it at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pytest

from ml_monitor.monitoring.columns import Column, ColumnKind, category_column, make_column, number_column
from ml_monitor.monitoring.drift.base import ColumnMethod, TableMethod
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, TABLE_METHODS, methods_for, read_statistics
from ml_monitor.monitoring.results import Measured, Undefined

KINDS: tuple[ColumnKind, ...] = ("number", "category")
BY_COLUMN = [pytest.param(m, kind, id=f"{m.metric.name}-{kind}") for kind in KINDS for m in methods_for(kind)]
BY_TABLE = [pytest.param(method, id=name) for name, method in TABLE_METHODS.items()]
STATISTICS_BYTES = 1_000_000

random = np.random.default_rng(5)
ORDINARY: Mapping[ColumnKind, Column] = {
    "number": number_column(random.standard_normal(800)),
    "category": category_column(random.choice(["north", "south", "east"], 800)),
}
OTHER: Mapping[ColumnKind, Column] = {
    "number": number_column(random.standard_normal(500) + 1.0),
    "category": category_column(random.choice(["north", "south", "west"], 500)),
}
CELLS: Mapping[ColumnKind, Mapping[str, list[Any]]] = {
    "number": {
        "empty": [],
        "all missing": [None] * 60,
        "one row": [1.5],
        "constant": [3.0] * 60,
        "two values": [0.0, 1.0] * 30,
        "zeros of both signs": [0.0, -0.0] * 30,
        "with infinity": [math.inf, -math.inf, *range(58)],
        "infinity alone": [math.inf] * 60,
        "texts among numbers": ["x", "2.5", True, *range(57)],
        "huge": [1.7e308, -1.7e308, *range(58)],
        "next to each other": [1.0, math.nextafter(1.0, 2.0)] * 30,
        "least of all": [5e-324, 0.0] * 30,
        "one far out": [1e15, *np.linspace(0, 1, 59)],
        "an integer beyond floats": [10**400, *range(59)],
    },
    "category": {
        "empty": [],
        "all missing": [None] * 60,
        "one row": ["north"],
        "constant": ["north"] * 60,
        "two labels": ["north", "south"] * 30,
        "unseen": ["nowhere"] * 60,
        "numbers among texts": ["north", 1, 2.5, True, *["south"] * 56],
        "a label for each row": [f"id {place}" for place in range(60)],
        "empty texts": ["", " "] * 30,
    },
}
PAIRS = [
    pytest.param(kind, *pair, id=f"{kind}: {pair[0]}, {pair[1]}")
    for kind in KINDS
    for pair in itertools.product([*CELLS[kind], "ordinary"], repeat=2)
]


def column(kind: ColumnKind, name: str) -> Column:
    return ORDINARY[kind] if name == "ordinary" else make_column(CELLS[kind][name], kind)


def shuffled(each: Column, seed: int = 0) -> Column:
    return each[np.random.default_rng(seed).permutation(len(each))]


def assert_stated(measured: Measured, method: ColumnMethod[Any] | TableMethod[Any]) -> None:
    """Assert that there is a finite number inside the method's limits, or a reason."""
    if isinstance(measured.value, Undefined):
        assert measured.value.reason
        return
    assert type(measured.value) is float
    assert math.isfinite(measured.value)
    low, high = method.metric.lowest, method.metric.highest
    assert (low is None or measured.value >= low) and (high is None or measured.value <= high)
    p_value = getattr(measured, "p_value", None)
    assert p_value is None or (type(p_value) is float and 0 <= p_value <= 1)


def read_back(statistics: Any) -> Any:
    return read_statistics(orjson.loads(orjson.dumps(statistics.to_dict())))


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_the_reference_lies_at_no_distance_from_itself(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    measured = method.measure(method.fit(ORDINARY[kind]), shuffled(ORDINARY[kind]))
    assert measured.value == pytest.approx(0.0, abs=1e-9)
    assert measured.rows == len(ORDINARY[kind])
    assert measured.p_value in (None, pytest.approx(1.0))


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_another_distribution_lies_at_some_distance(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    measured = method.measure(method.fit(ORDINARY[kind]), OTHER[kind])
    assert isinstance(measured.value, float)
    assert measured.value > 0.1
    assert measured.p_value is None or measured.p_value < 0.001


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_a_symmetric_method_says_the_same_from_the_other_side(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    # With bins of the reference that holds for categories alone: of numbers each side has bins of its own.
    sides = (ORDINARY[kind], OTHER[kind])
    there, back = (method.measure(method.fit(a), b).value for a, b in (sides, sides[::-1]))
    if method.is_symmetric and (kind == "category" or method.metric.name == "kolmogorov_smirnov"):
        assert there == pytest.approx(back, rel=1e-12)
    if not method.is_symmetric and kind == "number":
        assert there != back


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_the_order_of_rows_changes_nothing(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    statistics = method.fit(ORDINARY[kind])
    assert method.fit(shuffled(ORDINARY[kind])).to_dict() == statistics.to_dict()
    for name in CELLS[kind]:
        cells = CELLS[kind][name]
        forwards, backwards = (make_column(some, kind) for some in (cells, cells[::-1]))
        assert method.fit(forwards).to_dict() == method.fit(backwards).to_dict(), name
        assert method.measure(statistics, forwards) == method.measure(statistics, backwards), name


@pytest.mark.parametrize(("kind", "reference", "current"), PAIRS)
def test_bad_data_gives_a_stated_result_and_statistics_that_json_can_keep(
    kind: ColumnKind, reference: str, current: str
) -> None:
    for method in methods_for(kind):
        statistics = method.fit(column(kind, reference))
        measured = method.measure(statistics, column(kind, current))
        assert_stated(measured, method)
        if current in ("empty", "all missing", "infinity alone") or reference in ("empty", "all missing"):
            assert isinstance(measured.value, Undefined)
            assert measured.p_value is None
        kept = read_back(statistics)
        assert kept.to_dict() == statistics.to_dict()
        assert method.measure(kept, column(kind, current)) == measured


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_what_is_undefined_says_why(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    ordinary, nothing = method.fit(ORDINARY[kind]), method.fit(make_column([], kind))
    measured = [
        method.measure(ordinary, make_column([], kind)),
        method.measure(ordinary, make_column([None], kind)),
        method.measure(nothing, ORDINARY[kind]),
    ]
    assert [str(one.value) for one in measured] == [
        "undefined: the chunk has no rows",
        "undefined: all values of the chunk are missing",
        "undefined: the reference has no values",
    ]


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_a_column_of_the_other_kind_is_refused(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    other = ORDINARY["category" if kind == "number" else "number"]
    with pytest.raises(ValueError, match=r"column(s)? of (kind )?(number|categor)"):
        method.measure(method.fit(ORDINARY[kind]), other)


@pytest.mark.parametrize(("method", "kind"), BY_COLUMN)
def test_statistics_of_many_rows_stay_small(method: ColumnMethod[Any], kind: ColumnKind) -> None:
    many = random.standard_normal(60_000) if kind == "number" else [f"id {place}" for place in range(60_000)]
    statistics = method.fit(make_column(many, kind))
    assert len(orjson.dumps(statistics.to_dict())) < STATISTICS_BYTES
    assert statistics.rows == 60_000


def test_the_catalogue_names_each_method_by_its_metric() -> None:
    assert all(method.metric.name == name for name, method in {**COLUMN_METHODS, **TABLE_METHODS}.items())
    with pytest.raises(ValueError, match="kind: expected one of bins, labels"):
        read_statistics({"kind": "dreams"})


def table(rows: int, shift: float = 0.0, seed: int = 0) -> dict[str, Column]:
    source = np.random.default_rng(seed)
    size = source.standard_normal(rows)
    return {
        "size": number_column(size + shift),
        "price": number_column(2 * size + source.standard_normal(rows) / 2),
        "district": category_column(np.where(size > 0, "north", "south")),
    }


def chosen(columns: Mapping[str, Column], rows: Any) -> dict[str, Column]:
    return {name: each[rows] for name, each in columns.items()}


@pytest.mark.parametrize("method", BY_TABLE)
def test_a_table_drifts_when_its_columns_no_longer_fit_each_other(method: TableMethod[Any]) -> None:
    statistics = method.fit(table(600))
    alike, shifted = (method.measure(statistics, table(400, shift, seed=1)).value for shift in (0.0, 1.5))
    assert isinstance(alike, float) and isinstance(shifted, float)
    assert shifted > alike + 0.1
    assert method.ideal is None or alike == pytest.approx(method.ideal, abs=0.08)


@pytest.mark.parametrize("method", BY_TABLE)
def test_the_order_of_a_tables_rows_and_columns_changes_nothing(method: TableMethod[Any]) -> None:
    reference, current = table(300), table(200, seed=1)
    turned = {name: each[::-1] for name, each in reversed(chosen(reference, slice(None)).items())}
    measured = method.measure(method.fit(reference), current).value
    again = method.measure(method.fit(turned), chosen(current, np.arange(200)[::-1])).value
    assert measured == pytest.approx(again, rel=1e-12)


@pytest.mark.parametrize("method", BY_TABLE)
def test_statistics_of_a_table_come_back_from_json(method: TableMethod[Any]) -> None:
    statistics = method.fit({**table(300), "holes": number_column([None, 1.0, math.inf] * 100)})
    current = {**table(200, seed=1), "holes": number_column([math.nan, 2.0] * 100)}
    kept = read_back(statistics)
    assert kept.to_dict() == statistics.to_dict()
    assert method.measure(kept, current) == method.measure(statistics, current)


@pytest.mark.parametrize("method", BY_TABLE)
def test_a_table_of_bad_columns_gives_a_stated_result(method: TableMethod[Any]) -> None:
    for kind, name in [(each, name) for each in KINDS for name in CELLS[each]]:
        for reference, current in ((name, "ordinary"), ("ordinary", name), (name, name)):
            statistics = method.fit({"a": column(kind, reference)})
            assert_stated(method.measure(read_back(statistics), {"a": column(kind, current)}), method)
    assert isinstance(method.measure(method.fit({}), {}).value, Undefined)


@pytest.mark.parametrize("method", BY_TABLE)
def test_a_table_that_lacks_a_column_is_undefined_and_columns_of_two_lengths_are_refused(
    method: TableMethod[Any],
) -> None:
    statistics = method.fit(table(100))
    rest = {name: each for name, each in table(100).items() if name != "price"}
    assert str(method.measure(statistics, rest).value) == "undefined: the chunk lacks the column 'price'"
    with pytest.raises(ValueError, match="of one length, not of 90 and 100"):
        method.measure(statistics, {**rest, "price": number_column([1.0] * 90)})
    with pytest.raises(ValueError, match="of kind number, not category"):
        method.measure(statistics, {**rest, "price": category_column(["1"] * 100)})
