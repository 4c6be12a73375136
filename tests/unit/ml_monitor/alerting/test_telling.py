"""Alerts are told to real receivers: once, by every channel, and again when nobody took them."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from pydantic import SecretStr

from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_core.webhook import is_signed
from ml_monitor.alerting.alert_book import change_alert, get_alert, list_alerts
from ml_monitor.alerting.channels import list_channels
from ml_monitor.alerting.rules import DEFAULT_RULES
from ml_monitor.alerting.telling import send_due
from ml_monitor.monitoring.alerts.responses import acknowledge, silence
from tests.factories import NOON
from tests.receivers import MailServer, Receiver
from tests.unit.ml_monitor.telling import DAY, after, an_alert, keep, replaced, with_receivers

HOUR = timedelta(hours=1)


def test_an_alert_is_told_once_by_every_channel_and_its_history_says_so(
    settings: Settings, json_store: JsonStore
) -> None:
    alert = an_alert()
    keep(json_store, alert)
    with MailServer() as mail, Receiver() as webhook:
        told = with_receivers(settings, mail=mail, webhook=webhook)
        (delivery,) = send_due(json_store, DEFAULT_RULES, told, NOON)
        assert send_due(json_store, DEFAULT_RULES, told, NOON + HOUR) == []
    assert delivery.taken_by == ("mail", "webhook")
    (received,), (call,) = mail.mails, webhook.calls
    assert received["Subject"] == "[critical] performance of housing_price: mae"
    assert orjson.loads(call.body)["alerts"][0]["alert_id"] == alert.alert_id
    assert get_alert(json_store, alert.alert_id).history[-1]["note"] == "firing, by mail and webhook"


def test_a_signed_post_can_be_checked_by_its_receiver(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert())
    with Receiver() as webhook:
        send_due(json_store, (), with_receivers(settings, webhook=webhook, secret=SecretStr("s3")), NOON)
    (call,) = webhook.calls
    assert is_signed("s3", int(call.headers["x-ml-timestamp"]), call.body, call.headers["x-ml-signature"])


def test_a_firing_alert_is_repeated_when_its_rule_says_and_its_end_is_told(
    settings: Settings, json_store: JsonStore
) -> None:
    alert = an_alert()
    keep(json_store, alert)
    with Receiver() as webhook:
        told = with_receivers(settings, webhook=webhook)
        for hours in (0, 3, 4):
            send_due(json_store, DEFAULT_RULES, told, NOON + hours * HOUR)
        now = get_alert(json_store, alert.alert_id)
        keep(json_store, replaced(now, after(now.state, "gg", NOON - DAY)))
        send_due(json_store, DEFAULT_RULES, told, NOON + 5 * HOUR)
    kinds = [orjson.loads(call.body)["alerts"][0]["kind"] for call in webhook.calls]
    assert kinds == ["firing", "repeated", "resolved"]


def test_alerts_of_one_model_and_cause_are_one_message(settings: Settings, json_store: JsonStore) -> None:
    drift = [an_alert(cause="drift", subject=name, rule="default-drift") for name in ("age", "rooms")]
    keep(json_store, *drift, an_alert(model="churn"))
    with Receiver() as webhook:
        send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON)
    bodies = [orjson.loads(call.body) for call in webhook.calls]
    told = [(body["model"], [alert["subject"] for alert in body["alerts"]]) for body in bodies]
    assert told == [("churn", ["mae"]), ("housing_price", ["age", "rooms"])]


def test_two_rules_on_one_metric_are_told_apart(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert(), an_alert(rule="mine", severity="warning"))
    with Receiver() as webhook:
        send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON)
        assert send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON) == []
    (call,) = webhook.calls
    assert {alert["rule"] for alert in orjson.loads(call.body)["alerts"]} == {"default-performance", "mine"}


def test_an_alert_goes_by_the_channels_of_its_rule_alone(settings: Settings, json_store: JsonStore) -> None:
    rule = DEFAULT_RULES[0].model_copy(update={"channels": ("webhook",)})
    keep(json_store, an_alert())
    with MailServer() as mail, Receiver() as webhook:
        send_due(json_store, [rule], with_receivers(settings, mail=mail, webhook=webhook), NOON)
    assert (len(mail.mails), len(webhook.calls)) == (0, 1)


@pytest.mark.parametrize("action", ["silenced", "acknowledged"])
def test_nothing_is_told_of_what_is_silenced_or_taken_up(
    settings: Settings, json_store: JsonStore, action: str
) -> None:
    alert = an_alert()
    told = {"author": "Ana", "note": "", "time": NOON}
    if action == "silenced":
        state = silence(alert.state, until_time=NOON + HOUR, **told)  # type: ignore[arg-type]
    else:
        state = acknowledge(alert.state, **told)  # type: ignore[arg-type]
    keep(json_store, replaced(alert, state))
    with Receiver() as webhook:
        assert send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON) == []
        later = send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON + HOUR)
    assert len(webhook.calls) == len(later) == (1 if action == "silenced" else 0)


def test_a_dead_channel_keeps_no_other_from_telling(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert())
    dead = MailServer()  # its port is closed
    with Receiver() as webhook:
        told = with_receivers(settings, mail=dead, webhook=webhook)
        (delivery,) = send_due(json_store, DEFAULT_RULES, told, NOON)
        assert send_due(json_store, DEFAULT_RULES, told, NOON) == []
    assert delivery.taken_by == ("webhook",)
    assert "refused" in delivery.errors["mail"]
    assert {channel.channel: channel.state for channel in list_channels(json_store)} == {
        "mail": "failing",
        "webhook": "ok",
    }


def test_what_nobody_took_is_due_at_the_next_check(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert())
    before = list_alerts(json_store)
    with Receiver([404, 200]) as webhook:
        told = with_receivers(settings, webhook=webhook)
        (first,) = send_due(json_store, DEFAULT_RULES, told, NOON)
        assert list_alerts(json_store) == before
        (second,) = send_due(json_store, DEFAULT_RULES, told, NOON + HOUR)
    assert (first.taken_by, second.taken_by) == ((), ("webhook",))
    assert first.errors["webhook"].endswith("answered 404")


def test_without_any_channel_alerts_count_as_told_so_that_none_are_sent_late(
    settings: Settings, json_store: JsonStore
) -> None:
    alert = an_alert()
    keep(json_store, alert)
    (delivery,) = send_due(json_store, DEFAULT_RULES, settings, NOON)
    assert delivery.taken_by == ()
    assert get_alert(json_store, alert.alert_id).state.told is not None
    with Receiver() as webhook:
        assert send_due(json_store, DEFAULT_RULES, with_receivers(settings, webhook=webhook), NOON + HOUR) == []


def test_an_alert_that_is_taken_up_while_the_picture_is_drawn_is_not_told(
    settings: Settings, json_store: JsonStore
) -> None:
    alert = an_alert()
    keep(json_store, alert)

    def meanwhile(*_: object) -> dict[str, bytes]:
        state = acknowledge(alert.state, author="Ana", note="", time=NOON)
        change_alert(json_store, alert.alert_id, lambda found: found.after(state))
        return {}

    with MailServer() as mail:
        assert send_due(json_store, DEFAULT_RULES, with_receivers(settings, mail=mail), NOON, meanwhile) == []
    assert mail.mails == []
    assert get_alert(json_store, alert.alert_id).state.told is None


def test_of_two_checks_at_once_one_sends(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert())
    others: list[int] = []
    with MailServer() as mail:
        told = with_receivers(settings, mail=mail)

        def another_check(*_: object) -> dict[str, bytes]:
            others.append(len(send_due(json_store, DEFAULT_RULES, told, NOON, lambda *_: {})))
            return {}

        assert send_due(json_store, DEFAULT_RULES, told, NOON, another_check) == []
    assert (others, len(mail.mails)) == ([1], 1)


def test_a_picture_that_cannot_be_drawn_stops_no_mail(settings: Settings, json_store: JsonStore) -> None:
    keep(json_store, an_alert())

    def fails(*_: object) -> dict[str, bytes]:
        raise ValueError("a title that cannot be drawn")

    with MailServer() as mail:
        (delivery,) = send_due(json_store, DEFAULT_RULES, with_receivers(settings, mail=mail), NOON, fails)
    assert delivery.taken_by == ("mail",)


def test_after_an_error_nobody_foresaw_what_was_not_sent_is_due_again(
    settings: Settings, json_store: JsonStore
) -> None:
    keep(json_store, an_alert())
    with MailServer() as mail:
        told = with_receivers(settings, mail=mail)
        with pytest.raises(KeyError):
            send_due(json_store, DEFAULT_RULES, told, NOON, lambda *_: {"not a PNG": None})  # type: ignore[dict-item]
        (delivery,) = send_due(json_store, DEFAULT_RULES, told, NOON)
    assert delivery.taken_by == ("mail",)
