"""What the model page reads of checks: the headline metric by chunk, and the columns that have drifted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ml_core.records import Model
from ml_core.store.json_store import JsonStore
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.pages.checked import MOST_COLUMNS, MOST_DRIFT_CHUNKS, Checked, DriftTable, Performance, read_checked
from ml_monitor.pages.ranges import parse_range
from ml_monitor.results.results_store import EVALUATIONS, Group, Result, evaluation_key, point_of
from tests.factories import NOON, a_model
from tests.unit.ml_monitor.telling import DAY

TODAY = NOON.replace(hour=0)
MODEL = a_model("fraud", task="binary", headline_metric="roc_auc_score")


def verdict(state: str, lower: float | None = None, upper: float | None = None) -> dict[str, Any]:
    return {"state": state, "lower": lower, "upper": upper, "origin": "learnt", "reason": ""}


def a_result(group: Group, name: str, value: Number, days_ago: int = 1, column: str = "", **more: Any) -> Result:
    start = TODAY - days_ago * DAY
    return Result(more.pop("chunk", "day"), group, name, column, "", start, start + DAY, 400, value, **more)


def a_test(column: str, p_value: float, days_ago: int = 1, state: str = "ok") -> Result:
    verdicts = {"default-drift": verdict(state)}
    return a_result("drift", "kolmogorov_smirnov", 0.1, days_ago, column, p_value=p_value, verdicts=verdicts)


def checked(store: JsonStore, *results: Result, model: Model = MODEL, **arguments: str) -> Checked:
    store.put_metric_points([point_of(model.name, result) for result in results])
    return read_checked(store, model, parse_range(arguments, NOON), NOON)


def performance(store: JsonStore, *results: Result, **arguments: str) -> Performance:
    found = checked(store, *results, **arguments).performance
    assert found is not None
    return found


def drift(store: JsonStore, *results: Result) -> DriftTable:
    found = checked(store, *results).drift
    assert found is not None
    return found


def test_without_a_check_there_is_nothing(json_store: JsonStore) -> None:
    assert checked(json_store) == Checked(is_checked=False, alerts=(), performance=None, drift=None)


def test_a_check_that_found_nothing_has_still_run(json_store: JsonStore) -> None:
    json_store.put_document(EVALUATIONS, evaluation_key("fraud"), {}, expected_revision=None)
    assert checked(json_store).is_checked
    assert not checked(json_store, model=a_model("churn")).is_checked


def test_the_headline_metric_is_shown_by_chunk_as_realised_and_as_estimated(json_store: JsonStore) -> None:
    bounds = {"default-performance": verdict("beyond", 0.78, 0.9)}
    found = performance(
        json_store,
        a_result("performance", "roc_auc", 0.52, 2, verdicts=bounds),
        a_result("performance", "roc_auc", Undefined("no ground truth"), 1),
        a_result("performance", "accuracy", 0.9, 2),
        a_result("estimate", "roc_auc", 0.81, 1, notes=("muted",)),
    )
    assert (found.metric, found.title, found.chunking) == ("roc_auc", "ROC AUC", "day")
    before, newest = found.chunks
    assert before.realised is not None and newest.realised is not None and newest.estimated is not None
    assert (before.realised.value, before.realised.lower, before.realised.upper) == (0.52, 0.78, 0.9)
    assert before.realised.state == "beyond"
    assert before.judged is before.realised
    assert (newest.realised.value, newest.realised.undefined) == (None, "no ground truth")
    assert newest.judged is newest.estimated  # until the truth has come
    assert (newest.estimated.value, newest.estimated.notes) == (0.81, ("muted",))


def test_of_the_bounds_of_several_rules_the_strictest_are_shown(json_store: JsonStore) -> None:
    verdicts = {"a": verdict("ok", 0.7, 0.95), "b": verdict("ok", 0.8), "c": verdict("undefined")}
    (chunk,) = performance(json_store, a_result("performance", "roc_auc", 0.85, verdicts=verdicts)).chunks
    assert chunk.realised is not None
    assert (chunk.realised.lower, chunk.realised.upper, chunk.realised.state) == (0.8, 0.95, "ok")


@pytest.mark.parametrize(("headline", "shown"), [("f1_score", "f1"), ("of_their_own", "accuracy"), (None, "accuracy")])
def test_without_a_metric_that_is_measured_the_first_of_the_task_is_shown(
    json_store: JsonStore, headline: str | None, shown: str
) -> None:
    results = [a_result("performance", name, 0.8) for name in ("accuracy", "f1")]
    found = checked(json_store, *results, model=a_model("fraud", task="binary", headline_metric=headline))
    assert found.performance is not None
    assert found.performance.metric == shown


def test_a_task_without_metrics_has_no_performance(json_store: JsonStore) -> None:
    found = checked(json_store, a_test("amount", 0.5), model=a_model("fraud", task="anomaly"))
    assert found.performance is None
    assert found.drift is not None


def test_a_range_of_hours_shows_the_days_before_its_end(json_store: JsonStore) -> None:
    results = [a_result("performance", "roc_auc", 0.8, days_ago) for days_ago in (1, 29, 31, 60)]

    def days(**arguments: str) -> list[datetime]:
        return [chunk.start for chunk in performance(json_store, *results, **arguments).chunks]

    assert days(range="1h") == [TODAY - 29 * DAY, TODAY - DAY]
    assert days(**{"from": "2026-09-01T00:00:00Z", "to": "2026-11-15T00:00:00Z"}) == [
        TODAY - age * DAY for age in (60, 31, 29)
    ]


def test_other_chunks_than_days_are_shown_where_there_are_no_days(json_store: JsonStore) -> None:
    assert performance(json_store, a_result("performance", "roc_auc", 0.8, chunk="1000")).chunking == "1000"
    assert performance(json_store, a_result("performance", "roc_auc", 0.8)).chunking == "day"


def test_the_columns_that_drifted_most_come_first(json_store: JsonStore) -> None:
    found = drift(
        json_store,
        *(a_test("calm", 0.9, 2), a_test("calm", 0.8, 1)),
        *(a_test("odd", 0.9, 2), a_test("odd", 0.01, 1)),
        *(a_test("was", 1e-9, 2, "beyond"), a_test("was", 0.4, 1)),
        *(a_test("new", 0.3, 2), a_test("new", 1e-5, 1, "beyond")),
        *(a_test("always", 1e-4, 2, "beyond"), a_test("always", 1e-4, 1, "beyond")),
    )
    assert [row.column for row in found.rows] == ["always", "new", "was", "odd", "calm"]
    assert found.start_times == (TODAY - DAY, TODAY - 2 * DAY)
    assert [cell.state for cell in found.rows[1].cells if cell] == ["drifted", "ok"]


def test_a_cell_says_why_there_is_no_verdict(json_store: JsonStore) -> None:
    empty = a_result("drift", "chi_squared", Undefined("all missing"), 1, "country")
    free = a_result("drift", "kolmogorov_smirnov", 0.3, 1, "score", p_value=1e-9)
    found = drift(json_store, empty, free, a_test("amount", 0.2, 2), a_result("drift", "jensen_shannon", 0.9, 3, "x"))
    cells = {row.column: [cell and (cell.state, cell.undefined) for cell in row.cells] for row in found.rows}
    assert cells == {
        "country": [("undefined", "all missing"), None],
        "score": [("not judged", None), None],
        "amount": [None, ("ok", None)],
    }


def test_the_table_is_bounded_in_both_directions(json_store: JsonStore) -> None:
    found = drift(
        json_store,
        *(a_test("amount", 0.5, days_ago) for days_ago in range(1, 20)),
        *(a_test(f"column {number}", 0.5) for number in range(30)),
    )
    assert len(found.start_times) == len(found.rows[0].cells) == MOST_DRIFT_CHUNKS
    assert found.start_times[0] == TODAY - DAY
    assert (len(found.rows), found.columns_total) == (MOST_COLUMNS, 31)
