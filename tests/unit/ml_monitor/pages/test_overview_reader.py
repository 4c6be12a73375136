from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ml_core.registry import Registry
from ml_monitor.pages.alert_lines import read_alert_lines
from ml_monitor.pages.overview_reader import ModelRow, Overview, TrendPoint, read_overview
from ml_monitor.pages.stories import plain_text
from ml_monitor.pages.verdicts import overview_verdict
from ml_monitor.results.summaries import Summary, update_summary
from tests.factories import NOON, a_model, a_prediction, a_version
from tests.unit.ml_monitor.results.test_summaries import CHANGE, a_chunk
from tests.unit.ml_monitor.telling import DAY, an_alert, keep

STALE_AFTER = 24.0


def overview(registry: Registry, now: datetime = NOON, stale_after_hours: float = STALE_AFTER) -> Overview:
    return read_overview(registry, read_alert_lines(registry.store, now), {}, now, stale_after_hours)


def verdict(found: Overview) -> str:
    return " ".join(map(plain_text, overview_verdict(found)))


def row(registry: Registry, name: str = "housing_price") -> ModelRow:
    (found,) = (model for model in overview(registry).models if model.name == name)
    return found


def log(registry: Registry, model: str, *ages: timedelta, **changes: Any) -> None:
    rows = [a_prediction(NOON - age, **changes) for age in ages]
    registry.store.record_predictions(model, rows, new_ids=True)


def judged(registry: Registry, model: str, **changes: Any) -> None:
    update_summary(registry.store, Summary(model, NOON, "r2", 0.7, (a_chunk(0, **changes),)))


def promoted(registry: Registry, name: str, **changes: Any) -> None:
    registry.add_model(a_model(name, **changes))
    version = registry.store.add_version(a_version(name, artifact=None))
    registry.promote(registry.find(name), version.number)


def test_an_empty_store_has_an_empty_overview(registry: Registry) -> None:
    found = overview(registry)
    assert (found.models, found.jobs, found.firing) == ((), (), 0)
    assert verdict(found) == "No model is registered yet."


def test_models_come_worst_first_then_by_name(registry: Registry) -> None:
    for name in ("b_ok", "a_ok", "waiting", "stopped"):
        promoted(registry, name)
    registry.add_model(a_model("bare"))
    for name in ("a_ok", "b_ok"):
        log(registry, name, timedelta(hours=23))
        judged(registry, name)
    log(registry, "stopped", timedelta(days=8))
    promoted(registry, "measured")
    log(registry, "measured", timedelta(hours=1))
    found = overview(registry)
    assert [(model.name, model.state) for model in found.models] == [
        ("stopped", "stale"),
        ("bare", "no version"),
        ("waiting", "no data"),
        ("measured", "not judged"),
        ("a_ok", "ok"),
        ("b_ok", "ok"),
    ]
    assert verdict(found) == (
        "stopped has had no prediction since 12 Nov 12:00 UTC. "
        "6 models: 2 ok, 1 not judged yet (measured), 1 without data yet (waiting), "
        "1 without a version (bare), 1 stale."
    )
    assert {state: count for state, count in found.counts.items() if count} == {
        "stale": 1,
        "no version": 1,
        "no data": 1,
        "not judged": 1,
        "ok": 2,
    }
    assert (found.stale, found.models[0].since_time) == (1, NOON - timedelta(days=8))


def test_at_most_three_models_of_a_state_are_named(registry: Registry) -> None:
    for name in ("a", "b", "c", "d", "e"):
        registry.add_model(a_model(name))
    assert verdict(overview(registry)) == "5 models: 5 without a version (a, b, c and 2 more)."


def test_the_metric_of_training_is_that_of_the_champion_and_not_of_a_newer_challenger(registry: Registry) -> None:
    promoted(registry, "housing_price")
    registry.store.add_version(a_version("housing_price", metrics={"r2_score": 0.99}))
    found = row(registry)
    assert found.version == 1
    assert found.headline is not None
    assert (found.headline.metric, found.headline.value, found.headline.is_of_training) == ("r2_score", 0.9, True)


