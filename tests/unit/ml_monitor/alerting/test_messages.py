from __future__ import annotations

from datetime import timedelta

import pytest

from ml_monitor.alerting.alert_book import Alert
from ml_monitor.alerting.messages import News, compose
from ml_monitor.monitoring.alerts.notifying import due_notifications, mark_told
from ml_monitor.monitoring.alerts.states import Rule
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY, after, an_alert, replaced


def news_of(*alerts: Alert, hours: float = 0) -> list[News]:
    now = NOON + timedelta(hours=hours)
    notices = {}
    for notification in due_notifications([(alert.state, Rule()) for alert in alerts], now):
        notices |= {notice.key: notice for notice in notification.notices}
    return [News(alert, notices[alert.state.key]) for alert in alerts]


def told(alert: Alert) -> Alert:
    return replaced(alert, mark_told(alert.state, news_of(alert)[0].notice, NOON))


def test_a_firing_alert_is_described_in_plain_sentences() -> None:
    alert = an_alert()
    message = compose(news_of(alert), NOON)
    assert message.subject == "[critical] performance of housing_price: mae"
    assert message.text == (
        "performance of housing_price: mae is firing. The first bad chunk was that of 2026-11-17 12:00 UTC; it fired "
        "at 2026-11-19 12:00 UTC. In the chunk from 2026-11-18 12:00 UTC on the value was 12.5, above the "
        "threshold of 10 (higher is worse). Rule default-performance, severity critical. To acknowledge it, POST "
        f'{{"author": "...", "note": "..."}} to /alerts/{alert.alert_id}/acknowledgements of the monitor; it is then '
        "not repeated."
    )


def test_the_json_holds_what_the_sentences_say() -> None:
    alert = an_alert(segment="city=Porto")
    (item,) = compose(news_of(alert), NOON).content["alerts"]
    assert item == {
        "alert_id": alert.alert_id,
        "kind": "firing",
        "subject": "mae",
        "segment": "city=Porto",
        "rule": "default-performance",
        "severity": "critical",
        "first_time": "2026-11-17T12:00:00Z",
        "fired_time": "2026-11-19T12:00:00Z",
        "resolved_time": None,
        "chunk": "2026-11-18",
        "chunk_time": "2026-11-18T12:00:00Z",
        "value": 12.5,
        "undefined": None,
        "threshold": 10.0,
        "direction": "lower_is_better",
        "acknowledge_path": f"/alerts/{alert.alert_id}/acknowledgements",
    }


def test_a_repeated_alert_is_still_firing() -> None:
    message = compose(news_of(told(an_alert()), hours=4), NOON)
    assert message.subject == "[critical, still firing] performance of housing_price: mae"
    assert " is still firing. " in message.text


def test_a_resolved_alert_asks_for_nothing() -> None:
    alert = told(an_alert())
    alert = replaced(alert, after(alert.state, "gg", NOON - DAY))
    message = compose(news_of(alert), NOON)
    assert message.subject == "[resolved] performance of housing_price: mae"
    assert "It resolved at 2026-11-21 12:00 UTC." in message.text
    assert "acknowledge" not in message.text
    assert message.content["alerts"][0]["resolved_time"] == "2026-11-21T12:00:00Z"


def test_many_alerts_are_counted_and_the_json_lists_them_all() -> None:
    message = compose(news_of(*[an_alert(cause="drift", subject=f"column_{number}") for number in range(25)]), NOON)
    assert message.subject == "[critical] drift of housing_price: column_0 and 24 more"
    assert "5 more are listed by GET /alerts." in message.text
    assert len(message.content["alerts"]) == 25


def test_an_alert_on_all_models_says_so() -> None:
    message = compose(news_of(an_alert(cause="ingest", subject="spool", model="*")), NOON)
    assert message.subject == "[critical] ingest of all models: spool"
    assert message.content["model"] == "*"


@pytest.mark.parametrize(
    ("name", "shown"), [("<b>", "&lt;b&gt;"), ("a&b", "a&amp;b"), ("<!channel>", "&lt;!channel&gt;")]
)
def test_a_column_can_smuggle_nothing_into_a_chat(name: str, shown: str) -> None:
    text = compose(news_of(an_alert(cause="drift", subject=name)), NOON).slack()["text"]
    assert text.startswith(f"*[critical] drift of housing_price: {shown}*\n")
    assert name not in text
