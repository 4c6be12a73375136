"""Verdicts by hand, learnt, by false alarms and by tests of many columns, each against what can be reckoned here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.records import Task
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, FalseAlarms, Fixed, Learnt
from ml_monitor.evaluation.baseline import make_baseline
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.judging import Judge, Judged, verdict_of, with_verdicts
from ml_monitor.evaluation.measuring import measure_chunk
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result
from tests.factories import NOON, a_model
from tests.price_world import FEATURES as PRICE_FEATURES
from tests.price_world import draw_prices
from tests.worlds import FEATURES, World

DAY = Stretch(NOON, NOON + timedelta(days=1))
NAMED = {rule.name: rule for rule in DEFAULT_RULES}


def a_rule(watches: Any, threshold: Any, **changes: Any) -> AlertRule:
    return AlertRule(**{"name": "my-rule", "watches": watches, "threshold": threshold} | changes)


def a_judge(task: Task = "binary", frame: pd.DataFrame | None = None, headline: str | None = None) -> Judge:
    if task == "binary":
        reference, features = World(seed=99).draw(5000) if frame is None else frame, FEATURES
    else:
        reference, features = draw_prices(2000, 99) if frame is None else frame, PRICE_FEATURES
    model = a_model("fraud", task=task, headline_metric=headline)
    return Judge(model, make_baseline(model, 1, reference, features))


def chunk_of(drawn: pd.DataFrame, judge: Judge) -> list[Result]:
    """Return what is measured of drawn rows, as if they had been recorded and their truth had come at once."""
    assert judge.baseline is not None
    names = [spec.name for spec in judge.baseline.specs]
    times = pd.date_range(NOON, periods=len(drawn), freq="s", unit="us")
    frame = pd.DataFrame(
        {
            "time": times,
            "version": 1,
            "value": drawn["value"],
            "score": drawn.get("score", np.nan),
            "truth": drawn["truth"],
            "truth_received_time": times,
            "features": drawn[names].astype(object).where(drawn[names].notna(), None).to_dict("records"),
        }
    )
    return measure_chunk(frame, judge.model.task, judge.baseline, "day", DAY, [])


def a_result(**changes: Any) -> Result:
    values: dict[str, Any] = {"group": "performance", "name": "roc_auc", "column": "", "segment": "", "rows": 400}
    times = {"start_time": DAY.start_time, "end_time": DAY.end_time}
    return Result(**{"chunk": "day", "value": 0.8} | times | values | changes)


def one(judged: list[Judged]) -> Judged:
    (found,) = judged
    return found


def beyond(judged: list[Judged]) -> set[str]:
    return {each.result.column for each in judged if each.judgement.state == "beyond"}


@pytest.mark.parametrize(("value", "state"), [(0.89, "beyond"), (0.9, "ok"), (0.99, "ok")])
def test_a_threshold_by_hand_needs_no_reference(value: float, state: str) -> None:
    rule = a_rule("performance", Fixed(lower=0.9), metrics=("roc_auc_score",))
    judged = one(Judge(a_model(task="binary"), None).judge(rule, [a_result(value=value), a_result(name="f1")]))
    assert (judged.judgement.state, judged.judgement.bound, judged.judgement.is_clear) == (state, 0.9, state == "ok")
    assert verdict_of(judged) == {"state": state, "lower": 0.9, "upper": None, "origin": "fixed", "reason": ""}


@pytest.mark.parametrize("bounds", [{"upper": 0.9}, {"lower": 0.0}])
def test_a_bound_that_cannot_be_crossed_gives_no_verdict_and_says_why(bounds: dict[str, float]) -> None:
    rule = a_rule("performance", Fixed(**bounds))
    judged = one(Judge(a_model(task="binary", headline_metric="roc_auc"), None).judge(rule, [a_result()]))
    assert judged.judgement.state == "undefined"
    assert judged.judgement.reason.startswith("no threshold: lower: expected ")


@pytest.mark.parametrize("deviations", [3.0, 1.5])
def test_a_learnt_threshold_is_mean_and_deviations_of_the_chunks_of_the_reference(deviations: float) -> None:
    judge = a_judge("regression", headline="mae")
    judged = one(judge.judge(a_rule("performance", Learnt(deviations=deviations)), [a_result(name="mae", rows=300)]))
    reference = draw_prices(2000, 99)
    errors = (reference["truth"] - reference["value"]).abs().to_numpy()
    size = 1
    while size * 1.1 <= 300:
        size = size * 1.1  # type: ignore[assignment]
    size = round(size)
    means = [errors[start : start + size].mean() for start in range(0, 2000 - size + 1, size)]
    assert judged.threshold is not None
    assert judged.threshold.upper == pytest.approx(np.mean(means) + deviations * np.std(means), rel=1e-12)
    assert judged.threshold.lower == pytest.approx(np.mean(means) - deviations * np.std(means), rel=1e-12)


def test_chunks_as_large_as_the_reference_are_compared_with_fifths_of_it() -> None:
    judged = one(a_judge("regression").judge(a_rule("performance", Learnt()), [a_result(name="mae", rows=90_000)]))
    assert judged.threshold is not None
    assert judged.threshold.details["chunks"] == 5


@pytest.mark.parametrize("threshold", [Learnt(), FalseAlarms()])
def test_an_error_that_falls_is_no_alert_and_one_that_grows_is(threshold: Any) -> None:
    judge = a_judge("regression", headline="mae")
    states = {}
    for noise in (1.0, 10.0, 20.0):
        judged = one(judge.judge(a_rule("performance", threshold), chunk_of(draw_prices(300, 3, noise=noise), judge)))
        states[noise] = judged.judgement.state
    assert states == {1.0: "ok", 10.0: "ok", 20.0: "beyond"}


def test_a_budget_of_false_alarms_bounds_performance_and_says_how() -> None:
    judge = a_judge(headline="roc_auc")
    rule = a_rule("performance", FalseAlarms(false_alarms=0.05))
    alarms = 0
    for seed in range(60):
        judged = one(judge.judge(rule, chunk_of(World(seed=seed).draw(300), judge)))
        alarms += judged.judgement.state == "beyond"
    assert judged.threshold is not None
    probability = judged.threshold.details["probability"]
    assert judged.threshold.origin == "false_alarms"
    assert 0.05 < probability < 0.2  # two of three chunks at once are rarer than one
    assert alarms <= 60 * probability + 3 * np.sqrt(60 * probability)
    swapped = chunk_of(World(seed=7, swapped=True).draw(300), judge)
    assert one(judge.judge(rule, swapped)).judgement.state == "beyond"


def test_a_budget_too_small_to_be_drawn_is_refused_at_once() -> None:
    rule = a_rule("performance", FalseAlarms(false_alarms=1e-9), fires_on="1 of 9")
    judged = one(a_judge(headline="roc_auc").judge(rule, [a_result()]))
    assert judged.judgement.state == "undefined"
    assert "too small to be drawn" in judged.judgement.reason


@pytest.mark.parametrize(
    ("watches", "result", "reason"),
    [
        ("performance", {"value": Undefined("no ground truth"), "rows": 0}, "no ground truth"),
        ("performance", {"segment": "age: unseen", "segment_by": "age"}, "fewer than 2 rows for it"),
        ("quality", {"group": "quality", "name": "missing", "column": "age"}, "by false_alarms or by fixed bounds"),
    ],
)
def test_what_cannot_be_judged_says_why(watches: str, result: dict[str, Any], reason: str) -> None:
    rule = a_rule(watches, Learnt(), segment_by="age" if watches == "performance" else None)
    judged = one(a_judge(headline="roc_auc").judge(rule, [a_result(**result)]))
    assert judged.judgement.state == "undefined"
    assert judged.judgement.reason.endswith(reason)
    assert not judged.judgement.is_clear


def test_many_rows_make_a_tiny_shift_sure_but_not_worth_an_alert() -> None:
    judge = a_judge(frame=World(seed=99).draw(50_000))
    results = chunk_of(World(seed=1, shift=0.06).draw(50_000), judge)
    (amount,) = [each for each in results if (each.name, each.column) == ("kolmogorov_smirnov", "amount")]
    assert amount.p_value is not None
    assert amount.p_value < 1e-4
    assert beyond(judge.judge(NAMED["default-drift"], results)) == set()
    assert "amount" in beyond(judge.judge(a_rule("drift", FalseAlarms(smallest_effect=0)), results))


def test_many_columns_are_corrected_for_their_number() -> None:
    judge = a_judge()
    names = [f"column-{number}" for number in range(20)]
    results = [
        a_result(group="drift", name="kolmogorov_smirnov", column=name, value=0.3, p_value=0.5) for name in names
    ]
    results[0] = a_result(group="drift", name="kolmogorov_smirnov", column=names[0], value=0.3, p_value=0.01)
    rule = NAMED["default-drift"]
    assert beyond(judge.judge(rule, results[:1])) == {"column-0"}
    assert beyond(judge.judge(rule, results)) == set()


def with_gaps(frame: pd.DataFrame, every: int) -> pd.DataFrame:
    return frame.assign(age=frame["age"].mask(np.arange(len(frame)) % every == 0))


@pytest.mark.parametrize(("gaps", "columns"), [(4, set()), (3, {"age"}), (100, set())])
def test_a_share_fires_when_it_has_risen_above_the_references_own(gaps: int, columns: set[str]) -> None:
    judge = a_judge(frame=with_gaps(World(seed=99).draw(5000), 4))
    judged = judge.judge(NAMED["default-quality"], chunk_of(with_gaps(World().draw(1000), gaps), judge))
    assert beyond(judged) == columns
    (missing,) = [each for each in judged if (each.result.name, each.result.column) == ("missing", "age")]
    assert missing.judgement.bound == pytest.approx(0.25 + 0.05)


def test_a_chi_squared_test_needs_a_distance_that_matters() -> None:
    judge = a_judge()
    drawn = World().draw(1000)
    rule = NAMED["default-drift"]
    assert "country" not in beyond(judge.judge(rule, chunk_of(drawn, judge)))
    assert "country" in beyond(judge.judge(rule, chunk_of(drawn.assign(country="fr"), judge)))


@pytest.mark.parametrize(
    ("task", "headline", "metric", "estimated"),
    [
        ("binary", "roc_auc_score", "roc_auc", "roc_auc"),
        ("binary", "brier", "brier", "accuracy"),
        ("binary", "profit", "accuracy", "accuracy"),
        ("regression", "r2_score", "r2", "mae"),
        ("anomaly", "roc_auc", None, "accuracy"),
    ],
)
def test_without_names_the_headline_metric_is_watched(
    task: Task, headline: str, metric: str | None, estimated: str
) -> None:
    judge = Judge(a_model(task=task, headline_metric=headline), None)
    assert judge.headline() == metric
    if metric is not None:
        results = [a_result(name=name) for name in (metric, "mae" if task == "regression" else "precision")]
        watched = judge.judge(NAMED["default-performance"], results)
        assert [each.result.name for each in watched] == [metric]
        estimates = judge.judge(NAMED["default-estimate"], [a_result(group="estimate", name=estimated)])
        assert len(estimates) == 1


def test_verdicts_are_kept_with_their_results_by_rule() -> None:
    results = [a_result(), a_result(name="f1")]
    judge = Judge(a_model(task="binary"), None)
    rules = [a_rule("performance", Fixed(lower=low), name=f"at-{low}", metrics=("roc_auc",)) for low in (0.7, 0.9)]
    first, second = with_verdicts(results, [each for rule in rules for each in judge.judge(rule, results)])
    assert {name: verdict["state"] for name, verdict in first.verdicts.items()} == {"at-0.7": "ok", "at-0.9": "beyond"}
    assert second.verdicts == {}
