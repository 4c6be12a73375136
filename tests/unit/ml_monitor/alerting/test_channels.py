from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from ml_core.settings import MailSettings, Settings, WebhookSettings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.channels import Sender, list_channels, set_up_channels
from ml_monitor.alerting.messages import Message
from tests.factories import NOON
from tests.receivers import Receiver
from tests.unit.ml_monitor.telling import with_receivers

MESSAGE = Message("subject", "text", {"schema": "any"})
HOUR = timedelta(hours=1)


def test_a_channel_is_set_up_by_naming_its_receiver() -> None:
    assert set_up_channels(Settings()) == ()
    mail, webhook = MailSettings(host="mail.example.org"), WebhookSettings(url=SecretStr("http://chat.example.org"))
    assert set_up_channels(Settings(mail=mail)) == ("mail",)
    assert set_up_channels(Settings(mail=mail, webhook=webhook)) == ("mail", "webhook")


def test_since_when_a_channel_fails_is_kept_until_it_is_ok_again(settings: Settings, json_store: JsonStore) -> None:
    seen = []
    with Receiver([200, 404, 404, 200]) as webhook:
        for hours in range(4):
            sender = Sender(with_receivers(settings, webhook=webhook), NOON + hours * HOUR)
            sender.send("webhook", MESSAGE, {})
            sender.save(json_store)
            seen += list_channels(json_store)
    assert [channel.state for channel in seen] == ["ok", "failing", "failing", "ok"]
    assert [channel.since_time[11:13] for channel in seen] == ["12", "13", "13", "15"]
    assert [(channel.last_success_time or "")[11:13] for channel in seen] == ["12", "12", "12", "15"]
    assert [(channel.last_error_time or "")[11:13] for channel in seen] == ["", "13", "14", "14"]
    assert "404" in (seen[1].last_error or "")


def test_a_channel_that_wastes_time_is_not_tried_again_in_this_run(settings: Settings) -> None:
    with Receiver([404]) as webhook:
        sender = Sender(with_receivers(settings, webhook=webhook), NOON, patience_seconds=1e-9)
        first, second = (sender.send("webhook", MESSAGE, {}) for _ in range(2))
    assert len(webhook.calls) == 1
    assert second == f"not tried again after: {first}"


def test_mail_without_a_sender_is_a_failing_channel(settings: Settings) -> None:
    sender = Sender(settings.model_copy(update={"mail": MailSettings(host="127.0.0.1")}), NOON)
    assert "sender" in (sender.send("mail", MESSAGE, {}) or "")


def test_a_channel_that_is_no_longer_set_up_is_forgotten(settings: Settings, json_store: JsonStore) -> None:
    with Receiver([404]) as webhook:
        sender = Sender(with_receivers(settings, webhook=webhook), NOON)
        sender.send("webhook", MESSAGE, {})
        sender.save(json_store)
    assert len(list_channels(json_store)) == 1
    Sender(settings, NOON).save(json_store)
    assert list_channels(json_store) == []


def test_a_chat_gets_the_text_that_it_takes(settings: Settings) -> None:
    with Receiver() as webhook:
        Sender(with_receivers(settings, webhook=webhook, form="slack"), NOON).send("webhook", MESSAGE, {})
    assert webhook.calls[0].body == b'{"text":"*subject*\\ntext"}'
