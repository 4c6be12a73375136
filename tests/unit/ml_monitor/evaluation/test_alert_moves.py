"""Verdicts move alerts in order of time, twice as once, and a firing alert asks for one retraining."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.records import Document
from ml_core.retraining.requests import RETRAIN_KIND
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import Alert, list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule
from ml_monitor.evaluation.alert_moves import Move, key_of, move_alerts
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.gradings import MUTED
from ml_monitor.evaluation.judging import Judged
from ml_monitor.monitoring.results import Undefined
from ml_monitor.monitoring.thresholds.base import Judgement
from ml_monitor.results.results_store import Result
from tests.factories import NOON

DAY = timedelta(days=1)
NAMED = {rule.name: rule for rule in DEFAULT_RULES}
DRIFT, PERFORMANCE = NAMED["default-drift"], NAMED["default-performance"]
MINE = DRIFT.model_copy(update={"name": "mine"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        yield opened


def verdict(day: int, state: Any, rule: AlertRule = DRIFT, **changes: Any) -> tuple[Judged, Stretch]:
    start = NOON + day * DAY
    name, column = ("kolmogorov_smirnov", "amount") if rule.watches == "drift" else ("roc_auc", "")
    place: dict[str, Any] = {"name": name, "column": column, "segment": "", "rows": 400, "value": 0.25}
    result = Result(
        chunk="day", group=rule.watches, start_time=start, end_time=start + DAY, **place | changes  # type: ignore[arg-type]
    )  # fmt: skip
    value = Undefined("no rows") if state == "undefined" else 0.25
    judgement = Judgement(state, value, 0.1, "lower_is_better", state == "ok")
    return Judged(rule, result, judgement, None), Stretch(start, start + DAY)


def move(store: JsonStore, *verdicts: tuple[Judged, Stretch], now: datetime = NOON + 9 * DAY) -> list[Move]:
    return move_alerts(store, "fraud", verdicts, now)


def days(store: JsonStore, states: str, rule: AlertRule = DRIFT, first: int = 0) -> list[str]:
    """Move by a verdict a day (b: beyond, o: ok, u: undefined), a check each; return where the alert went."""
    words = {"b": "beyond", "o": "ok", "u": "undefined"}
    return [
        each.after
        for day, letter in enumerate(states, first)
        for each in move(store, verdict(day, words[letter], rule), now=NOON + (day + 1) * DAY)
    ]


def the_alert(store: JsonStore) -> Alert:
    (alert,) = list_alerts(store)
    return alert


def requests(store: JsonStore) -> list[Document]:
    return store.list_documents(RETRAIN_KIND)


@pytest.mark.parametrize(
    ("states", "moves"),
    [
        ("ooo", []),
        ("b", ["pending"]),
        ("bb", ["pending", "firing"]),
        ("bob", ["pending", "firing"]),
        ("boob", ["pending"]),
        ("booo", ["pending", "ok"]),
        ("bub", ["pending", "insufficient data", "firing"]),
        ("boooub", ["pending", "ok", "insufficient data", "pending"]),
        ("bboo", ["pending", "firing", "resolved"]),
        ("bbooo", ["pending", "firing", "resolved", "ok"]),
        ("bbuuoo", ["pending", "firing", "resolved"]),
    ],
)
def test_days_lead_where_the_counts_of_the_rule_say(store: JsonStore, states: str, moves: list[str]) -> None:
    assert days(store, states) == moves


def test_verdicts_of_one_check_are_taken_in_order_of_time(store: JsonStore) -> None:
    moves = move(store, verdict(3, "ok"), verdict(1, "beyond"), verdict(2, "ok"), verdict(0, "beyond"))
    assert [(each.before, each.after) for each in moves] == [
        ("insufficient data", "pending"),
        ("pending", "firing"),
        ("firing", "resolved"),
    ]
    assert [line["after"] for line in the_alert(store).history] == ["pending", "firing", "resolved"]
    episode = the_alert(store).state.episode
    assert episode is not None
    assert episode.first_time == NOON


def test_a_check_that_is_run_again_moves_nothing(store: JsonStore) -> None:
    verdicts = [verdict(day, "beyond") for day in range(3)]
    assert len(move(store, *verdicts)) == 2
    assert move(store, *verdicts) == []
    assert len(the_alert(store).history) == 2


def test_columns_that_never_drifted_are_not_kept_but_metrics_of_performance_are(store: JsonStore) -> None:
    move(store, verdict(0, "ok"), verdict(0, "undefined", column="age"), verdict(0, "ok", PERFORMANCE))
    assert [alert.state.key.cause for alert in list_alerts(store)] == ["performance"]


def test_an_old_bad_day_that_is_judged_anew_does_not_come_back_beside_a_new_one(store: JsonStore) -> None:
    assert days(store, "boooo") == ["pending", "ok"]
    assert move(store, verdict(0, "beyond")) == []
    assert days(store, "b", first=5) == ["pending"]


def test_late_truth_changes_the_verdict_on_its_own_day(store: JsonStore) -> None:
    assert days(store, "uob", PERFORMANCE) == ["ok", "pending"]
    assert [each.after for each in move(store, verdict(1, "beyond", PERFORMANCE))] == ["firing"]


@pytest.mark.parametrize(
    ("rule", "changes", "subject"),
    [
        (DRIFT, {}, "amount"),
        (DRIFT, {"column": "value"}, "value"),
        (NAMED["default-quality"], {"name": "missing", "column": "age"}, "missing of age"),
        (PERFORMANCE, {}, "roc_auc"),
        (MINE, {}, "amount by mine"),
        (MINE.model_copy(update={"metrics": ("kolmogorov_smirnov",)}), {}, "kolmogorov_smirnov of amount by mine"),
        (MINE, {"name": "pca_reconstruction", "column": ""}, "pca_reconstruction by mine"),
        (PERFORMANCE, {"segment": "country=de"}, "roc_auc"),
    ],
)  # fmt: skip
def test_an_alert_is_named_for_what_it_watches(rule: AlertRule, changes: dict[str, Any], subject: str) -> None:
    key = key_of("fraud", verdict(0, "ok", rule, **changes)[0])
    assert (key.model, key.cause, key.subject) == ("fraud", rule.watches, subject)
    assert key.segment == changes.get("segment", "")


def test_two_rules_on_one_column_have_an_alert_each(store: JsonStore) -> None:
    move(store, verdict(0, "beyond"), verdict(0, "beyond", MINE.model_copy(update={"severity": "critical"})))
    assert [(alert.rule, alert.severity) for alert in list_alerts(store)] == [
        ("default-drift", "warning"),
        ("mine", "critical"),
    ]


def test_a_muted_estimate_moves_nothing_whatever_its_verdict(store: JsonStore) -> None:
    rule = NAMED["default-estimate"]
    for day in range(3):
        assert move(store, verdict(day, "beyond", rule, notes=(MUTED,))) == []
    assert the_alert(store).state.status == "insufficient data"
    assert [each.after for each in move(store, verdict(3, "beyond", rule), verdict(4, "beyond", rule))] == [
        "pending",
        "firing",
    ]


def test_a_chunk_of_few_rows_counts_as_neither(store: JsonStore) -> None:
    move(store, *(verdict(day, "beyond", PERFORMANCE, rows=49) for day in range(3)))
    assert the_alert(store).state.status == "insufficient data"


RETRAIN = PERFORMANCE.model_copy(update={"name": "bad-auc", "retrain": True})


def test_an_alert_that_fires_files_one_request_and_goes_on_firing_without_another(store: JsonStore) -> None:
    days(store, "b", RETRAIN)
    assert requests(store) == []
    days(store, "bbb", RETRAIN, first=1)
    (request,) = requests(store)
    assert (request.key, request.revision) == ("fraud", 1)
    assert request.content == {
        "model": "fraud",
        "state": "open",
        "requested_time": "2026-11-22T12:00:00Z",
        "rule": "bad-auc",
        "alert_id": the_alert(store).alert_id,
    }


def test_a_request_that_was_served_is_not_filed_again_for_the_same_firing_but_for_the_next(store: JsonStore) -> None:
    days(store, "bb", RETRAIN)
    (request,) = requests(store)
    served = {**request.content, "state": "done"}
    store.put_document(RETRAIN_KIND, "fraud", served, expected_revision=request.revision)
    days(store, "bb", RETRAIN, first=2)
    assert [each.content["state"] for each in requests(store)] == ["done"]
    days(store, "oobb", RETRAIN, first=4)
    assert [each.content["state"] for each in requests(store)] == ["open"]


def test_a_check_that_was_killed_before_the_request_makes_up_for_it(store: JsonStore) -> None:
    verdicts = [verdict(day, "beyond", RETRAIN) for day in range(2)]
    quiet = [(replace(judged, rule=judged.rule.model_copy(update={"retrain": False})), at) for judged, at in verdicts]
    assert len(move(store, *quiet)) == 2
    assert requests(store) == []
    assert move(store, *verdicts) == []
    assert len(requests(store)) == 1