@pytest.mark.parametrize("metrics", [{}, {"r2_score": None}, {"r2_score": "high"}, {"r2_score": [[1, 2]]}])
def test_there_is_no_headline_where_there_is_no_number(registry: Registry, metrics: dict[str, Any]) -> None:
    registry.add_model(a_model())
    version = registry.store.add_version(a_version(metrics=metrics))
    registry.promote(registry.find("housing_price"), version.number)
    assert row(registry).headline is None


def test_a_model_with_predictions_and_no_champion_is_served_elsewhere(registry: Registry) -> None:
    registry.add_model(a_model("elsewhere"))
    assert not row(registry, "elsewhere").is_served_elsewhere
    log(registry, "elsewhere", timedelta(minutes=1), version=None)
    found = row(registry, "elsewhere")
    assert found.is_served_elsewhere
    assert (found.state, found.version, found.last_prediction_time) == ("not judged", None, NOON - timedelta(minutes=1))


def test_a_model_becomes_stale_when_the_setting_says(registry: Registry) -> None:
    promoted(registry, "housing_price")
    log(registry, "housing_price", timedelta(hours=2))
    assert overview(registry, stale_after_hours=2.0).models[0].state == "not judged"
    assert overview(registry, stale_after_hours=1.99).models[0].state == "stale"


@pytest.mark.parametrize(
    ("state", "columns", "said"),
    [
        ("ok", 0, "ok"),
        ("beyond", 0, "ok"),
        ("undefined", 5, "ok"),
        ("undefined", 0, "not judged"),
        ("not judged", 0, "not judged"),
    ],
)
def test_a_model_is_ok_only_once_something_of_it_was_held_against_a_bound(
    registry: Registry, state: str, columns: int, said: str
) -> None:
    promoted(registry, "housing_price")
    log(registry, "housing_price", timedelta(hours=1))
    judged(registry, "housing_price", state=state, columns=columns)
    assert row(registry).state == said


def test_what_checks_measured_is_shown_at_a_glance(registry: Registry) -> None:
    promoted(registry, "housing_price")
    chunks = (
        a_chunk(0, realised=0.7),
        a_chunk(1, "income", realised=0.5, state="beyond", changes=(CHANGE,)),
        a_chunk(2, "income", "age", realised=None, estimated=0.55, truths=0),
    )
    update_summary(registry.store, Summary("housing_price", NOON, "r2", 0.7, chunks))
    found = row(registry)
    assert found.headline is not None
    assert (found.headline.metric, found.headline.value) == ("r2", 0.5)
    assert (found.headline.time, found.headline.is_of_training) == (chunks[1].start_time, False)
    glance = found.glance
    assert (glance.estimate, glance.drifted, glance.columns, glance.checked_time) == (0.55, 2, 5, NOON)
    assert glance.coverage == pytest.approx(180 / 300)
    assert glance.trend[1] == TrendPoint(chunks[1].start_time, 0.5, None, True)
    assert row(registry).glance is glance  # made once for each state of the summary


def test_the_first_sentence_names_model_day_and_column(registry: Registry) -> None:
    promoted(registry, "housing_price")
    log(registry, "housing_price", timedelta(hours=1))
    start = NOON.replace(hour=0) - 3 * DAY
    days = [
        a_chunk(57 + day, *(["income"] if day >= 0 else []), realised=0.5 if day >= 0 else 0.7, changes=(CHANGE,))
        for day in range(-3, 3)
    ]
    update_summary(registry.store, Summary("housing_price", NOON, "r2", 0.7, tuple(days)))
    keep(registry.store, an_alert(subject="r2", start=start), an_alert(cause="drift", subject="income", start=start))
    found = overview(registry)
    first = plain_text(overview_verdict(found)[0])
    assert first == "housing_price is degraded since 17 Nov: r2 0.70 to 0.50; `income` changed (median 33k to 4k)."
    assert (found.firing, found.counts["critical"]) == (2, 1)
    assert found.models[0].since_time == start
