"""What people do about an alert in the store, with a line in its history that says who did what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, action_line, change_alert
from ml_monitor.monitoring.alerts import responses
from ml_monitor.monitoring.alerts.states import AlertState


def acknowledge_alert(store: Store, alert_id: str, *, author: str, note: str, now: datetime) -> Alert:
    """Have ``author`` take up a firing alert; raise ``NotFound``, ``Conflict`` and ``InvalidInput``."""

    def change(state: AlertState) -> AlertState:
        return responses.acknowledge(state, author=author, note=note, time=now)

    return _respond(store, alert_id, "acknowledged", change, author, note, now)


def silence_alert(store: Store, alert_id: str, *, author: str, note: str, until_time: datetime, now: datetime) -> Alert:
    """Have nothing told of an alert before ``until_time``; raise ``NotFound`` and ``InvalidInput``."""

    def change(state: AlertState) -> AlertState:
        return responses.silence(state, author=author, note=note, time=now, until_time=until_time)

    return _respond(store, alert_id, "silenced", change, author, note, now)


def lift_alert_silence(store: Store, alert_id: str, *, now: datetime, author: str = "") -> Alert:
    """Lift the silence of an alert; to lift one that is not there is no news. Raises ``NotFound``."""
    return _respond(store, alert_id, "silence lifted", responses.lift_silence, author, "", now)


def _respond(
    store: Store,
    alert_id: str,
    action: str,
    change: Callable[[AlertState], AlertState],
    author: str,
    note: str,
    now: datetime,
) -> Alert:
    line = action_line(now, action, author, note)

    def respond(alert: Alert) -> Alert:
        state = change(alert.state)
        return alert if state == alert.state else alert.after(state, line)

    return change_alert(store, alert_id, respond)
