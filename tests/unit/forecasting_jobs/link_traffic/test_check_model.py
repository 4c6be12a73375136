"""What the monitor finds of a model, what is asked for after it, and whose rule it is."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from forecasting_jobs.link_traffic.check_model import (
    JOB,
    ModelVerdict,
    Run,
    _why_again,
    check_model,
    read_verdict,
    rule_name,
    rule_of,
)
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from forecasting_jobs.link_traffic.parts import make_parts
from forecasting_jobs.suite_process import CommandFailed, run_suite
from ml_core.clock import FixedClock
from ml_core.clocks import set_clock_file
from ml_core.process_parts import ProcessParts
from ml_core.records import MetricPoint
from ml_core.retraining.advance import begin_trial
from ml_core.retraining.requests import RequestState, RetrainRequest, file_by_hand, read_request
from ml_core.retraining.trials import TrialKind
from ml_core.settings import LinkTrafficSettings, Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_version
from tests.networks import PAIRS, add_network
from tests.processes import own_folders
from tests.traffic import HOURLY
from tests.unit.forecasting_jobs.link_traffic.served_world import STRIDE, ServedWorld, truth_of

DAY = timedelta(days=1)
LIMIT = 1.0
RULE = rule_name(HOURLY)


@pytest.fixture
def parts(settings: Settings, json_store: JsonStore, clock: FixedClock) -> ProcessParts:
    limited = settings.model_copy(update={"link_traffic": LinkTrafficSettings(rmse_limit=LIMIT)})
    return make_parts(limited, json_store, clock)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run commands in a process of the test's own store, at noon."""
    set_clock_file(tmp_path / "clock", NOON)
    return partial(run_suite, environ={**own_folders(tmp_path), "ML_CLOCK_FILE": str(tmp_path / "clock")})


def a_day(days_ago: int, rmse: float | None, upper: float | None = LIMIT, rule: str = RULE) -> MetricPoint:
    """Return a day as a check writes it down; a day with too few truths has no value."""
    start = NOON.replace(hour=0) - days_ago * DAY
    verdicts = {rule: {} if upper is None else {"upper": upper}}
    details = {"verdicts": verdicts} if rmse is None else {"verdicts": verdicts, "value": rmse}
    return MetricPoint(HOURLY, "day/performance/rmse", start, start + DAY, 1, rmse or 0.0, 0.0, details=details)


def serve_days(parts: ProcessParts, clock: FixedClock, wrong_by: float) -> None:
    """Serve and label four days of two links up to noon, each step wrong by as much."""
    world, start = ServedWorld(parts, clock), NOON - 8 * DAY
    for number in range(8):
        issue_time = NOON.replace(hour=0) - 4 * DAY + number * STRIDE
        for pair in PAIRS:
            series = LinkSeries(*pair, start, HOUR, np.full((8 * 24, 2), 5.0))
            truth = truth_of(series, issue_time)
            world.label(world.serve(series, issue_time, truth + wrong_by), truth, issue_time + 7 * HOUR)
    clock.time = NOON


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_days_beyond_the_bound_are_a_breach_that_asks_once_and_keeps_the_rule(
    parts: ProcessParts, clock: FixedClock, run: Run
) -> None:
    add_network(parts.registry)
    serve_days(parts, clock, wrong_by=3.0)
    verdict = check_model(parts, HOURLY, run)
    assert verdict.is_breached and verdict.day == NOON.replace(hour=0) - DAY
    assert (verdict.rmse, verdict.upper) == (pytest.approx(3.0), LIMIT)
    assert f"{HOURLY}: performance of rmse by {RULE}: pending -> firing" in verdict.moves
    asked = read_request(parts.store, HOURLY)
    assert asked is not None and (asked.state, asked.rule) == ("open", RULE)
    stored = [document for document in parts.store.list_documents("alert_rules") if document.key == RULE]
    assert [document.revision for document in stored] == [1]
    again = check_model(parts, HOURLY, run)
    assert again.is_breached and again.request == asked == read_request(parts.store, HOURLY)
    assert parts.store.get_document("alert_rules", RULE) == stored[0]


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_days_within_the_bound_ask_for_nothing(parts: ProcessParts, clock: FixedClock, run: Run) -> None:
    add_network(parts.registry)
    serve_days(parts, clock, wrong_by=0.5)
    verdict = check_model(parts, HOURLY, run)
    assert not verdict.is_breached and verdict.rmse == pytest.approx(0.5)
    assert verdict.request is None and verdict.told().endswith("0.500 Gbit/s, at most 1.000 expected: ok")


def test_a_rule_that_somebody_has_changed_before_a_day_was_judged_stays_as_it_is(parts: ProcessParts, run: Run) -> None:
    parts.registry.add_model(a_model(HOURLY, task="forecast"))
    theirs = {**rule_of(LinkTrafficSettings(), HOURLY), "retrain": False, "severity": "warning"}
    parts.store.put_document("alert_rules", RULE, theirs, expected_revision=None)
    assert check_model(parts, HOURLY, run).told() == f"{HOURLY}: no day has been judged yet"
    kept = parts.store.get_document("alert_rules", RULE)
    assert kept is not None and (kept.content, kept.revision) == (theirs, 1)


def test_a_check_that_fails_is_told_with_its_reason(parts: ProcessParts, run: Run) -> None:
    with pytest.raises(CommandFailed, match=r"ml_monitor check --model link_traffic_hourly ended with 1: .*link_traff"):
        check_model(parts, HOURLY, run)


