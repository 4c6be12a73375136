from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ml_core.errors import InvalidInput, ModelNotFound
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_monitor.alerting.alert_book import action_line
from ml_monitor.evaluation.gradings import MUTED
from ml_monitor.monitoring.alerts import responses
from ml_monitor.monitoring.profiles.outcomes import outcomes_of
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.alert_lines import read_alert_lines
from ml_monitor.pages.model_reader import ModelPage, read_model_page
from ml_monitor.pages.performance_reader import Performance
from ml_monitor.pages.ranges import parse_range
from ml_monitor.pages.stories import plain_text
from ml_monitor.pages.verdicts import model_verdict
from ml_monitor.results.results_store import EVALUATIONS, evaluation_key
from ml_monitor.results.summaries import ChunkState, Summary, update_summary
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction, a_version
from tests.unit.ml_monitor.pages.checked_results import TODAY, a_result, put, put_profiles, put_reference, verdict
from tests.unit.ml_monitor.results.test_summaries import a_chunk
from tests.unit.ml_monitor.telling import DAY, an_alert, keep

STALE_AFTER = 24.0


def page(registry: Registry, model: str = "housing_price", metric: str | None = None, **arguments: str) -> ModelPage:
    lines = read_alert_lines(registry.store, NOON)
    return read_model_page(registry, model, parse_range(arguments, NOON), NOON, STALE_AFTER, lines, metric)


def opening(found: ModelPage) -> str:
    return plain_text(model_verdict(found))


def log(registry: Registry, model: str, *ages: timedelta, **changes: Any) -> None:
    rows = [a_prediction(NOON - age, **changes) for age in ages]
    registry.store.record_predictions(model, rows, new_ids=True)


def promoted(registry: Registry, name: str, **changes: Any) -> None:
    registry.add_model(a_model(name, **changes))
    version = registry.store.add_version(a_version(name, artifact=None))
    registry.promote(registry.find(name), version.number)


@pytest.fixture
def fraud(registry: Registry) -> Registry:
    """A binary classifier that has no version."""
    registry.add_model(a_model("fraud", task="binary", headline_metric="roc_auc_score"))
    return registry


def performance(registry: Registry, **arguments: str) -> Performance:
    found = page(registry, "fraud", **arguments).performance
    assert found is not None
    return found


def test_is_found_by_name_and_by_seed_id(registry: Registry) -> None:
    registry.add_model(a_model(seed_id="model1"))
    assert page(registry, "model1").model.name == page(registry, "housing_price").model.name == "housing_price"
    with pytest.raises(ModelNotFound):
        page(registry, "nope")


def test_lists_versions_newest_first_with_their_stages_and_numbers(registry: Registry) -> None:
    registry.add_model(a_model())
    for _ in range(3):
        registry.store.add_version(a_version(metrics={"r2_score": 0.9, "confusion_matrix": [[1, 2], [3, 4]]}))
    for number in (1, 2):
        registry.promote(registry.find("housing_price"), number)
    found = page(registry)
    assert [(version.number, version.stage) for version in found.versions] == [
        (3, "challenger"),
        (2, "champion"),
        (1, "archived"),
    ]
    assert found.versions[0].metrics == {"r2_score": 0.9}
    assert found.champion is not None
    assert found.champion.confusion == ((1, 2), (3, 4))
    assert found.class_labels == ("0", "1")


def test_shows_the_newest_versions_of_many(registry: Registry) -> None:
    registry.add_model(a_model())
    for _ in range(53):
        registry.store.add_version(a_version())
    found = page(registry)
    assert (len(found.versions), found.versions_total, found.versions[0].number) == (50, 53, 53)


@pytest.mark.parametrize("reference", [{"rooms": [1]}, {"rooms": [], "value": []}])
def test_goes_without_a_reference_sample_that_holds_no_values(registry: Registry, reference: dict[str, Any]) -> None:
    registry.add_model(a_model())
    version = add_champion(registry, "housing_price", pd.DataFrame(reference))
    found = page(registry)
    assert len(found.trouble) == (1 if version.reference_rows else 0)
    assert found.example == {"rooms": 1.0}


