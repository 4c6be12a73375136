"""Results go through a store and come back as they were, whatever clients call their features and categories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.store.json_store import JsonStore
from ml_core.store.names import MAX_NAME_CHARACTERS, unfit_name
from ml_monitor.monitoring.drift.base import MeasuredDrift
from ml_monitor.monitoring.results import Measured, Undefined
from ml_monitor.results.results_store import (
    Result,
    list_chunkings,
    metric_name,
    point_of,
    read_results,
    result_of,
    segment_name,
)
from tests.factories import NOON, a_point

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        yield opened


def a_result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "chunk": "day",
        "group": "drift",
        "name": "kolmogorov_smirnov",
        "column": "amount",
        "segment": "",
        "start_time": NOON,
        "end_time": NOON + DAY,
        "rows": 400,
        "value": 0.1 + 0.2,
    }
    return Result(**values | changes)


def written(store: JsonStore, *results: Result, **how: Any) -> list[Result]:
    store.put_metric_points([point_of("fraud", result) for result in results])
    return read_results(store, "fraud", "drift", NOON - DAY, NOON + 10 * DAY, **how)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"value": Undefined("one class only"), "rows": 0},
        {"value": 0.0, "standard_error": 1e-300, "p_value": 5e-324},
        {"value": -1.7976931348623157e308},
        {"value": 1e160, "rows": 1},
        {"versions": (1, 12), "notes": ("muted", "Zürich")},
        {"verdicts": {"my-rule": {"state": "ok", "lower": None, "upper": 0.1, "origin": "learnt", "reason": ""}}},
        {"column": "a/b/c"},
        {"column": ""},
        {"column": "x" * 5000},
        {"column": "blank at the end "},
        {"column": "two\nlines\t"},
        {"column": "面积" * 100},
    ],
)
def test_a_result_comes_back_as_it_was(store: JsonStore, changes: Any) -> None:
    assert written(store, a_result(**changes)) == [a_result(**changes)]


@pytest.mark.parametrize("segment", ["country=de", f"city={'y' * 500}", "city=Ulm ", "city=a\nb", "a/b=c/d", "x="])
def test_a_segment_of_any_name_is_kept_and_found_by_it(store: JsonStore, segment: str) -> None:
    result = a_result(segment=segment, segment_by="city")
    assert written(store, result, a_result(), segment=segment) == [result]
    assert written(store, segment=None) == [a_result(), result]
    assert written(store) == [a_result()]


def test_long_names_that_differ_only_at_their_end_stay_apart(store: JsonStore) -> None:
    columns = [f"{'x' * 300}{number}" for number in range(3)]
    results = [a_result(column=column, segment=f"{column}=1") for column in columns]
    found = written(store, *results, segment=None)
    assert sorted(found, key=lambda result: result.column) == results


@pytest.mark.parametrize("name", ["x" * 1000, "tail ", "\x00", "é" * 192, f"{'x' * 172}  {'y' * 100}"])
def test_whatever_the_name_the_store_takes_it(name: str) -> None:
    for fit in (metric_name("day", "drift", "psi", name), segment_name(name)):
        assert unfit_name(fit) is None
        assert len(fit) <= MAX_NAME_CHARACTERS


def test_a_name_that_fits_is_kept_readable() -> None:
    assert metric_name("day", "performance", "roc_auc") == "day/performance/roc_auc"
    assert (
        metric_name("1000", "drift", "psi", "rooms")
        == "1000/drift/psi/rooms"
        == a_result(chunk="1000", name="psi", column="rooms").metric
    )
    longest = "x" * (MAX_NAME_CHARACTERS - len("day/drift/psi/"))
    assert metric_name("day", "drift", "psi", longest).endswith("xx")
    assert segment_name("") == ""


def test_points_merge_by_rows_and_one_without_a_value_counts_nothing() -> None:
    point = point_of("fraud", a_result(value=0.5, rows=400))
    assert (point.count, point.total, point.total_of_squares) == (400, 200.0, 100.0)
    for value in (Undefined("no rows"), 1e200):
        point = point_of("fraud", a_result(value=value))
        assert (point.count, point.total, point.total_of_squares) == (0, 0.0, 0.0)


def test_numbers_of_numpy_are_written_as_pythons_own(store: JsonStore) -> None:
    measured = MeasuredDrift(np.float64(0.25), np.float64(0.5), int(np.int64(7)), p_value=np.float64(0.125))
    place: dict[str, Any] = {"start_time": NOON, "end_time": NOON + DAY, "chunk": "day", "group": "drift"}
    (found,) = written(store, result_of(measured, name="psi", column="age", **place))
    assert (found.value, found.standard_error, found.p_value, found.rows) == (0.25, 0.5, 0.125, 7)
    undefined = result_of(Measured(Undefined("no rows")), name="psi", **place)
    assert (undefined.value, undefined.standard_error, undefined.p_value) == (Undefined("no rows"), None, None)


def test_only_results_of_the_chunking_the_group_the_names_and_the_time_are_read(store: JsonStore) -> None:
    results = [a_result(), a_result(name="psi"), a_result(chunk="1000"), a_result(group="quality")]
    later = a_result(start_time=NOON + DAY, end_time=NOON + 2 * DAY)
    assert written(store, *results, later) == [a_result(), later, a_result(name="psi")]
    assert written(store, names=frozenset({"psi"})) == [a_result(name="psi")]
    assert written(store, chunk="1000") == [a_result(chunk="1000")]
    assert read_results(store, "fraud", "drift", NOON, NOON + DAY, names=frozenset({"kolmogorov_smirnov"})) == [
        a_result()
    ]


def test_a_result_replaces_itself(store: JsonStore) -> None:
    written(store, a_result(value=Undefined("no ground truth"), rows=0))
    assert written(store, a_result(value=0.7)) == [a_result(value=0.7)]


def test_chunkings_are_those_of_results_and_not_of_other_metrics(store: JsonStore) -> None:
    store.put_metric_points([a_point(model="fraud", metric=name) for name in ("latency", "web/cpu/mean", "a/b")])
    written(store, a_result(), a_result(chunk="1000", column="a/b"), a_result(name="psi"))
    assert list_chunkings(store, "fraud") == ["1000", "day"]
    assert list_chunkings(store, "prices") == []
