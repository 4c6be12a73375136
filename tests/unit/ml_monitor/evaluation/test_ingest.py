"""A model that goes silent fires its alert by the hour, and one that speaks again clears it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.records import Model
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import KIND, list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, Fixed, Learnt
from ml_monitor.evaluation.alert_moves import Move
from ml_monitor.evaluation.ingest import check_ingest
from tests.factories import NOON, a_model, a_prediction

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        opened.record_predictions("fraud", [a_prediction(NOON)])
        yield opened


@pytest.fixture
def fraud() -> Model:
    return a_model("fraud", task="binary")


def a_rule(**changes: Any) -> AlertRule:
    return AlertRule(**{"name": "silent", "watches": "ingest", "fires_on": "1 of 1", "clears_after": 1} | changes)


def check(store: JsonStore, model: Model, hours: float, *rules: AlertRule) -> list[Move]:
    return check_ingest(store, model, rules or DEFAULT_RULES, 24.0, NOON + hours * HOUR)


def statuses(moves: list[Move]) -> list[tuple[str, str]]:
    return [(move.before, move.after) for move in moves]


def test_silence_fires_once_and_clears_with_the_next_prediction(store: JsonStore, fraud: Model) -> None:
    assert statuses(check(store, fraud, 1)) == [("insufficient data", "ok")]
    assert check(store, fraud, 24) == []
    assert statuses(check(store, fraud, 24.01)) == [("ok", "firing")]
    assert check(store, fraud, 30) == []
    store.record_predictions("fraud", [a_prediction(NOON + 30 * HOUR)])
    assert statuses(check(store, fraud, 31)) == [("firing", "resolved")]
    (alert,) = list_alerts(store)
    assert (alert.rule, alert.severity, alert.state.key.cause) == ("default-ingest", "critical", "ingest")
    assert alert.state.key.subject == "hours_since_prediction"
    assert [line["after"] for line in alert.history] == ["ok", "firing", "resolved"]


def test_the_alert_tells_how_many_hours_have_passed(store: JsonStore, fraud: Model) -> None:
    (move,) = check(store, fraud, 36)
    assert move.alert.state.episode is not None
    newest = move.alert.state.episode.newest
    assert (newest.value, newest.bound) == (36.0, 24.0)


def test_a_check_that_is_run_again_for_the_same_moment_counts_once(store: JsonStore, fraud: Model) -> None:
    rule = a_rule(fires_on="2 of 3")
    assert statuses(check(store, fraud, 40, rule)) == [("insufficient data", "pending")]
    assert check(store, fraud, 40, rule) == []
    assert statuses(check(store, fraud, 41, rule)) == [("pending", "firing")]


def test_a_look_as_good_as_those_before_it_is_kept_once_an_hour(store: JsonStore, fraud: Model) -> None:
    revisions = []
    for hours in (1, 1.5, 1.9, 2):
        check(store, fraud, hours)
        revisions.append(store.list_documents(KIND)[0].revision)
    assert revisions[:3] == [revisions[0]] * 3 and revisions[3] > revisions[0]
    # What is not as good is never passed over.
    assert statuses(check(store, fraud, 2.1, a_rule(name="default-ingest", threshold=Fixed(upper=2)))) == [
        ("ok", "firing")
    ]


def test_a_model_that_never_spoke_has_not_gone_silent(store: JsonStore) -> None:
    assert check(store, a_model("young"), 1000) == []
    assert list_alerts(store) == []


def test_a_prediction_from_the_future_is_no_silence(store: JsonStore, fraud: Model) -> None:
    assert statuses(check(store, fraud, -5)) == [("insufficient data", "ok")]


@pytest.mark.parametrize(
    "rules",
    [
        [a_rule(enabled=False)],
        [a_rule(model="prices")],
        [rule for rule in DEFAULT_RULES if rule.watches != "ingest"],
    ],
)
def test_without_a_rule_for_it_nothing_is_looked_at(store: JsonStore, fraud: Model, rules: list[AlertRule]) -> None:
    assert check(store, fraud, 1000, *rules) == []
    assert list_alerts(store) == []


@pytest.mark.parametrize(
    ("rule", "fires_after"),
    [(a_rule(threshold=Fixed(upper=2)), 2), (a_rule(threshold=Learnt()), 24), (a_rule(threshold=Fixed(lower=1)), 24)],
)
def test_the_bound_is_that_of_the_rule_or_else_of_the_settings(
    store: JsonStore, fraud: Model, rule: AlertRule, fires_after: int
) -> None:
    assert statuses(check(store, fraud, fires_after, rule)) == [("insufficient data", "ok")]
    assert statuses(check(store, fraud, fires_after + 0.1, rule)) == [("ok", "firing")]


def test_two_rules_have_an_alert_each_whose_keys_differ(store: JsonStore, fraud: Model) -> None:
    moves = check(store, fraud, 3, *DEFAULT_RULES, a_rule(threshold=Fixed(upper=2), severity="warning"))
    assert statuses(moves) == [("insufficient data", "ok"), ("insufficient data", "firing")]
    subjects = [alert.state.key.subject for alert in list_alerts(store)]
    assert subjects == ["hours_since_prediction", "hours_since_prediction by silent"]


def test_a_look_is_never_too_small_for_a_rule(store: JsonStore, fraud: Model) -> None:
    assert statuses(check(store, fraud, 30, a_rule(minimum_rows=10_000))) == [("insufficient data", "firing")]


def test_the_severity_follows_the_rule(store: JsonStore, fraud: Model) -> None:
    check(store, fraud, 30, a_rule())
    check(store, fraud, 31, a_rule(severity="critical"))
    assert [alert.severity for alert in list_alerts(store)] == ["critical"]