def test_shows_the_example_of_the_reference_to_a_model_that_was_never_asked(registry: Registry) -> None:
    registry.add_model(a_model("fraud", task="binary"))
    values = ["ok", "ok", "ok", "bad"]
    add_champion(
        registry,
        "fraud",
        pd.DataFrame({"country": ["NL", "DE", "NL", None], "value": values, "truth": values}),
        features=(FeatureSpec("country", "category"), FeatureSpec("amount", "number")),
        metrics={"confusion_matrix": [[1, 0], [0, 3]]},
    )
    found = page(registry, "fraud")
    assert found.class_labels == ("bad", "ok")
    assert found.example == {"country": "NL", "amount": 1.0}
    assert found.trouble == ()


@pytest.mark.parametrize(
    ("ages", "has_version", "verdict"),
    [
        ([], False, "No version is promoted and no prediction has been logged yet."),
        ([], True, "Version 1 is the champion; no prediction has been logged yet."),
        (
            [timedelta(days=8)],
            True,
            "No prediction since 12 Nov 12:00 UTC, 8 days ago; at least one is expected within 1 day.",
        ),
        ([timedelta(minutes=1)], True, "The newest prediction is of 20 Nov 11:59 UTC."),
    ],
)
def test_opens_with_a_verdict(registry: Registry, ages: list[timedelta], has_version: bool, verdict: str) -> None:
    if has_version:
        promoted(registry, "housing_price")
    else:
        registry.add_model(a_model())
    log(registry, "housing_price", *ages)
    assert opening(page(registry)) == verdict


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("ok", "As expected: roc_auc 0.80; 0 of 5 columns drifted."),
        ("undefined", "Measured, but not judged (no reference to hold it against): roc_auc 0.80."),
    ],
)
def test_a_model_that_does_well_says_so_only_if_it_was_judged(fraud: Registry, state: ChunkState, said: str) -> None:
    put(fraud.store, a_result("performance", "roc_auc", 0.8))
    chunk = a_chunk(59, state=state, realised=0.8, start_time=TODAY - DAY, end_time=TODAY)
    update_summary(fraud.store, Summary("fraud", NOON, "roc_auc", 0.81, (chunk,)))
    log(fraud, "fraud", timedelta(minutes=1))
    found = page(fraud, "fraud")
    assert opening(found).startswith(f"{said} The newest prediction")


def test_a_silence_does_not_make_a_model_do_well(fraud: Registry) -> None:
    fires = an_alert(model="fraud", subject="roc_auc")
    until = NOON + DAY
    state = responses.silence(fires.state, author="Ada", note="", time=NOON, until_time=until)
    keep(fraud.store, fires.after(state, action_line(NOON, "silenced", "Ada", "")))
    put(fraud.store, a_result("performance", "roc_auc", 0.5))
    chunk = a_chunk(59, state="beyond", realised=0.5, start_time=TODAY - DAY, end_time=TODAY)
    update_summary(fraud.store, Summary("fraud", NOON, "roc_auc", 0.81, (chunk,)))
    assert opening(page(fraud, "fraud")).startswith("Silenced: performance is ")


def test_only_the_models_own_alerts_are_shown(fraud: Registry) -> None:
    keep(fraud.store, an_alert(model="fraud", subject="f1"), an_alert(model="other"))
    found = page(fraud, "fraud")
    assert [line.subject for line in found.alerts] == ["f1"]
    assert found.model.state == "critical"


def test_without_a_check_nothing_is_measured(fraud: Registry) -> None:
    found = page(fraud, "fraud")
    assert (found.is_checked, found.performance, found.outcomes, found.quality) == (False, None, None, None)
    fraud.store.put_document(EVALUATIONS, evaluation_key("fraud"), {}, expected_revision=None)
    assert page(fraud, "fraud").is_checked  # it ran, and found nothing


