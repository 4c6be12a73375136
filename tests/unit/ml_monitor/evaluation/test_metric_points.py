"""A rule that watches metric points which another part of the suite has written: each new point is a chunk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_core.records import MetricPoint
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import AlertRule
from ml_monitor.evaluation.model_evaluator import Evaluation, ModelEvaluator
from ml_monitor.monitoring.results import Undefined
from tests.factories import NOON, a_model

HOUR = timedelta(hours=1)
OVERLOAD = "overload_probability"


@pytest.fixture
def store(registry: Registry) -> Store:
    registry.add_model(a_model("cpu", task="forecast"))
    return registry.store


def write(store: Store, hour: int, value: float | None, **changes: Any) -> None:
    """Write the point of an hour, counted from noon; None: nothing was counted."""
    start = NOON + hour * HOUR
    number, count = (0.0, 0) if value is None else (value, 1)
    values = {
        "start_time": start,
        "end_time": start + HOUR,
        "count": count,
        "total": number,
        "total_of_squares": number**2,
    }
    store.put_metric_points([MetricPoint(**{"model": "cpu", "metric": OVERLOAD} | values | changes)])


def a_rule(**changes: Any) -> AlertRule:
    values = {"name": "overload", "watches": "metric", "metrics": [OVERLOAD], "threshold": {"upper": 0.8}}
    return AlertRule.model_validate(values | {"model": "cpu"} | changes)


def check(registry: Registry, hour: float, *rules: AlertRule) -> Evaluation:
    as_of = NOON + hour * HOUR
    return ModelEvaluator(registry, registry.find("cpu"), rules or [a_rule()], as_of).evaluate()


def statuses(store: Store) -> dict[tuple[str, str], str]:
    return {(each.state.key.subject, each.state.key.segment): each.state.status for each in list_alerts(store)}


SUBJECT = f"{OVERLOAD} by overload"


def test_two_of_three_points_beyond_the_bound_fire_and_two_good_ones_resolve(registry: Registry, store: Store) -> None:
    for hour, value in enumerate([0.1, 0.9, 0.2, 0.95, 0.3, 0.2]):
        write(store, hour, value)
    moved = [(move.before, move.after) for hour in range(1, 7) for move in check(registry, hour).moves]
    assert moved == [
        ("insufficient data", "ok"),
        ("ok", "pending"),
        ("pending", "firing"),
        ("firing", "resolved"),
    ]
    (alert,) = list_alerts(store)
    assert (alert.state.key.cause, alert.state.key.subject) == ("metric", SUBJECT)


def test_a_point_is_judged_once_and_not_before_it_has_ended(registry: Registry, store: Store) -> None:
    write(store, 0, 0.9)
    assert check(registry, 0.5).chunks == 0
    assert [check(registry, hour).chunks for hour in (1, 1, 2)] == [1, 0, 0]


def test_a_replay_sees_no_point_of_its_future(registry: Registry, store: Store) -> None:
    for hour in range(3):
        write(store, hour, 0.9)
    assert check(registry, 1).chunks == 1
    assert statuses(store) == {(SUBJECT, ""): "pending"}


def test_a_point_that_is_corrected_within_a_day_is_judged_anew(registry: Registry, store: Store) -> None:
    for hour in range(3):
        write(store, hour, 0.9 if hour else 0.1)
    check(registry, 3)
    assert statuses(store) == {(SUBJECT, ""): "firing"}
    write(store, 2, 0.1)
    write(store, 3, 0.1)
    check(registry, 4)
    assert statuses(store) == {(SUBJECT, ""): "resolved"}


@pytest.mark.parametrize(
    ("threshold", "value", "expected"),
    [
        ({"upper": 0.8}, 0.9, ("pending", 0.8)),
        ({"lower": 0.5}, 0.9, ("ok", 0.5)),
        ({"lower": 0.5}, 0.4, ("pending", 0.5)),
        ({"lower": 0.5, "upper": 0.8}, 0.4, ("pending", 0.5)),
        ({"lower": 0.5, "upper": 0.8}, 0.9, ("pending", 0.8)),
        ({"lower": 0.5, "upper": 0.8}, 0.6, ("ok", 0.8)),
        ({"upper": -1}, -2, ("ok", -1)),
    ],
)
def test_a_bound_counts_on_its_side(
    registry: Registry, store: Store, threshold: dict[str, float], value: float, expected: tuple[str, float]
) -> None:
    write(store, 0, value)
    check(registry, 1, a_rule(threshold=threshold))
    (alert,) = list_alerts(store)
    assert (alert.state.status, alert.state.history[-1].bound) == expected


def test_each_segment_has_an_alert_unless_the_rule_names_one(registry: Registry, store: Store) -> None:
    for segment, value in (("", 0.1), ("web", 0.9), ("db", 0.2)):
        write(store, 0, value, segment=segment)
    check(registry, 1)
    assert statuses(store) == {(SUBJECT, ""): "ok", (SUBJECT, "web"): "pending", (SUBJECT, "db"): "ok"}
    check(registry, 1, a_rule(name="one", segment="db"))
    assert statuses(store)[f"{OVERLOAD} by one", "db"] == "ok"
    assert (f"{OVERLOAD} by one", "web") not in statuses(store)


def test_versions_of_the_same_time_are_chunks_of_their_own(registry: Registry, store: Store) -> None:
    for version in (1, 2):
        write(store, 0, 0.9, version=version)
    check(registry, 1)
    assert statuses(store) == {(SUBJECT, ""): "firing"}


def test_a_point_that_counts_nothing_is_insufficient_data(registry: Registry, store: Store) -> None:
    write(store, 0, None)
    check(registry, 1)
    (alert,) = list_alerts(store)
    assert (alert.state.status, alert.state.history[-1].value) == (
        "insufficient data",
        Undefined("nothing was counted"),
    )


def test_the_writers_exact_value_and_its_reason_for_none_are_taken(registry: Registry, store: Store) -> None:
    write(store, 0, 0.1, details={"value": 0.95})
    write(store, 1, None, details={"undefined": "no CPU was measured"})
    check(registry, 2)
    (alert,) = list_alerts(store)
    assert [each.value for each in alert.state.history] == [0.95, Undefined("no CPU was measured")]


def test_a_metric_that_nobody_has_written_is_awaited_in_peace(registry: Registry, store: Store) -> None:
    assert (check(registry, 1).chunks, list_alerts(store)) == (0, [])


def test_a_rule_for_all_models_watches_the_metric_where_it_is(registry: Registry, store: Store) -> None:
    registry.add_model(a_model("other"))
    write(store, 0, 0.9)
    check(registry, 1, a_rule(model="*"))
    assert statuses(store) == {(SUBJECT, ""): "pending"}
