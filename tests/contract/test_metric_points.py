"""What every store promises of metric points: replaced by key, read in order, merged by sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ml_core.records import MetricPoint
from ml_core.store.base import Store
from ml_core.store.base_series import METRIC_COLUMNS, METRIC_TABLE_COLUMNS
from tests.contract import processes as work
from tests.contract.processes import ProcessGroup
from tests.factories import NOON, a_point

MODEL, ERROR = "housing_price", "mean_absolute_error"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)


def all_of(store: Store, model: str = MODEL, metric: str = ERROR, **choice: Any) -> pd.DataFrame:
    return store.metric_series(model, metric, LONG_AGO, FAR_AHEAD, **choice)


def point_of(values: Sequence[float], start_time: datetime, **changes: Any) -> MetricPoint:
    squares = float(sum(value * value for value in values))
    sums = {"count": len(values), "total": float(sum(values)), "total_of_squares": squares}
    return a_point(start_time, **sums | changes)


# Storing and reading


def test_a_point_comes_back_with_its_mean_and_standard_deviation(store: Store) -> None:
    details = {"threshold": {"upper": 4.0, "lower": None}, "verdict": "ok", "chunks": [1, 2]}
    store.put_metric_points([a_point(segment="region=ö", version=3, details=details)])
    frame = all_of(store, segment="region=ö")
    assert tuple(frame.columns) == METRIC_COLUMNS
    assert frame.iloc[0].to_list() == [NOON, NOON + HOUR, 3, "region=ö", 2, 3.0, 1.0, 6.0, 20.0, details]


def test_the_standard_deviation_is_that_of_the_population(store: Store) -> None:
    values = [0.1, 2.5, -7.25, 1e6, 3.0]
    store.put_metric_points([point_of(values, NOON), point_of([1e8 + 0.1] * 3, NOON + HOUR)])
    frame = all_of(store)
    assert frame["mean"].to_list() == pytest.approx([np.mean(values), 1e8 + 0.1])
    assert frame["standard_deviation"][0] == pytest.approx(np.std(values))
    assert frame["standard_deviation"][1] < 10  # of large numbers the digits are gone, but it is never NaN


def test_where_nothing_was_counted_there_is_no_mean(store: Store) -> None:
    store.put_metric_points([point_of([], NOON)])
    frame = all_of(store)
    assert frame["count"].to_list() == [0]
    assert frame[["mean", "standard_deviation"]].isna().all(axis=None)


def test_a_point_computed_again_replaces_the_first(store: Store) -> None:
    points = [a_point(NOON + number * HOUR) for number in range(30)]
    store.put_metric_points(points)
    store.put_metric_points(points)
    store.put_metric_points([a_point(total=8.0, details={"again": True}), a_point(total=10.0)])
    frame = all_of(store)
    assert frame["total"].to_list() == [10.0] + [6.0] * 29
    assert frame["details"][0] == {}
    assert store.count_records()["metric_points"] == {MODEL: 30}


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "wine"},
        {"metric": "Mean_absolute_error"},
        {"segment": "a"},
        {"version": 1},
        {"start_time": NOON - MICROSECOND},
        {"end_time": NOON + HOUR + MICROSECOND},
    ],
)
def test_a_point_that_differs_in_any_part_of_its_key_is_another(store: Store, changes: dict[str, Any]) -> None:
    store.put_metric_points([a_point(), a_point(total=8.0, **changes)])
    assert sum(store.count_records()["metric_points"].values()) == 2
    assert 6.0 in all_of(store)["total"].to_list()


def test_points_come_by_start_end_version_and_segment(store: Store) -> None:
    keys = [
        (NOON, NOON + HOUR, 1, ""),
        (NOON, NOON + HOUR, 1, "a"),
        (NOON, NOON + HOUR, 2, "A"),
        (NOON, NOON + HOUR, 2, "ä"),
        (NOON, NOON + 2 * HOUR, 0, "a"),
        (NOON + DAY, NOON + DAY + HOUR, 0, ""),
    ]
    store.put_metric_points(
        [a_point(start, end_time=end, version=version, segment=segment) for start, end, version, segment in keys[::-1]]
    )
    frame = all_of(store, segment=None)
    assert list(zip(*(frame[name] for name in METRIC_COLUMNS[:4]), strict=True)) == keys
    assert all_of(store)["segment"].to_list() == ["", ""]
    assert all_of(store, segment="a")["version"].to_list() == [1, 0]
    assert all_of(store, segment=None, version=2)["segment"].to_list() == ["A", "ä"]
    assert len(all_of(store, version=7)) == 0


def test_a_range_of_starts_is_half_open_and_may_have_any_offset(store: Store) -> None:
    midnight = NOON - 12 * HOUR
    store.put_metric_points([a_point(midnight + number * HOUR) for number in range(-2, 5)])
    for offset in (timedelta(0), 13 * HOUR, -11 * HOUR):
        zone = timezone(offset)
        frame = store.metric_series(MODEL, ERROR, midnight.astimezone(zone), (midnight + 2 * HOUR).astimezone(zone))
        assert frame["start_time"].to_list() == [midnight, midnight + HOUR]


def test_thousands_of_points_in_one_batch_are_all_stored(store: Store) -> None:
    store.put_metric_points([a_point(NOON + number * HOUR, count=number) for number in range(2500)])
    assert all_of(store)["count"].to_list() == list(range(2500))


def test_an_empty_batch_stores_nothing(store: Store) -> None:
    store.put_metric_points([])
    assert store.count_records()["metric_points"] == {}


def test_an_empty_frame_has_the_same_types_as_any_other(store: Store) -> None:
    store.put_metric_points([a_point()])
    full, empty = all_of(store), all_of(store, metric="unknown")
    merged, merged_empty = all_of(store, window=DAY), all_of(store, metric="unknown", window=DAY)
    types = full.dtypes.astype(str).to_list()
    assert types == [*["datetime64[us, UTC]"] * 2, "int64", "object", "int64", *["float64"] * 4, "object"]
    for frame in (empty, merged, merged_empty):
        assert frame.dtypes.astype(str).to_list() == types


def test_the_metrics_of_a_model_are_listed_in_order(store: Store) -> None:
    names = ["b", "B", "ä/ö", "drift: age", "a"]
    store.put_metric_points([a_point(NOON + DAY, metric=name) for name in names])
    store.put_metric_points([a_point(metric="b"), a_point(model="wine", metric="other")])
    assert store.list_metrics(MODEL) == sorted(names)
    assert store.list_metrics("wine") == ["other"]
    assert store.list_metrics("unknown") == []


# Many at once


def test_many_metrics_are_read_at_once_in_order_of_metric_and_time(store: Store) -> None:
    points = [
        a_point(NOON + hour * HOUR, metric=metric, segment=segment, version=hour % 2, details={"hour": hour})
        for metric in ("b", "a", "ä/rooms", "c")
        for segment in ("", "plan=x")
        for hour in (2, 0, 1)
    ]
    store.put_metric_points([*points, a_point(model="wine", metric="a")])
    wanted = ("b", "ä/rooms", "a", "nobody has written this", "b")
    found = store.metric_table(MODEL, NOON, NOON + 2 * HOUR, wanted)
    assert tuple(found.columns) == METRIC_TABLE_COLUMNS
    assert found["metric"].drop_duplicates().to_list() == ["a", "b", "ä/rooms"]
    for metric, part in found.groupby("metric"):
        alone = store.metric_series(MODEL, str(metric), NOON, NOON + 2 * HOUR)
        assert_frame_equal(part.drop(columns="metric").reset_index(drop=True), alone)


@pytest.mark.parametrize("choice", [{}, {"segment": None}, {"segment": "plan=x"}, {"version": 1}, {"metrics": []}])
def test_a_table_holds_what_the_series_hold(store: Store, choice: dict[str, Any]) -> None:
    for value in (1.0, 2.0):  # the second one replaces the first
        store.put_metric_points(
            [
                a_point(NOON + day * DAY, metric=metric, segment=segment, version=version, total=value)
                for metric in ("a", "b")
                for segment in ("", "plan=x")
                for version in (0, 1)
                for day in range(3)
            ]
        )
    found = store.metric_table(MODEL, NOON - DAY, NOON + 2 * DAY, **choice)
    names = choice.pop("metrics", ["a", "b"])
    series = [store.metric_series(MODEL, name, NOON - DAY, NOON + 2 * DAY, **choice) for name in names]
    expected = pd.concat(series, ignore_index=True) if series else store.metric_series(MODEL, "none", NOON, NOON + DAY)
    assert_frame_equal(found.drop(columns="metric"), expected)


def test_a_table_of_nothing_has_the_same_columns_and_types(store: Store) -> None:
    store.put_metric_points([a_point()])
    full, empty = (store.metric_table(model, NOON, NOON + HOUR) for model in (MODEL, "wine"))
    assert (len(full), len(empty)) == (1, 0)
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_a_table_of_more_metrics_than_fit_into_a_statement_is_whole(store: Store) -> None:
    store.put_metric_points([a_point(metric=f"drift/column-{number:04}") for number in range(2100)])
    assert len(store.metric_table(MODEL, NOON, NOON + HOUR)) == 2100
    assert len(store.metric_table(MODEL, NOON, NOON + HOUR, store.list_metrics(MODEL)[:1500])) == 1500


# Merging


def test_points_are_merged_into_windows_aligned_to_the_epoch(store: Store) -> None:
    chunks = {NOON - HOUR: [1.0, 2.0], NOON: [3.0], NOON + HOUR: [], NOON + 2 * HOUR: [5.0, 9.0], NOON + DAY: [4.0]}
    store.put_metric_points([point_of(values, start, details={"a": 1}) for start, values in chunks.items()])
    frame = all_of(store, window=6 * HOUR)
    assert frame["start_time"].to_list() == [NOON - 6 * HOUR, NOON, NOON + DAY]
    assert frame["end_time"].to_list() == [NOON, NOON + 6 * HOUR, NOON + DAY + 6 * HOUR]
    assert frame["count"].to_list() == [2, 3, 1]
    assert frame["mean"].to_list() == pytest.approx([1.5, 17 / 3, 4.0])
    assert frame["standard_deviation"].to_list() == pytest.approx([0.5, np.std([3.0, 5.0, 9.0]), 0.0])
    assert frame["details"].to_list() == [{}, {}, {}]


def test_segments_are_merged_apart_and_versions_together(store: Store) -> None:
    store.put_metric_points(
        [
            a_point(NOON + hour * HOUR, segment=segment, version=version)
            for hour in range(2)
            for segment in ("", "a")
            for version in (1, 2)
        ]
    )
    frame = all_of(store, segment=None, window=DAY)
    assert frame["segment"].to_list() == ["", "a"]
    assert frame["version"].to_list() == [0, 0]
    assert frame["count"].to_list() == [8, 8]
    assert all_of(store, version=2, window=DAY)["count"].to_list() == [4]


def test_windows_before_the_epoch_are_aligned_as_well(store: Store) -> None:
    start = datetime(1969, 12, 31, 23, 30, tzinfo=UTC)
    store.put_metric_points([a_point(start)])
    assert all_of(store, window=HOUR)["start_time"].to_list() == [start - HOUR / 2]


def test_a_merged_series_is_cut_by_its_range_before_it_is_merged(store: Store) -> None:
    store.put_metric_points([a_point(NOON + number * HOUR) for number in range(6)])
    frame = store.metric_series(MODEL, ERROR, NOON + HOUR, NOON + 5 * HOUR, window=6 * HOUR)
    assert frame["count"].to_list() == [8]


def test_a_window_that_is_none_is_refused(store: Store) -> None:
    for window in (timedelta(0), -HOUR):
        with pytest.raises(ValueError, match=r"^window: expected a duration above zero"):
            all_of(store, window=window)


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "../wine"}, "model: expected 1 to 64"),
        ({"metric": ""}, "metric: expected 1 to 191"),
        ({"metric": "a "}, "metric: expected 1 to 191"),
        ({"segment": "x" * 192}, "segment: expected 1 to 191"),
        ({"start_time": datetime(2026, 11, 20)}, "start_time: expected a time with a UTC offset"),
        ({"end_time": datetime(2026, 11, 20)}, "end_time: expected a time with a UTC offset"),
        ({"end_time": NOON}, "end_time: expected a time after start_time"),
        ({"count": -1}, "count: expected a whole number from 0"),
        ({"count": 2**63}, "count: expected a whole number from 0"),
        ({"version": -1}, "version: expected a whole number from 0"),
        ({"total": math.nan}, "total: expected a finite number"),
        ({"total_of_squares": math.inf}, "total_of_squares: expected a finite number"),
        ({"details": {"bounds": [math.inf]}}, r"details.bounds\[0\]: expected a finite number"),
        ({"details": {"time": NOON}}, "details: expected numbers, texts"),
    ],
)
def test_a_point_that_is_unfit_is_refused_with_the_field_and_nothing_is_stored(
    store: Store, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"^points\[1\].{message}"):
        store.put_metric_points([a_point(NOON - DAY), a_point(**changes)])
    assert store.count_records()["metric_points"] == {}


def test_metrics_are_asked_for_by_names_that_can_be(store: Store) -> None:
    with pytest.raises(ValueError, match=r"^model: "):
        all_of(store, model="../wine")
    with pytest.raises(ValueError, match=r"^metric: "):
        all_of(store, metric="")
    with pytest.raises(ValueError, match=r"^segment: "):
        all_of(store, segment="a ")
    with pytest.raises(ValueError, match=r"^model: "):
        store.list_metrics("a/b")
    with pytest.raises(ValueError, match=r"^model: "):
        store.metric_table("a/b", NOON, NOON + DAY)
    with pytest.raises(ValueError, match=r"^metric: "):
        store.metric_table(MODEL, NOON, NOON + DAY, ["a", ""])
    with pytest.raises(ValueError, match=r"^segment: "):
        store.metric_table(MODEL, NOON, NOON + DAY, segment="a ")


# Several processes


def test_points_put_by_eight_processes_are_there_once(processes: ProcessGroup, store: Store, store_url: str) -> None:
    processes.run(store_url, work.put_points, range(8))
    frame = all_of(store, model=work.MODEL)
    assert len(frame) == 100
    assert store.count_records()["metric_points"] == {work.MODEL: 100}
    assert frame["version"].nunique() == 1
    assert set(frame["count"]) <= set(range(8))


def test_points_of_many_metrics_are_read_by_the_beginning_of_their_names(store: Store) -> None:
    names = ("day/drift/ks/age", "day/drift/ks/rooms", "day/drift/KS/age", "day/driftier", "1000/drift/ks/age", "day/%")
    store.put_metric_points([a_point(metric=name) for name in names])
    store.put_metric_points([a_point(NOON - timedelta(days=1), metric="day/drift/ks/age", details={"rows": 3})])
    store.put_metric_points([a_point(metric="day/drift/ks/age", segment="city=Porto")])

    def read(*prefixes: str, **more: Any) -> list[tuple[str, datetime, str]]:
        found = store.metric_points("housing_price", prefixes, NOON - timedelta(days=1), NOON + HOUR, **more)
        return [(point.metric, point.start_time, point.segment) for point in found]

    day_before = NOON - timedelta(days=1)
    assert read("day/drift/ks/") == [
        ("day/drift/ks/age", day_before, ""),
        ("day/drift/ks/age", NOON, ""),
        ("day/drift/ks/rooms", NOON, ""),
    ]
    assert read("day/drift/ks/age", segment=None)[2] == ("day/drift/ks/age", NOON, "city=Porto")
    assert read("day/%", "1000/") == [("1000/drift/ks/age", NOON, ""), ("day/%", NOON, "")]
    assert read() == read("nothing") == []
    assert store.metric_points("other", ("day/",), day_before, NOON + HOUR) == []


def test_points_read_by_prefix_are_those_in_force_and_in_the_range(store: Store) -> None:
    store.put_metric_points([a_point(details={"value": 1}), a_point(NOON + HOUR)])
    store.put_metric_points([a_point(count=3, details={"value": 2})])
    (point,) = store.metric_points("housing_price", ("mean",), NOON, NOON + HOUR)
    assert point == a_point(count=3, details={"value": 2})