def test_the_headline_metric_is_shown_by_chunk_as_realised_and_as_estimated(fraud: Registry) -> None:
    bounds = {"default-performance": verdict("beyond", 0.78, 0.9)}
    put(
        fraud.store,
        a_result("performance", "roc_auc", 0.52, 2, verdicts=bounds, standard_error=0.02),
        a_result("performance", "roc_auc", Undefined("no ground truth"), 1),
        a_result("performance", "accuracy", 0.9, 2),
        a_result("estimate", "roc_auc", 0.81, 1, notes=(MUTED,)),
        a_result("labels", "label_coverage", 1.0, 2),
        a_result("labels", "label_coverage", 0.5, 1),
    )
    found = performance(fraud)
    assert (found.metric, found.title, found.chunking, found.has_estimates) == ("roc_auc", "ROC AUC", "day", True)
    before, newest = found.chunks
    assert before.realised is not None and newest.realised is not None and newest.estimated is not None
    assert (before.realised.value, before.realised.lower, before.realised.upper) == (0.52, 0.78, 0.9)
    assert (before.realised.state, before.realised.standard_error) == ("beyond", 0.02)
    assert before.judged is before.realised
    assert (before.is_late, before.is_muted) == (False, False)
    assert (newest.realised.value, newest.realised.undefined) == (None, "no ground truth")
    assert newest.judged is newest.estimated  # until the truth has come
    assert (newest.is_late, newest.is_muted) == (True, True)


def test_of_the_bounds_of_several_rules_the_strictest_are_shown(fraud: Registry) -> None:
    verdicts = {"a": verdict("ok", 0.7, 0.95), "b": verdict("ok", 0.8), "c": verdict("undefined")}
    put(fraud.store, a_result("performance", "roc_auc", 0.85, verdicts=verdicts))
    (chunk,) = performance(fraud).chunks
    assert chunk.realised is not None
    assert (chunk.realised.lower, chunk.realised.upper, chunk.realised.state) == (0.8, 0.95, "ok")
    assert chunk.realised.rules == ("a", "b", "c")


@pytest.mark.parametrize(("headline", "shown"), [("f1_score", "f1"), ("of_their_own", "accuracy"), (None, "accuracy")])
def test_without_a_metric_that_is_measured_the_first_of_the_task_is_shown(
    registry: Registry, headline: str | None, shown: str
) -> None:
    registry.add_model(a_model("fraud", task="binary", headline_metric=headline))
    put(registry.store, *(a_result("performance", name, 0.8) for name in ("accuracy", "f1")))
    assert performance(registry).metric == shown


def test_another_metric_can_be_chosen_by_either_of_its_names(fraud: Registry) -> None:
    put(fraud.store, a_result("performance", "f1", 0.8))
    for name in ("f1", "f1_score"):
        found = page(fraud, "fraud", name)
        assert found.performance is not None
        assert found.performance.metric == "f1"
        assert found.metrics["f1"] == "F1"
    with pytest.raises(InvalidInput, match="metric: expected one of accuracy, "):
        page(fraud, "fraud", "beauty")


def test_a_task_without_metrics_has_no_performance(registry: Registry) -> None:
    registry.add_model(a_model("fraud", task="anomaly", headline_metric=None))
    found = page(registry, "fraud")
    assert (found.performance, found.metrics) == (None, {})


def test_a_range_of_hours_shows_the_days_before_its_end(fraud: Registry) -> None:
    put(fraud.store, *(a_result("performance", "roc_auc", 0.8, days_ago) for days_ago in (1, 29, 31, 60)))

    def days(**arguments: str) -> list[datetime]:
        return [chunk.start for chunk in performance(fraud, **arguments).chunks]

    assert days(range="1h") == [TODAY - 29 * DAY, TODAY - DAY]
    assert days(**{"from": "2026-09-01T00:00:00Z", "to": "2026-11-15T00:00:00Z"}) == [
        TODAY - age * DAY for age in (60, 31, 29)
    ]


def test_other_chunks_than_days_are_shown_where_there_are_no_days(fraud: Registry) -> None:
    put(fraud.store, a_result("performance", "roc_auc", 0.8, chunk="1000"))
    assert performance(fraud).chunking == "1000"
    put(fraud.store, a_result("performance", "roc_auc", 0.8))
    assert performance(fraud).chunking == "day"


