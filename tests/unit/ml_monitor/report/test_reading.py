"""What a report says of a small world whose truth is known: its label turns round, its amount moves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.clock import FixedClock
from ml_core.records import GroundTruth
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.check import check_all
from ml_monitor.report.periods import period_before
from ml_monitor.report.reading import ModelReport, read_report
from tests.factories import NOON, a_forecast, a_model, a_prediction, an_observation
from tests.unit.ml_monitor.telling import an_alert, keep
from tests.worlds import DAY, FIRST_DAY, World, add_fraud, record_day


def checked_as_of(registry: Registry, settings: Settings, day: int) -> Registry:
    at = Registry(registry.store, registry.artifacts_root, FixedClock(FIRST_DAY + (day + 1) * DAY + timedelta(hours=2)))
    check_all(at, settings)
    return at


def report_of(registry: Registry, name: str = "day") -> ModelReport:
    now = registry.clock.now()
    return read_report(registry, registry.find("fraud"), period_before(name, now), now)  # type: ignore[arg-type]


def test_a_period_is_of_whole_days_and_has_one_before_it() -> None:
    period = period_before("week", NOON)
    assert (period.end, period.start) == (NOON.replace(hour=0), NOON.replace(hour=0) - 7 * DAY)
    assert period.before_start == period.start - 7 * DAY
    assert period.last_day == period.end - DAY
    assert period_before("month", NOON).start == NOON.replace(hour=0) - 30 * DAY


def test_a_model_without_predictions_says_so(registry: Registry) -> None:
    add_fraud(registry, rows=200)
    report = report_of(registry)
    assert report.verdict == "No prediction was logged in this period."
    assert not report.is_bad
    registry.store.record_predictions("fraud", [a_prediction(FIRST_DAY)])
    assert report_of(registry).verdict.endswith("in this period; the newest is of 10 Nov UTC.")


def test_what_fires_is_told_also_where_no_prediction_came(registry: Registry) -> None:
    add_fraud(registry, rows=200)
    keep(registry.store, an_alert(model="fraud", subject="mae"))
    assert report_of(registry).verdict.startswith("Performance is ")
    assert report_of(registry).verdict.endswith(". No prediction was logged in this period.")


def test_a_model_that_was_never_checked_names_the_command(registry: Registry) -> None:
    add_fraud(registry, rows=200)
    registry.store.record_predictions("fraud", [a_prediction(NOON - DAY)])
    report = report_of(registry)
    assert "no check has run yet. python -m ml_monitor check" in report.verdict
    assert (report.data.predictions, report.data.before, report.data.coverage) == (1, 0, None)


def test_a_healthy_period_says_what_its_headline_is_and_was(registry: Registry, settings: Settings) -> None:
    add_fraud(registry)
    for day in (0, 1):
        record_day(registry, day, World())
    report = report_of(checked_as_of(registry, settings, 1))
    assert report.verdict.startswith("Nothing fires. ROC AUC: 0.7998, 0.8367")
    assert report.verdict.endswith("in the period before.")
    assert not report.is_bad
    assert report.alerts == report.drifted == ()
    assert report.columns_judged >= 3
    headline = report.metrics[0]
    assert (headline.name, headline.is_headline, headline.state, headline.judged) == ("roc_auc", True, "ok", 1)
    assert headline.lower is not None
    assert headline.upper is None  # a better value is no trouble
    assert headline.value == headline.worst
    assert report.data.predictions == report.data.before == 400
    assert report.data.coverage == 1.0
    assert report.data.delay_seconds == pytest.approx(3600)


def test_what_went_wrong_is_said_with_its_cause_and_day(registry: Registry, settings: Settings) -> None:
    add_fraud(registry)
    record_day(registry, 0, World())
    for day in (1, 2, 3):
        record_day(registry, day, World(swapped=True, shift=2.0))
    at = checked_as_of(registry, settings, 3)
    report = report_of(at)
    assert report.is_bad
    assert report.verdict.startswith("Performance is below its threshold since 11 Nov (roc_auc 0.")
    assert "amount drifted since 1" in report.verdict
    assert "(median " in report.verdict
    amount = next(column for column in report.drifted if column.name == "amount")
    assert (amount.beyond, amount.judged) == (1, 1)
    assert amount.first_time < FIRST_DAY + 3 * DAY  # it began in the period before
    assert amount.shares is not None
    assert sum(amount.shares.reference) == pytest.approx(1)
    assert sum(amount.shares.current) == pytest.approx(1)
    value = next(column for column in report.drifted if column.name == "value")
    assert value.shares is not None
    assert set(value.shares.places) == {"0", "1"}
    assert {(alert.cause, alert.subject) for alert in report.alerts} >= {
        ("performance", "roc_auc"),
        ("drift", "amount"),
    }
    assert report.metrics[0].state == "beyond"
    later = read_report(at, at.find("fraud"), period_before("week", NOON + 60 * DAY), at.clock.now())
    assert later.drifted == ()


def test_an_alert_is_of_the_periods_whose_chunks_it_fires_for(registry: Registry, settings: Settings) -> None:
    add_fraud(registry)
    for day in range(6):
        record_day(registry, day, World(swapped=day in (1, 2)))
        at = checked_as_of(registry, settings, day)
    (alert,) = report_of(at, "week").alerts
    assert (alert.subject, alert.state, alert.first_time) == ("roc_auc", "resolved", FIRST_DAY + DAY)
    assert alert.resolved_time is not None

    def alerts_as_of(time: timedelta) -> tuple[object, ...]:
        now = FIRST_DAY + time
        return read_report(at, at.find("fraud"), period_before("day", now), now).alerts

    assert alerts_as_of(DAY) == ()  # the day before its first bad chunk
    assert len(alerts_as_of(2 * DAY)) == 1
    assert alerts_as_of(20 * DAY) == ()


def test_a_reference_that_is_damaged_costs_the_pictures_of_columns_alone(
    registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    add_fraud(registry)
    for day in (0, 1, 2):
        record_day(registry, day, World(shift=3.0))
    at = checked_as_of(registry, settings, 2)
    (reference,) = (tmp_path / "artifacts").rglob("reference.csv*")
    reference.write_bytes(b"damaged")
    report = report_of(at)
    assert report.drifted
    assert all(column.shares is None and column.change == "" for column in report.drifted)


def test_forecasts_are_measured_against_what_came(registry: Registry, json_store: JsonStore) -> None:
    registry.add_model(a_model("arima", task="forecast", headline_metric="mae"))
    day = NOON.replace(hour=0)
    for back in (1, 2):
        json_store.put_forecast(a_forecast(day - back * DAY, hours=3))
    hours = [timedelta(hours=hour) for hour in (1, 2, 3)]
    json_store.record_observations("web/cpu", [an_observation(day - DAY + hour, 2.0) for hour in hours[:2]])
    report = read_report(registry, registry.find("arima"), period_before("day", NOON), NOON)
    (line,) = report.forecasts
    assert (line.series, line.steps, line.with_truth) == ("web/cpu", 3, 2)
    metrics = {title: (value, before) for title, value, before in line.metrics}
    assert metrics["Mean absolute error"] == (0.5, None)  # 1 and 2 were said, 2 and 2 came
    assert metrics["Coverage of the 80 % interval"] == (1.0, None)
    assert line.values == (1.0, 2.0, 3.0)
    assert line.truths == (2.0, 2.0, None)
    assert report.verdict == "3 steps were forecast; nothing fires."
    keep(json_store, an_alert(model="arima", subject="mae"))
    report = read_report(registry, registry.find("arima"), period_before("day", NOON), NOON)
    assert report.verdict.startswith("Performance is ") and report.verdict.endswith(". 3 steps were forecast.")


def test_what_came_to_be_known_after_the_period_does_not_change_its_forecasts(
    registry: Registry, json_store: JsonStore
) -> None:
    registry.add_model(a_model("arima", task="forecast"))
    day = NOON.replace(hour=0)
    json_store.put_forecast(a_forecast(day - DAY, hours=3))
    late = an_observation(day - DAY + timedelta(hours=1), 2.0, received_time=NOON)
    json_store.record_observations("web/cpu", [late])
    report = read_report(registry, registry.find("arima"), period_before("day", NOON), NOON)
    assert report.forecasts[0].with_truth == 0
    assert report.forecasts[0].metrics == ()


def test_truth_is_covered_as_far_as_checks_have_seen_it(registry: Registry, settings: Settings) -> None:
    add_fraud(registry)
    record_day(registry, 0, World(), truth_after=None)
    registry.store.record_truths("fraud", [GroundTruth("day-0-0", 1.0, FIRST_DAY + timedelta(hours=3))])
    report = report_of(checked_as_of(registry, settings, 0))
    assert report.data.coverage == pytest.approx(1 / 400)
    assert report.metrics[0].is_estimate or report.metrics[0].value is None or report.metrics[0].judged == 0
