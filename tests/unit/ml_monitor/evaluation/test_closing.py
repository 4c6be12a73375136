"""Alerts that no rule watches any more are closed at the next check, with the reason; their history stays."""

from __future__ import annotations

from typing import Any

import pytest

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import Alert, get_alert, list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, delete_rule, list_rules, put_rule
from ml_monitor.alerting.telling import send_due
from ml_monitor.check import check_models
from ml_monitor.evaluation.alert_moves import Move
from ml_monitor.evaluation.closing import close_orphans
from tests.factories import NOON, a_model
from tests.receivers import Receiver
from tests.unit.ml_monitor.telling import DAY, MODEL, an_alert, keep, with_receivers
from tests.worlds import World, add_fraud, record_day

OWN = AlertRule(name="mine", watches="performance", metrics=("mae", "r2_score"))


def close(store: JsonStore, *rules: AlertRule) -> list[Move]:
    return close_orphans(store, MODEL, rules, NOON)


def own_alert(letters: str = "bb", subject: str = "mae by mine", **more: Any) -> Alert:
    return an_alert(letters, rule="mine", subject=subject, **more)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ((), "the rule 'mine' was removed"),
        ((OWN.model_copy(update={"enabled": False}),), "the rule 'mine' is disabled"),
        ((OWN.model_copy(update={"model": "other"}),), "the rule 'mine' was changed and no longer watches this"),
        ((OWN.model_copy(update={"metrics": ("rmse",)}),), "the rule 'mine' was changed and no longer watches this"),
        ((OWN.model_copy(update={"watches": "estimate"}),), "the rule 'mine' was changed and no longer watches this"),
    ],
)
def test_a_firing_alert_resolves_with_the_reason(
    json_store: JsonStore, rules: tuple[AlertRule, ...], reason: str
) -> None:
    alert = own_alert()
    keep(json_store, alert)
    (move,) = close(json_store, *rules)
    assert (move.before, move.after, move.reason) == ("firing", "resolved", reason)
    found = get_alert(json_store, alert.alert_id)
    assert found.state.episode is not None
    assert (found.state.status, found.state.episode.resolved_time) == ("resolved", NOON)
    assert found.history[-1] == {
        "time": format_time(NOON),
        "before": "firing",
        "after": "resolved",
        "reason": reason,
    }
    assert close(json_store, *rules) == []
    assert get_alert(json_store, alert.alert_id) == found


@pytest.mark.parametrize("letters", ["b", "gg"])
def test_one_that_does_not_fire_forgets_its_chunks(json_store: JsonStore, letters: str) -> None:
    keep(json_store, own_alert(letters))
    (move,) = close(json_store)
    assert move.after == "insufficient data"
    (alert,) = list_alerts(json_store)
    assert (alert.state.history, alert.state.settled_time is not None) == ((), True)


@pytest.mark.parametrize(
    ("rule", "alert"),
    [
        (OWN, own_alert()),
        (OWN, own_alert(subject="r2 by mine")),
        (OWN.model_copy(update={"model": MODEL}), own_alert()),
        (OWN.model_copy(update={"segment_by": "city"}), own_alert(segment="city=Porto")),
        (AlertRule(name="mine", watches="drift"), own_alert(cause="drift", subject="rooms of houses by mine")),
        (
            AlertRule(name="mine", watches="drift", metrics=("psi",), columns=("rooms",)),
            own_alert(cause="drift", subject="psi of rooms by mine"),
        ),
        (AlertRule(name="mine", watches="forecast"), own_alert(subject="mae by mine", segment="web/cpu")),
        (AlertRule(name="mine", watches="ingest"), own_alert(cause="ingest", subject="hours_since_prediction by mine")),
        (
            AlertRule.model_validate(
                {"name": "mine", "watches": "metric", "metrics": ["a of b"], "threshold": {"upper": 1}}
            ),
            own_alert(cause="metric", subject="a of b by mine", segment="web"),
        ),
        *((rule, an_alert(rule=rule.name, cause="performance")) for rule in DEFAULT_RULES[:1]),
    ],
)
def test_what_its_rule_still_watches_is_left_alone(json_store: JsonStore, rule: AlertRule, alert: Alert) -> None:
    keep(json_store, alert)
    assert close(json_store, rule) == []
    assert list_alerts(json_store) == [alert]


def test_a_check_closes_them_and_says_why_and_who_was_told_hears_the_end(
    json_store: JsonStore, settings: Settings, registry: Registry
) -> None:
    registry.add_model(a_model())
    put_rule(json_store, OWN)
    keep(json_store, own_alert())
    with Receiver() as webhook:
        told = with_receivers(settings, webhook=webhook)
        send_due(json_store, list_rules(json_store), told, NOON)
        delete_rule(json_store, "mine")
        rules = list_rules(json_store)
        summary = check_models(registry, settings, [registry.find(MODEL)], rules)
        (delivery,) = send_due(json_store, rules, told, NOON)
    line = f"{MODEL}: performance of mae by mine: firing -> resolved (the rule 'mine' was removed)"
    assert line in list(summary.lines())
    assert (delivery.model, [each.notice.kind for each in delivery.news]) == (MODEL, ["resolved"])


def test_a_rule_that_is_enabled_again_begins_anew(tmp_path: Any, json_store: JsonStore, settings: Settings) -> None:
    registry = Registry(json_store, tmp_path / "artifacts", FixedClock(NOON))
    fraud = add_fraud(registry)
    rule = AlertRule.model_validate(
        {"name": "auc", "watches": "performance", "metrics": ["roc_auc"], "threshold": {"lower": 0.6}}
    )

    def check(day: int, rule: AlertRule) -> str:
        end = record_day(registry, day, World(swapped=day < 5))
        then = Registry(json_store, tmp_path / "artifacts", FixedClock(end + DAY / 12))
        check_models(then, settings, [fraud], [rule])
        (alert,) = list_alerts(json_store)
        return alert.state.status

    off = rule.model_copy(update={"enabled": False})
    assert [check(0, rule), check(1, rule), check(2, off)] == ["pending", "firing", "resolved"]
    assert [check(3, rule), check(4, rule), check(5, rule), check(6, rule)] == [
        "pending",
        "firing",
        "firing",
        "resolved",
    ]
