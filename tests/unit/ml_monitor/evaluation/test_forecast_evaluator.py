"""Forecasts of series are measured and judged as of a time: by series, by horizon, and against what was usual."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from ml_core.records import Observation
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, Fixed
from ml_monitor.evaluation.forecast_evaluator import Issued
from ml_monitor.evaluation.ingest import check_ingest
from ml_monitor.evaluation.model_evaluator import Evaluation, ModelEvaluator
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result, read_results
from tests.factories import a_forecast, a_prediction
from tests.forecast_world import BEGIN, HOUR, Series, add_forecaster, day_end

WEB = Series()
LAST = 15


@pytest.fixture
def forecaster(registry: Registry) -> Registry:
    """A registry with one forecaster and its series."""
    add_forecaster(registry)
    WEB.record(registry.store)
    return registry


def check(registry: Registry, day: int, *rules: AlertRule, model: str = "arima") -> Evaluation:
    """Evaluate as of an hour after the end of a day."""
    as_of = day_end(day) + HOUR
    return ModelEvaluator(registry, registry.find(model), rules or DEFAULT_RULES, as_of).evaluate()


def results(
    store: Store, day: int, segment: str = "web/cpu", *, model: str = "arima", chunk: str = "day"
) -> dict[str, Result]:
    start = day_end(day - 1)
    found = read_results(store, model, "performance", start, day_end(day), chunk=chunk, segment=segment)
    return {each.name: each for each in found}


def statuses(store: Store) -> dict[tuple[str, str], str]:
    return {(each.state.key.subject, each.state.key.segment): each.state.status for each in list_alerts(store)}


def test_a_forecast_is_measured_from_its_first_whole_day_on(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(1))
    evaluation = check(forecaster, 0)
    found = results(forecaster.store, 0)
    # Three hours ahead each hour of a day, of which those up to midnight speak of that day.
    assert (evaluation.chunks, found["mae"].rows) == (1, 23 + 22 + 21)
    steps = forecaster.store.scored_forecasts("web/cpu", BEGIN, day_end(0))
    errors = (steps["value"] - steps["truth"]).to_numpy()
    assert found["mae"].value == pytest.approx(np.abs(errors).mean(), rel=1e-12)
    assert found["rmse"].value == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-12)
    assert found["bias"].value == pytest.approx(errors.mean(), rel=1e-12)
    held = ((steps["lower_80"] <= steps["truth"]) & (steps["truth"] <= steps["upper_80"])).mean()
    assert found["coverage_80"].value == pytest.approx(held)
    assert found["width_95"].value == pytest.approx((steps["upper_95"] - steps["lower_95"]).mean())
    assert found["skill"].value == pytest.approx(0)  # it says what the naive forecast says
    assert found["mae"].versions == (1,)
    labels = read_results(forecaster.store, "arima", "labels", BEGIN, day_end(0), segment="web/cpu")
    assert {each.name: each.value for each in labels}["label_delay_median_seconds"] == 60


def test_each_horizon_has_results_of_its_own_and_its_error_grows(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(2))
    check(forecaster, 1)
    maes = [results(forecaster.store, 1, f"web/cpu +{hour}h")["mae"] for hour in (1, 2, 3)]
    assert [each.rows for each in maes] == [24, 24, 24]
    values = [float(each.value) for each in maes if not isinstance(each.value, Undefined)]
    assert values == sorted(values)
    assert {each.segment_by for each in maes} == {"horizon"}


def test_errors_of_steps_that_speak_of_the_same_time_do_not_count_as_many(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(2))
    check(forecaster, 1)
    together, alone = (results(forecaster.store, 1, f"web/cpu{end}")["coverage_80"] for end in ("", " +1h"))
    assert together.rows == 3 * alone.rows
    assert together.standard_error is not None
    share = float(together.value) if not isinstance(together.value, Undefined) else 0
    assert together.standard_error == pytest.approx((share * (1 - share) / 24) ** 0.5, rel=0.1)


def test_a_forecaster_is_watched_without_any_rule_of_its_own(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(LAST))
    for day in range(LAST):
        check(forecaster, day)
    assert set(statuses(forecaster.store).values()) <= {"ok", "pending"}
    WEB.forecast(forecaster.store, range(LAST, LAST + 3), off=6)
    for day in range(LAST, LAST + 3):
        check(forecaster, day)
    found = statuses(forecaster.store)
    assert {subject for (subject, _), status in found.items() if status == "firing"} == {
        "mae",
        "coverage_80",
        "coverage_95",
    }
    assert {segment for _, segment in found} == {"web/cpu"}
    mae = next(each for each in list_alerts(forecaster.store) if each.state.key.subject == "mae")
    assert (mae.rule, mae.severity, mae.state.key.cause) == ("default-forecast", "critical", "performance")


def test_intervals_that_hold_too_little_fire_within_two_days_though_nothing_was_learnt(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(3), off=3)
    for day in range(3):
        check(forecaster, day)
    alerts = {each.state.key.subject: each for each in list_alerts(forecaster.store)}
    fired = alerts["coverage_80"].state
    assert (fired.status, alerts["coverage_80"].rule) == ("firing", "default-coverage")
    assert fired.episode is not None
    assert (fired.episode.fired_time, fired.episode.newest.bound) == (day_end(1) + HOUR, 0.7)
    assert "mae" not in alerts or alerts["mae"].state.status == "insufficient data"


def verdicts(store: Store, day: int) -> dict[str, object]:
    return dict(results(store, day)["mae"].verdicts["default-forecast"])


def test_a_threshold_is_learnt_from_chunks_that_had_ended_and_nothing_that_comes_later_moves_it(
    forecaster: Registry,
) -> None:
    WEB.forecast(forecaster.store, range(10))
    check(forecaster, 9)
    before = verdicts(forecaster.store, 9)
    assert before["origin"] == "earlier"
    earlier = [float(str(results(forecaster.store, day)["mae"].value)) for day in range(9)]
    assert isinstance(before["upper"], float)
    assert np.median(earlier) < before["upper"] < np.median(earlier) + 10 * np.std(earlier)
    # The day itself, and all that follows, become far worse; its own bound stays where it was.
    WEB.forecast(forecaster.store, range(10, 14), off=20)
    WEB.forecast(forecaster.store, [9], off=20, version=2)
    check(forecaster, 13)
    after = verdicts(forecaster.store, 9)
    assert {name: after[name] for name in ("lower", "upper", "origin")} == {
        name: before[name] for name in ("lower", "upper", "origin")
    }
    assert (before["state"], after["state"]) == ("ok", "beyond")


def test_until_seven_chunks_are_known_the_error_is_insufficient_data_and_says_why(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(8))
    check(forecaster, 7)
    assert verdicts(forecaster.store, 6)["reason"] == (
        "no threshold: 6 earlier chunks have a value, at least 7 are needed"
    )
    assert verdicts(forecaster.store, 7)["state"] == "ok"


def test_a_replay_knows_only_the_truth_of_its_time(registry: Registry) -> None:
    add_forecaster(registry)
    WEB.record(registry.store, late=timedelta(hours=30))
    WEB.forecast(registry.store, range(2))
    check(registry, 0)
    unknown = results(registry.store, 0)["mae"].value
    assert isinstance(unknown, Undefined)
    assert unknown.reason == "no ground truth"
    check(registry, 2)
    assert not isinstance(results(registry.store, 0)["mae"].value, Undefined)


def test_a_chunk_is_measured_again_only_when_a_step_or_a_truth_in_it_has_changed(forecaster: Registry) -> None:
    store = forecaster.store
    WEB.forecast(store, range(3))
    assert [check(forecaster, 2).chunks for _ in range(2)] == [3, 0]
    late = Observation(BEGIN + 30 * HOUR, 500.0, BEGIN + 31 * HOUR, correct=True)
    store.record_observations("web/cpu", [late])
    assert check(forecaster, 2).chunks == 1
    assert float(str(results(store, 1)["rmse"].value)) > 50
    WEB.forecast(store, [0], off=1)
    as_of = day_end(2) + 8 * HOUR
    changed = ModelEvaluator(forecaster, forecaster.find("arima"), DEFAULT_RULES, as_of).evaluate()
    assert changed.chunks == 2  # its last steps speak of the day after


def test_older_chunks_are_looked_at_once_in_six_hours_and_the_newest_by_every_check(forecaster: Registry) -> None:
    store, model = forecaster.store, forecaster.find("arima")
    WEB.forecast(store, range(8))

    def chunks(hours: float) -> int:
        as_of = day_end(7) + hours * HOUR
        return ModelEvaluator(forecaster, model, DEFAULT_RULES, as_of).evaluate().chunks

    assert chunks(1) == 8
    for day in (1, 6):  # a truth of long ago, and one of yesterday
        wrong = Observation(BEGIN + (day * 24 + 12) * HOUR, 500.0, day_end(7) + HOUR, correct=True)
        store.record_observations("web/cpu", [wrong])
    assert [chunks(hours) for hours in (2, 3, 6.9, 7, 8)] == [1, 0, 0, 1, 0]
    assert float(str(results(store, 1)["rmse"].value)) > 50


def test_how_often_a_forecaster_speaks_is_not_forgotten_between_two_full_looks(forecaster: Registry) -> None:
    store, model = forecaster.store, forecaster.find("arima")
    for day in (0, 2, 4, 6):
        steps = a_forecast(BEGIN + day * 24 * HOUR, hours=48, series="web/cpu", model="arima")
        store.put_forecast(steps)
    found = [
        ModelEvaluator(forecaster, model, DEFAULT_RULES, BEGIN + (6 * 24 + hour) * HOUR).evaluate().issued
        for hour in (1, 2)
    ]
    assert found == [Issued(BEGIN + 6 * 24 * HOUR, 48 * HOUR)] * 2


def test_several_series_are_told_apart_and_only_shares_are_put_together(forecaster: Registry) -> None:
    other = Series("db/cpu", seed=2)
    other.record(forecaster.store)
    for series in (WEB, other):
        series.forecast(forecaster.store, range(1))
    check(forecaster, 0)
    each = [results(forecaster.store, 0, name)["coverage_80"] for name in ("web/cpu", "db/cpu")]
    together = results(forecaster.store, 0, "")
    assert together["coverage_80"].rows == sum(part.rows for part in each)
    assert together["coverage_80"].value == pytest.approx(np.mean([float(str(part.value)) for part in each]))
    assert together["mae"].value == Undefined("several series, each in units of its own: see them by segment")


def test_the_only_series_stands_for_all_rows_too(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(1))
    check(forecaster, 0)
    assert results(forecaster.store, 0, "")["mae"].value == results(forecaster.store, 0)["mae"].value


def test_forecasts_of_other_models_are_left_alone(forecaster: Registry) -> None:
    add_forecaster(forecaster, "naive")
    WEB.forecast(forecaster.store, range(1), model="naive")
    assert check(forecaster, 0).chunks == 0
    assert check(forecaster, 0, model="naive").chunks == 1


def test_a_model_that_logs_predictions_too_keeps_their_results(forecaster: Registry) -> None:
    forecaster.store.record_predictions("arima", [a_prediction(BEGIN + HOUR, value=3.0)])
    WEB.forecast(forecaster.store, range(1))
    check(forecaster, 0)
    assert results(forecaster.store, 0, "")["mae"].rows == 0
    assert results(forecaster.store, 0)["mae"].rows > 0


def test_a_rule_may_watch_each_horizon_by_the_hour(forecaster: Registry) -> None:
    rule = AlertRule(
        name="near",
        model="arima",
        watches="forecast",
        metrics=("mae",),
        segment_by="horizon",
        chunk="hour",
        threshold=Fixed(upper=4),
        minimum_rows=1,
        fires_on="1 of 1",
    )
    WEB.forecast(forecaster.store, range(1), off=8)
    check(forecaster, 0, rule)
    found = statuses(forecaster.store)
    assert {segment for _, segment in found} == {f"web/cpu +{hour}h" for hour in (1, 2, 3)}
    assert set(found.values()) == {"firing"}


def test_of_horizons_that_were_never_bad_no_alert_is_kept(forecaster: Registry) -> None:
    rule = AlertRule(name="far", watches="forecast", segment_by="horizon", threshold=Fixed(upper=100))
    WEB.forecast(forecaster.store, range(2))
    check(forecaster, 1, rule)
    assert list_alerts(forecaster.store) == []


def ingest(registry: Registry, evaluation: Evaluation, now: datetime) -> list[Alert]:
    model = registry.find("arima")
    check_ingest(registry.store, model, DEFAULT_RULES, 24.0, now, evaluation.issued)
    return [each for each in list_alerts(registry.store) if each.state.key.cause == "ingest"]


def test_a_forecaster_that_falls_silent_is_told(forecaster: Registry) -> None:
    WEB.forecast(forecaster.store, range(1))
    (alert,) = ingest(forecaster, check(forecaster, 0), day_end(0) + HOUR)
    assert alert.state.status == "ok"
    (alert,) = ingest(forecaster, check(forecaster, 2), day_end(2) + HOUR)
    assert alert.state.status == "firing"


def test_a_forecaster_of_one_time_of_issue_alone_has_not_fallen_silent(forecaster: Registry) -> None:
    store = forecaster.store
    store.put_forecast(a_forecast(BEGIN, hours=24, series="web/cpu", model="arima"))
    assert ingest(forecaster, check(forecaster, 0), day_end(0) + HOUR) == []
    assert ingest(forecaster, check(forecaster, 9), day_end(9) + HOUR) == []
    # With a second one it has a rhythm, which is kept also when a later look finds the last of them alone.
    store.put_forecast(a_forecast(day_end(9), hours=24, series="web/cpu", model="arima"))
    (alert,) = ingest(forecaster, check(forecaster, 10), day_end(10) + HOUR)
    assert alert.state.status == "ok"
    (alert,) = ingest(forecaster, check(forecaster, 35), day_end(35) + HOUR)
    assert alert.state.status == "firing"


def test_one_that_speaks_once_in_two_days_has_not_fallen_silent_after_one(forecaster: Registry) -> None:
    evaluation = check(forecaster, 6)
    evaluation.issued = Issued(BEGIN + 96 * HOUR, 48 * HOUR)
    (alert,) = ingest(forecaster, evaluation, BEGIN + 150 * HOUR)
    assert alert.state.status == "ok"
    (alert,) = ingest(forecaster, evaluation, BEGIN + 200 * HOUR)
    assert alert.state.status == "firing"


@pytest.mark.parametrize(
    ("watches", "told"),
    [("performance", ["expected forecast for a model of task forecast, not 'performance'"]), ("forecast", [])],
)
def test_a_rule_that_watches_what_a_forecaster_has_not_is_told(
    forecaster: Registry, watches: str, told: list[str]
) -> None:
    rule = AlertRule.model_validate({"name": "mine", "model": "arima", "watches": watches, "threshold": {"upper": 9}})
    notes = check(forecaster, 0, rule).notes
    assert [note.removeprefix("rule 'mine': watches: ") for note in notes] == told
