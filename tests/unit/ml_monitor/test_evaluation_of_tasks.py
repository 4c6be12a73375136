"""Models of every task go through evaluation, with references and names of features as clients happen to have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_core.clock import FixedClock
from ml_core.records import FeatureSpec, Task
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, Fixed, Learnt
from ml_monitor.evaluation.model_evaluator import Evaluation, ModelEvaluator
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.results.results_store import GROUPS, Result, read_results
from tests.factories import NOON
from tests.price_world import FEATURES, add_world, draw_kinds, draw_prices, record_frame
from tests.worlds import FIRST_DAY

HOURS = timedelta(hours=2)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with closing(JsonStore(tmp_path / "store")) as store:
        yield Registry(store, tmp_path / "artifacts", FixedClock(NOON))


def evaluate(registry: Registry, end: datetime, *rules: AlertRule) -> Evaluation:
    return ModelEvaluator(registry, registry.find("prices"), rules or DEFAULT_RULES, end + HOURS).evaluate()


def results(registry: Registry, segment: str | None = "") -> dict[tuple[str, str, str], Result]:
    """Return the results of the newest day, by group, name and column."""
    found = [
        each
        for group in GROUPS
        for each in read_results(registry.store, "prices", group, FIRST_DAY, NOON, segment=segment)
    ]
    return {(each.group, each.name, each.column): each for each in found}


def value(registry: Registry, group: str, name: str, column: str = "") -> Number:
    return results(registry)[group, name, column].value


def firing(registry: Registry) -> set[tuple[str, str]]:
    alerts = list_alerts(registry.store)
    return {(each.state.key.cause, each.state.key.subject) for each in alerts if each.state.status == "firing"}


def number(found: Number) -> float:
    assert isinstance(found, float)
    return found


def test_a_regression_is_measured_estimated_and_fires_when_its_error_grows(registry: Registry) -> None:
    add_world(registry, "regression", draw_prices(3000, 99), headline_metric="root_mean_squared_error")
    for day in range(2):
        end = record_frame(registry, day, draw_prices(300, day))
    assert evaluate(registry, end).chunks == 2
    assert firing(registry) == set()
    assert number(value(registry, "performance", "rmse")) == pytest.approx(10, rel=0.15)
    assert number(value(registry, "estimate", "mae")) == pytest.approx(8, rel=0.2)
    for day in range(2, 4):
        end = record_frame(registry, day, draw_prices(300, day, noise=20))
    evaluate(registry, end)
    assert firing(registry) == {("performance", "rmse")}


def test_an_error_that_falls_is_no_alert(registry: Registry) -> None:
    add_world(registry, "regression", draw_prices(3000, 99), headline_metric="mae")
    for day in range(3):
        end = record_frame(registry, day, draw_prices(300, day, noise=1))
    evaluate(registry, end)
    assert firing(registry) <= {("estimate", "mae")}
    assert results(registry)["performance", "mae", ""].verdicts["default-performance"]["state"] == "ok"


def test_classes_in_words_are_measured_and_fire_when_more_are_wrong(registry: Registry) -> None:
    add_world(registry, "multiclass", draw_kinds(3000, 99), headline_metric="accuracy")
    for day in range(2):
        end = record_frame(registry, day, draw_kinds(300, day))
    evaluate(registry, end)
    assert firing(registry) == set()
    assert number(value(registry, "performance", "accuracy")) == pytest.approx(0.9, abs=0.05)
    assert number(value(registry, "drift", "chi_squared", "value")) >= 0
    for day in range(2, 4):
        end = record_frame(registry, day, draw_kinds(300, day, wrong=0.5))
    evaluate(registry, end)
    assert ("performance", "accuracy") in firing(registry)


@pytest.mark.parametrize("task", ["forecast", "anomaly"])
def test_other_tasks_go_through_with_what_can_be_said_of_them(registry: Registry, task: Task) -> None:
    add_world(registry, task, draw_prices(500, 99))
    end = record_frame(registry, 0, draw_prices(100, 1))
    assert evaluate(registry, end).chunks == 1
    assert number(value(registry, "drift", "kolmogorov_smirnov", "rooms")) < 0.2
    measured = {name for group, name, _ in results(registry) if group == "performance"}
    assert ("mae" in measured) == (task == "forecast")


@pytest.mark.parametrize("name", ["value", "truth", "score"])
@pytest.mark.parametrize("task", ["regression", "multiclass", "binary"])
def test_a_feature_may_be_named_as_an_outcome(registry: Registry, task: Task, name: str) -> None:
    frame = draw_prices(500, 99)
    features = (*FEATURES, FeatureSpec(name, "number"))
    add_world(registry, task, frame.assign(score=0.5), features=features)
    today = draw_prices(100, 1).assign(score=0.25)
    end = record_frame(registry, 0, today, [spec.name for spec in features])
    assert evaluate(registry, end).chunks == 1
    assert number(value(registry, "drift", "kolmogorov_smirnov", name)) >= 0
    assert value(registry, "quality", "missing", name) == 0.0


@pytest.mark.parametrize(
    "lacking", [["truth"], ["value"], ["value", "truth"], ["rooms"], ["rooms", "area", "district"]]
)
@pytest.mark.parametrize("task", ["regression", "multiclass", "binary"])
def test_a_reference_may_lack_what_predictions_have(registry: Registry, task: Task, lacking: list[str]) -> None:
    add_world(registry, task, draw_prices(500, 99).assign(score=0.5).drop(columns=lacking))
    end = record_frame(registry, 0, draw_prices(100, 1))
    rules = (*DEFAULT_RULES, AlertRule(name="learnt", watches="estimate", threshold=Learnt()))
    assert evaluate(registry, end, *rules).chunks == 1
    found = results(registry)
    assert not [key for key in found if key[2] in lacking]
    if task == "regression" and "truth" in lacking:
        verdict = found["performance", "mae", ""].verdicts["default-performance"]
        assert (verdict["state"], verdict["reason"]) == ("undefined", "no threshold: the reference holds no truth")


def test_predictions_may_lack_a_feature_of_the_reference(registry: Registry) -> None:
    add_world(registry, "regression", draw_prices(500, 99))
    end = record_frame(registry, 0, draw_prices(100, 1), ["rooms", "district"])
    assert evaluate(registry, end).chunks == 1
    assert value(registry, "quality", "missing", "area") == 1.0
    assert value(registry, "drift", "kolmogorov_smirnov", "area") == Undefined("all values of the chunk are missing")
    assert results(registry)["quality", "missing", "area"].verdicts["default-quality"]["state"] == "beyond"


@pytest.mark.parametrize("empty", ["area", "district", "score", "truth", "value"])
@pytest.mark.parametrize("task", ["regression", "multiclass", "binary"])
def test_a_column_of_the_reference_may_be_empty(registry: Registry, task: Task, empty: str) -> None:
    reference = draw_prices(200, 99).assign(score=0.5)
    add_world(registry, task, reference.assign(**{empty: pd.Series([None] * 200, dtype=object)}))
    end = record_frame(registry, 0, draw_prices(100, 1).assign(score=0.5))
    assert evaluate(registry, end).chunks == 1
    if empty in ("area", "district"):
        missing = results(registry)["quality", "missing", empty]
        assert (missing.value, missing.verdicts["default-quality"]["state"]) == (0.0, "ok")


def test_cells_that_the_reference_lacked_too_are_no_news(registry: Registry) -> None:
    def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
        gaps = frame.index % 4 == 0
        columns: dict[str, Any] = {name: frame[name].astype(object).mask(gaps, None) for name in ("area", "district")}
        return frame.assign(**columns)

    add_world(registry, "regression", with_gaps(draw_prices(2000, 99)))
    for day in range(3):
        end = record_frame(registry, day, with_gaps(draw_prices(400, day)).replace({float("nan"): None}))
    evaluate(registry, end)
    assert value(registry, "quality", "missing", "district") == 0.25
    assert firing(registry) == set()


def test_a_bound_that_could_never_be_crossed_is_a_verdict_with_its_reason(registry: Registry) -> None:
    add_world(registry, "regression", draw_prices(500, 99))
    end = record_frame(registry, 0, draw_prices(100, 1))
    rule = AlertRule(name="wrong-side", watches="performance", metrics=("mae",), threshold=Fixed(lower=1))
    evaluate(registry, end, rule)
    verdict = results(registry)["performance", "mae", ""].verdicts["wrong-side"]
    assert verdict["state"] == "undefined"
    assert "upper: expected a bound, since mae gets worse on that side" in verdict["reason"]


def test_names_in_a_rule_that_stand_for_nothing_are_told_once(registry: Registry) -> None:
    add_world(registry, "regression", draw_prices(500, 99))
    for day in range(2):
        end = record_frame(registry, day, draw_prices(100, day))
    rules = (
        AlertRule(name="a", watches="performance", model="prices", metrics=("mea", "mean_absolute_error")),
        AlertRule(name="b", watches="drift", model="prices", columns=("raea", "value"), metrics=("pis",)),
        AlertRule(name="c", watches="performance", model="prices", segment_by="town"),
        AlertRule(name="d", watches="performance", metrics=("roc_auc", "auc")),
        AlertRule(name="e", watches="quality", columns=("amount",), metrics=("missing",)),
    )
    notes = evaluate(registry, end, *rules).notes
    told = [note.partition(", not ")[2] for note in notes]
    assert told == ["'mea'", "'pis'", "'raea'", "'town'", "'auc'"]
    assert notes[2] == (
        "rule 'b': columns: expected some of value, truth, rooms, area, district, not 'raea'"
    )  # fmt: skip
    assert results(registry)["performance", "mae", ""].verdicts.keys() == {"a", "c"}


def test_each_rule_judges_the_segments_it_asked_for_by_their_own_rows_of_the_reference(registry: Registry) -> None:
    def uneven(rows: int, seed: int) -> pd.DataFrame:
        frame = draw_prices(rows, seed)
        hard = frame["district"] == "north"
        return frame.assign(truth=frame["value"] + (frame["truth"] - frame["value"]) * (1 + 9 * hard))

    add_world(registry, "regression", uneven(3000, 99))
    for day in range(3):
        end = record_frame(registry, day, uneven(600, day))
    metrics = ("mae",)
    by_district = AlertRule(
        name="a", watches="performance", metrics=metrics, segment_by="district", threshold=Learnt(deviations=4)
    )
    by_rooms = AlertRule(name="b", watches="performance", metrics=metrics, segment_by="rooms", minimum_rows=10)
    evaluate(registry, end, by_district, by_rooms)
    assert firing(registry) == set()
    segments = {(each.rule, each.state.key.segment.partition("=")[0]) for each in list_alerts(registry.store)}
    assert {rule for rule, segment in segments if segment.startswith("district")} == {"a"}
    assert "a" not in {rule for rule, segment in segments if "rooms" in segment}