def test_each_segment_is_shown_in_its_newest_chunk_and_bad_ones_first(fraud: Registry) -> None:
    bad = {"by-country": verdict("beyond", 0.7)}
    put(
        fraud.store,
        a_result("performance", "roc_auc", 0.8, 1),
        a_result("performance", "roc_auc", 0.9, 2, segment="country=de"),
        a_result("performance", "roc_auc", 0.8, 1, segment="country=de"),
        a_result("performance", "roc_auc", 0.5, 1, segment="country=fr", verdicts=bad),
    )
    found = performance(fraud)
    assert [(each.segment, each.point.value, each.point.state) for each in found.segments] == [
        ("country=fr", 0.5, "beyond"),
        ("country=de", 0.8, "not judged"),
    ]
    assert len(found.chunks) == 1


def test_the_reference_and_what_was_promoted_are_marked(registry: Registry) -> None:
    promoted(registry, "fraud", task="binary", headline_metric="roc_auc_score")
    put(registry.store, a_result("performance", "roc_auc", 0.8, 0), a_result("performance", "roc_auc", 0.8, 1))
    put_reference(registry.store, performance={"roc_auc": 0.83})
    found = performance(registry)
    assert found.reference == 0.83
    assert [(each.version, each.time) for each in found.promotions] == [(1, NOON)]


def test_outcomes_of_the_range_add_up_beside_those_of_the_reference(registry: Registry) -> None:
    promoted(registry, "fraud", task="binary", headline_metric=None)
    day = outcomes_of("binary", [1, 1, 0, 0], [1, 0, 0, 0], [0.9, 0.4, 0.2, 0.1], "1")
    for days_ago in (1, 2):
        put_profiles(registry.store, days_ago, day)
    put_reference(registry.store, outcomes_of("binary", [1, 1, 0], [1, 1, 0], [0.9, 0.8, 0.1], "1"))
    found = page(registry, "fraud").outcomes
    assert found is not None and found.confusion is not None
    assert (found.chunks, found.confusion.labels) == (2, ("0", "1"))
    assert found.confusion.counts == ((4, 0), (2, 2))
    assert found.confusion.shares[1] == (0.5, 0.5)
    assert found.confusion.reference == ((1.0, 0.0), (0.0, 1.0))
    assert [(row.lower, row.rows, row.positive_share) for row in found.calibration][-1] == (0.8, 2, 1.0)
    assert found.calibration[-1].reference_share == 1.0


def test_residuals_are_shown_on_one_scale_with_those_of_the_reference(registry: Registry) -> None:
    promoted(registry, "fraud", headline_metric=None)
    put_profiles(registry.store, 1, outcomes_of("regression", [1.0, 2.0], [2.0, 2.0], [None] * 2, None))
    put_reference(registry.store, outcomes_of("regression", [3.0], [3.0], [None], None))
    found = page(registry, "fraud").outcomes
    assert found is not None and found.residuals is not None
    assert [(bar.label, bar.reference, bar.current) for bar in found.residuals.bars] == [
        ("-1", 0.0, 0.5),
        ("0", 1.0, 0.5),
    ]


def test_the_quality_of_the_newest_day_is_sorted_by_what_needs_a_look(fraud: Registry) -> None:
    chunk = a_chunk(0, start_time=TODAY - DAY, end_time=TODAY)
    update_summary(fraud.store, Summary("fraud", NOON, None, None, (chunk,)))
    put(
        fraud.store,
        a_result("quality", "missing", 0.4, 1, "income", verdicts={"default-quality": verdict("beyond", upper=0.1)}),
        a_result("quality", "out_of_range", 0.01, 1, "age", verdicts={"default-quality": verdict("ok")}),
        a_result("quality", "missing", 0.0, 1, "age", verdicts={"default-quality": verdict("ok")}),
        a_result("quality", "missing", 0.9, 2, "age"),
    )
    found = page(fraud, "fraud").quality
    assert found is not None
    assert [(line.column, line.check, line.point.value) for line in found.off] == [("income", "missing", 0.4)]
    assert [(line.column, line.check) for line in found.noted] == [("age", "out_of_range")]
    assert (found.passed, found.total, found.start) == (1, 3, TODAY - DAY)


def test_the_page_reads_no_prediction(fraud: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    put(fraud.store, a_result("performance", "roc_auc", 0.8))

    def read(*_: object, **__: object) -> None:
        raise AssertionError("a page of rollups reads no rows")

    for name in ("predictions", "scored", "each_prediction"):
        monkeypatch.setattr(fraud.store, name, read)
    assert page(fraud, "fraud").performance is not None
