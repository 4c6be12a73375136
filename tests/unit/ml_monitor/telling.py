"""What the tests of telling share: alerts in the store that fire, and settings that name real receivers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from ml_core.settings import MailSettings, Settings, WebhookSettings
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, change_book, new_alert
from ml_monitor.alerting.rules import Severity
from ml_monitor.monitoring.alerts.states import AlertKey, AlertState, Cause, Rule, Verdict
from ml_monitor.monitoring.alerts.transitions import advance
from ml_monitor.monitoring.thresholds.base import Judgement
from tests.factories import NOON
from tests.receivers import MailServer, Receiver

DAY = timedelta(days=1)
MODEL = "housing_price"


def an_alert(
    letters: str = "bb",
    *,
    cause: Cause = "performance",
    subject: str = "mae",
    model: str = MODEL,
    rule: str = "default-performance",
    severity: Severity = "critical",
    start: datetime = NOON - 3 * DAY,
    **key: str,
) -> Alert:
    """Return an alert after daily chunks that were bad (``b``, 12.5 above 10) or good (``g``)."""
    alert = new_alert(rule, severity, AlertKey(model, cause, subject, **key))
    return replaced(alert, after(alert.state, letters, start))


def after(state: AlertState, letters: str, start: datetime) -> AlertState:
    """Return a state after more daily chunks, from ``start`` on."""
    for number, letter in enumerate(letters):
        time = start + number * DAY
        value = 12.5 if letter == "b" else 5.0
        judgement = Judgement("beyond" if letter == "b" else "ok", value, 10.0, "lower_is_better", letter == "g")
        verdict = Verdict(f"{time:%Y-%m-%d}", time, 100, judgement)
        state, _ = advance(state, verdict, time + DAY, Rule())
    return state


def replaced(alert: Alert, state: AlertState) -> Alert:
    """Return the alert in another state."""
    return alert.after(state)


def keep(store: Store, *alerts: Alert) -> None:
    """Store alerts, in the place of those with the same id."""
    for alert in alerts:
        change_book(store, alert.state.key.model, lambda book, alert=alert: {**book, alert.alert_id: alert})  # type: ignore[misc]


def with_receivers(
    settings: Settings, *, mail: MailServer | None = None, webhook: Receiver | None = None, **more: Any
) -> Settings:
    """Return settings that send to these receivers, and by no other channel."""
    changes: dict[str, Any] = {}
    if mail is not None:
        changes["mail"] = MailSettings(
            host="127.0.0.1",
            port=mail.port,
            security="none",
            sender="suite@example.org",
            recipients=("ops@example.org",),
            timeout_seconds=5,
        )
    if webhook is not None:
        changes["webhook"] = WebhookSettings(url=SecretStr(webhook.url), **more)
    return settings.model_copy(update=changes)
