"""Evaluation as of a time: each chunk once, again when its truth has changed, and nothing from the future."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ml_core.clock import FixedClock
from ml_core.records import GroundTruth, Model
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, Fixed
from ml_monitor.evaluation.model_evaluator import Evaluation, ModelEvaluator
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result, read_results
from tests.factories import NOON
from tests.worlds import DAY, FIRST_DAY, World, add_fraud, record_day

HOUR = timedelta(hours=1)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with closing(JsonStore(tmp_path / "store")) as store:
        yield Registry(store, tmp_path / "artifacts", FixedClock(NOON))


@pytest.fixture
def fraud(registry: Registry) -> Model:
    return add_fraud(registry)


def evaluate(registry: Registry, as_of: datetime, *rules: AlertRule) -> Evaluation:
    return ModelEvaluator(registry, registry.find("fraud"), rules or DEFAULT_RULES, as_of).evaluate()


def results(registry: Registry, group: str, name: str, column: str = "", segment: str = "") -> list[Result]:
    found = read_results(registry.store, "fraud", group, FIRST_DAY, NOON, segment=segment)  # type: ignore[arg-type]
    return [each for each in found if (each.name, each.column) == (name, column)]


def firing(registry: Registry) -> set[tuple[str, str]]:
    alerts = list_alerts(registry.store)
    return {(alert.state.key.cause, alert.state.key.subject) for alert in alerts if alert.state.status == "firing"}


def test_a_healthy_model_is_measured_and_nothing_fires(registry: Registry, fraud: Model) -> None:
    for day in range(4):
        end = record_day(registry, day, World())
    evaluation = evaluate(registry, end + 2 * HOUR)
    assert evaluation.chunks == 4
    assert firing(registry) == set()
    aucs = [result.value for result in results(registry, "performance", "roc_auc")]
    assert len(aucs) == 4
    assert all(isinstance(auc, float) and 0.7 < auc < 0.95 for auc in aucs)
    (estimate, *_) = results(registry, "estimate", "roc_auc")
    assert isinstance(estimate.value, float)
    assert abs(estimate.value - float(aucs[0])) < 0.08  # type: ignore[arg-type]
    assert "concept drift" in estimate.notes[0]


def test_a_day_that_is_not_over_is_not_judged(registry: Registry, fraud: Model) -> None:
    end = record_day(registry, 0, World())
    assert evaluate(registry, end - HOUR).chunks == 0
    assert evaluate(registry, end).chunks == 1


def test_a_chunk_is_evaluated_once_and_again_when_more_truth_or_a_correction_has_come(
    registry: Registry, fraud: Model
) -> None:
    end = record_day(registry, 0, World(), truth_after=None)
    assert evaluate(registry, end).chunks == 1
    assert evaluate(registry, end + HOUR).chunks == 0
    (before,) = results(registry, "performance", "accuracy")
    assert before.value == Undefined("no ground truth")
    registry.store.record_truths("fraud", [GroundTruth(f"day-0-{row}", 1.0, end + HOUR) for row in range(100)])
    assert evaluate(registry, end + 2 * HOUR).chunks == 1
    (some,) = results(registry, "performance", "accuracy")
    assert some.rows == 100
    registry.store.record_truths("fraud", [GroundTruth("day-0-0", 0.0, end + 3 * HOUR, correct=True)])
    assert evaluate(registry, end + 4 * HOUR).chunks == 1
    assert evaluate(registry, end + 5 * HOUR).chunks == 0


def test_rows_that_come_late_for_a_day_that_is_over_are_judged_with_it(registry: Registry, fraud: Model) -> None:
    end = record_day(registry, 1, World())
    evaluate(registry, end + HOUR)
    record_day(registry, 0, World())
    assert evaluate(registry, end + HOUR).chunks == 1
    assert len(results(registry, "performance", "roc_auc")) == 2


def test_a_replay_of_days_sees_nothing_of_their_future(registry: Registry, fraud: Model) -> None:
    ends = [record_day(registry, day, World(), truth_after=36 * HOUR) for day in range(4)]
    seen = {}
    for end in ends:
        evaluate(registry, end)
        seen[end] = [result.value for result in results(registry, "performance", "accuracy")]
    # The truth of a day is known half a day after it has ended, so at its own end there is none.
    assert seen[ends[0]] == [Undefined("no ground truth")]
    assert isinstance(seen[ends[1]][0], float)
    assert seen[ends[1]][1] == Undefined("no ground truth")
    assert seen[ends[3]][0] == seen[ends[2]][0]


def test_a_column_that_shifts_fires_its_drift_alert_on_the_second_day(registry: Registry, fraud: Model) -> None:
    for day in range(3):
        end = record_day(registry, day, World(), truth_after=None)
    evaluate(registry, end)
    end = record_day(registry, 3, World(shift=0.8), truth_after=None)
    evaluate(registry, end)
    assert ("drift", "amount") not in firing(registry)
    end = record_day(registry, 4, World(shift=0.8), truth_after=None)
    moves = evaluate(registry, end).moves
    assert ("drift", "amount") in firing(registry)
    assert ("drift", "age") not in firing(registry)
    assert ("firing", "amount") in {(move.after, move.alert.state.key.subject) for move in moves}


def test_a_rule_may_ask_for_any_method_of_drift(registry: Registry, fraud: Model) -> None:
    methods = ("psi", "wasserstein", "hellinger", "l_infinity", "pca_reconstruction", "domain_classifier")
    rules = [
        AlertRule(name=name, watches="drift", metrics=(name,), threshold=Fixed(upper=0.75 if "_c" in name else 0.2))
        for name in methods
    ]
    for day in range(2):
        end = record_day(registry, day, World(shift=2.0), truth_after=None)
    evaluation = evaluate(registry, end, *rules)
    assert evaluation.notes == []
    fired = {subject.partition(" of ")[0].partition(" by ")[0] for _, subject in firing(registry)}
    assert fired == set(methods)


@pytest.mark.parametrize("named", [False, True])
def test_drift_of_the_steps_of_forecasts_is_judged_by_a_rule_that_names_the_model_alone(
    registry: Registry, fraud: Model, named: bool
) -> None:
    registry.add_model(replace(fraud, task="forecast"))
    rule = AlertRule(name="default-drift", watches="drift", model="fraud" if named else "*")
    for day in range(2):
        end = record_day(registry, day, World(shift=0.8), truth_after=None)
        evaluate(registry, end, rule)
    assert ("drift", "amount") in firing(registry) if named else not firing(registry)
    assert len(results(registry, "drift", "jensen_shannon", "amount")) == 2


def test_a_method_that_no_rule_asks_for_is_not_measured(registry: Registry, fraud: Model) -> None:
    evaluate(registry, record_day(registry, 0, World(), truth_after=None))
    assert results(registry, "drift", "psi", "amount") == []
    assert len(results(registry, "drift", "jensen_shannon", "amount")) == 1


def test_concept_drift_is_found_by_truth_alone_and_mutes_the_estimate(registry: Registry, fraud: Model) -> None:
    for day in range(3):
        end = record_day(registry, day, World())
    evaluate(registry, end + 2 * HOUR)
    for day in range(3, 8):
        end = record_day(registry, day, World(swapped=True))
        evaluate(registry, end + 2 * HOUR)
    assert firing(registry) == {("performance", "roc_auc")}
    (alert,) = [alert for alert in list_alerts(registry.store) if alert.state.status == "firing"]
    assert alert.state.episode is not None
    assert alert.state.episode.first_time == FIRST_DAY + 3 * DAY
    assert alert.state.episode.fired_time == FIRST_DAY + 5 * DAY + 2 * HOUR  # by the second chunk with labels
    assert any("muted" in note for note in results(registry, "estimate", "roc_auc")[-1].notes)


def test_the_counts_behind_accuracy_and_the_bins_behind_calibration_are_kept(registry: Registry, fraud: Model) -> None:
    evaluate(registry, record_day(registry, 0, World()) + 2 * HOUR)
    (accuracy,) = results(registry, "performance", "accuracy")
    (error,) = results(registry, "performance", "ece")
    matrix = np.array(accuracy.details["confusion_matrix"])
    assert accuracy.details["labels"] == ["0", "1"]
    assert matrix.trace() / matrix.sum() == pytest.approx(accuracy.value)
    curve = error.details["calibration_curve"]
    gaps = sum(each["rows"] * abs(each["mean_score"] - each["positive_share"]) for each in curve)
    assert gaps / sum(each["rows"] for each in curve) == pytest.approx(error.value)
    assert results(registry, "performance", "recall")[0].details == {}


def test_segments_show_where_a_model_fails(registry: Registry, fraud: Model) -> None:
    end = record_day(registry, 0, World(), rows=1000)
    rule = AlertRule(name="by-country", watches="performance", metrics=("accuracy",), segment_by="country")
    evaluate(registry, end + 2 * HOUR, rule)
    by_country = results(registry, "performance", "accuracy", segment="country=de")
    assert len(by_country) == 1
    assert 550 < by_country[0].rows < 650
    subjects = {(alert.state.key.subject, alert.state.key.segment) for alert in list_alerts(registry.store)}
    assert ("accuracy by by-country", "country=ch") in subjects


def test_chunks_by_size_follow_each_other_and_late_rows_join_the_chunk_of_their_time(
    registry: Registry, fraud: Model
) -> None:
    rule = AlertRule(name="by-size", watches="performance", chunk="300", threshold=Fixed(lower=0.5))
    end = record_day(registry, 0, World(), rows=1000)
    evaluate(registry, end + 2 * HOUR, rule)
    chunks = read_results(registry.store, "fraud", "labels", FIRST_DAY - DAY, NOON, chunk="300")
    spans = sorted({(result.start_time, result.end_time) for result in chunks})
    assert [result.rows for result in chunks if result.name == "label_coverage"] == [300, 300, 300]
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    end = record_day(registry, 1, World(), rows=1000)
    evaluate(registry, end + 2 * HOUR, rule)
    chunks = read_results(registry.store, "fraud", "labels", FIRST_DAY - DAY, NOON, chunk="300")
    assert [result.rows for result in chunks if result.name == "label_coverage"] == [300] * 6


def test_a_rule_that_asks_for_retraining_files_one_request(registry: Registry, fraud: Model) -> None:
    rule = AlertRule(
        name="bad-auc", watches="performance", metrics=("roc_auc",), threshold=Fixed(lower=0.99), retrain=True
    )
    for day in range(3):
        end = record_day(registry, day, World())
        evaluate(registry, end + 2 * HOUR, rule)
    (request,) = registry.store.list_documents("retrain_requests")
    assert (request.key, request.content["state"], request.content["rule"]) == ("fraud", "open", "bad-auc")
    assert request.revision == 1


@pytest.mark.parametrize("broken", ["empty", "constant", "one class", "all missing", "texts"])
def test_a_broken_chunk_gives_stated_results_and_no_crash(registry: Registry, fraud: Model, broken: str) -> None:
    end = record_day(registry, 0, World(), rows=100)
    frame = registry.store.predictions("fraud", FIRST_DAY, end)
    rows = []
    for number, row in enumerate(frame.itertuples()):
        features = {
            "empty": {},
            "constant": {"amount": 1.0, "age": 1.0, "country": "de"},
            "one class": row.features,
            "all missing": {"amount": None, "age": None, "country": None},
            "texts": {"amount": "much", "age": "old", "country": 7},
        }[broken]
        score = None if broken == "all missing" else float(row.score)
        rows.append((f"broken-{number}", row.time.to_pydatetime() + DAY, features, row.value, score))
    from ml_core.records import Prediction

    registry.store.record_predictions("fraud", [Prediction(*row, 1) for row in rows])
    registry.store.record_truths("fraud", [GroundTruth(row[0], 1.0, row[1]) for row in rows])
    evaluation = evaluate(registry, end + DAY)
    assert evaluation.chunks == 2
    assert all(result.value == result.value for result in results(registry, "performance", "roc_auc"))
    last = results(registry, "performance", "roc_auc")[-1]
    assert isinstance(last.value, Undefined)
    assert last.value.reason == ("no scores" if broken == "all missing" else "one class only")


def test_a_model_without_a_reference_has_performance_and_says_why_it_is_not_judged(registry: Registry) -> None:
    from tests.factories import a_model

    registry.add_model(replace(a_model("fraud"), task="binary", headline_metric=None))
    end = record_day(registry, 0, World())
    evaluation = evaluate(registry, end + 2 * HOUR)
    assert evaluation.chunks == 1
    (accuracy,) = results(registry, "performance", "accuracy")
    assert isinstance(accuracy.value, float)
    assert accuracy.verdicts["default-performance"]["state"] == "undefined"
    assert "no reference" in accuracy.verdicts["default-performance"]["reason"]
