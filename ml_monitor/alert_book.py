"""The alerts in the store: each a document that holds its state and its history, changed by compare and set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ml_core.clock import format_time
from ml_core.errors import Conflict, NotFound
from ml_core.records import Document
from ml_core.store.base import Store
from ml_monitor.monitoring.alerts.plain import state_from_dict, state_to_dict
from ml_monitor.monitoring.alerts.states import AlertKey, AlertState, Event
from ml_monitor.rules import Severity

KIND = "alerts"
_KEPT_EVENTS = 100
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is kept: its state, the rule that made it, and its newest changes, oldest first."""

    alert_id: str
    rule: str
    severity: Severity
    state: AlertState
    events: tuple[Mapping[str, Any], ...] = ()
    revision: int | None = None


Change = Callable[[Alert], tuple[AlertState, Iterable[Mapping[str, Any]]]]
"""Returns the new state of an alert, and what is to stand in its history."""


def id_of(rule: str, key: AlertKey) -> str:
    """Return the id of an alert: the same for the same rule, model, cause, subject and segment, and fit for a URL."""
    parts = "\n".join((rule, key.model, key.cause, key.subject, key.segment))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def list_alerts(store: Store) -> list[Alert]:
    """Return all alerts, by model, cause, subject and segment."""
    alerts = [_alert(document) for document in store.list_documents(KIND)]
    return sorted(alerts, key=lambda alert: (*_order(alert.state.key), alert.rule))


def get_alert(store: Store, alert_id: str) -> Alert:
    """Return one alert; raise ``NotFound``."""
    document = store.get_document(KIND, alert_id)
    if document is None:
        raise NotFound(f"there is no alert {alert_id[:40]!r}; GET /alerts lists them")
    return _alert(document)


def new_alert(rule: str, severity: Severity, key: AlertKey) -> Alert:
    """Return an alert that has seen no chunk yet and is not stored."""
    return Alert(id_of(rule, key), rule, severity, AlertState(key))


def change_alert(store: Store, alert: Alert, change: Change) -> Alert:
    """Store what ``change`` makes of an alert; done again on what another process made of it meanwhile.

    Nothing is written if the state stays as it is. Raises ``Conflict`` if others are in the way at every attempt.
    """
    for _ in range(_ATTEMPTS):
        state, events = change(alert)
        if state == alert.state and alert.revision is not None:
            return alert
        kept = (*alert.events, *events)[-_KEPT_EVENTS:]
        changed = replace(alert, state=state, events=kept)
        stored = store.put_document(KIND, alert.alert_id, _content(changed), expected_revision=alert.revision)
        if stored is not None:
            return replace(changed, revision=stored.revision)
        found = store.get_document(KIND, alert.alert_id)
        alert = _alert(found) if found else replace(alert, revision=None)
    raise Conflict(f"the alert {alert.alert_id} is changed by others all the time; try again")


def changed_line(event: Event) -> dict[str, Any]:
    """Return the line of the history that tells of a change of status."""
    return {
        "time": format_time(event.time),
        "before": event.before,
        "after": event.after,
        "chunk": event.chunk.chunk,
        "chunk_time": format_time(event.chunk.chunk_time),
    }


def action_line(time: datetime, action: str, author: str, note: str) -> dict[str, Any]:
    """Return the line of the history that tells what somebody did."""
    return {"time": format_time(time), "action": action, "author": author, "note": note}


def _order(key: AlertKey) -> tuple[str, str, str, str]:
    return key.model, key.cause, key.subject, key.segment


def _content(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "severity": alert.severity,
        "state": state_to_dict(alert.state),
        "events": [dict(event) for event in alert.events],
    }


def _alert(document: Document) -> Alert:
    content = document.content
    return Alert(
        document.key,
        content["rule"],
        content["severity"],
        state_from_dict(content["state"]),
        tuple(content["events"]),
        document.revision,
    )