def test_the_verdict_is_that_of_the_newest_day_that_the_rule_has_judged(parts: ProcessParts) -> None:
    days = [a_day(4, 0.4), a_day(3, 1.5), a_day(2, None), a_day(1, 9.0, rule="another")]
    parts.store.put_metric_points(days)
    verdict = read_verdict(parts, HOURLY, ["a -> b"])
    assert (verdict.day, verdict.rmse, verdict.upper) == (days[1].start_time, 1.5, LIMIT)
    assert verdict.is_breached and verdict.moves == ["a -> b"]
    assert verdict.told() == f"{HOURLY}: RMSE of 2026-11-17 1.500 Gbit/s, at most 1.000 expected: BREACHED"


def test_an_error_at_its_bound_or_without_one_is_no_breach(parts: ProcessParts) -> None:
    parts.store.put_metric_points([a_day(2, LIMIT)])
    assert not read_verdict(parts, HOURLY).is_breached
    parts.store.put_metric_points([a_day(1, 99.0, upper=None)])
    verdict = read_verdict(parts, HOURLY)
    assert not verdict.is_breached and verdict.told().endswith("99.000 Gbit/s, no bound: ok")


def test_a_request_is_told_until_it_is_done(parts: ProcessParts) -> None:
    parts.store.put_metric_points([a_day(1, 2.0)])
    file_by_hand(parts.store, HOURLY, author="ada", now=NOON)
    assert read_verdict(parts, HOURLY).told().endswith("BREACHED; training anew was asked for at 2026-11-20T12:00:00Z")
    asked = read_verdict(parts, HOURLY).request
    done = ModelVerdict(HOURLY, NOON, 2.0, 1.0, RetrainRequest(HOURLY, "done", NOON), ())
    assert asked is not None and done.told().endswith("BREACHED")


@pytest.mark.parametrize(
    ("kind", "hours", "is_asked", "may"),
    [
        ("shadow", 24, False, True),  # as long as the cool-down
        ("shadow", 23, False, False),
        ("shadow", 48, True, False),
        ("watch", 48, False, False),
        (None, 48, False, False),
    ],
)
def test_it_is_asked_again_while_the_challenger_on_trial_was_trained_before_the_cool_down(
    parts: ProcessParts, clock: FixedClock, kind: TrialKind | None, hours: int, is_asked: bool, may: bool
) -> None:
    parts.registry.add_model(a_model(HOURLY, task="forecast"))
    for _ in range(2):
        parts.store.add_version(a_version(HOURLY, created_time=NOON))
    if kind is not None:
        begin_trial(parts, HOURLY, kind, served=1, hidden=2)
    if is_asked:
        file_by_hand(parts.store, HOURLY, author="ada", now=NOON)
    clock.advance(hours * HOUR)
    parts.store.put_metric_points([a_day(0, 2.0)])
    assert bool(_why_again(parts, read_verdict(parts, HOURLY))) is may


@pytest.mark.parametrize(
    ("challenger", "days", "state", "author", "is_watched", "may"),
    [
        (2, 3, "done", "", False, True),
        (2, 3, "done", JOB, False, True),
        (2, 3, "done", "ada", False, False),  # a person who asked may ask again
        (2, 7, "done", "", True, False),  # whoever is watched is watched to the end
        (2, 2, "done", "", False, False),
        (2, 7, "open", "", False, False),  # somebody has asked already
        (1, 7, "done", "", False, False),  # the last that was trained did not take over: there is no more to gain
        (None, 7, "done", "", False, False),
    ],
)
def test_a_champion_that_took_over_is_followed_by_one_that_knows_more(
    parts: ProcessParts,
    clock: FixedClock,
    challenger: int | None,
    days: int,
    state: RequestState,
    author: str,
    is_watched: bool,
    may: bool,
) -> None:
    parts.registry.add_model(a_model(HOURLY, task="forecast"))
    for _ in range(2):
        parts.store.add_version(a_version(HOURLY, created_time=NOON))
    parts.registry.promote(parts.registry.find(HOURLY), 2)
    if is_watched:
        begin_trial(parts, HOURLY, "watch", served=2, hidden=1)
    clock.advance(days * DAY)
    request = RetrainRequest(HOURLY, state, NOON, author=author, challenger=challenger)
    why = _why_again(parts, ModelVerdict(HOURLY, NOON, 0.5, 1.0, request, ()))
    assert why.startswith("the champion took over after a breach") if may else why == ""


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_breach_that_goes_on_asks_for_a_challenger_that_knows_more(
    parts: ProcessParts, clock: FixedClock, run: Run
) -> None:
    for _ in range(2):
        clock.time = NOON - 5 * DAY
        add_network(parts.registry)
    begin_trial(parts, HOURLY, "shadow", served=2, hidden=1)
    serve_days(parts, clock, wrong_by=3.0)
    verdict = check_model(parts, HOURLY, run)
    assert verdict.request is not None
    assert (verdict.request.author, verdict.request.state) == (JOB, "open")
    assert "the challenger on trial is of before" in verdict.request.reason


def test_the_rule_asks_above_its_bound_which_is_learnt_or_set() -> None:
    learnt, fixed = rule_of(LinkTrafficSettings(), HOURLY), rule_of(LinkTrafficSettings(rmse_limit=2.5), HOURLY)
    assert (learnt["threshold"], fixed["threshold"]) == ({"deviations": 4.0}, {"upper": 2.5})
    assert learnt["retrain"] and learnt["fires_on"] == "2 of 3"
