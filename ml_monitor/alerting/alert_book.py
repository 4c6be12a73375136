"""The alerts in the store: a document for each model that holds the states and histories of all its alerts.

One document a model, not one an alert: a check that moves hundreds of alerts then writes once for each model. It is
changed by compare and set, so a check and a person who acknowledges never undo each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ml_core.clock import format_time
from ml_core.errors import Conflict, NotFound
from ml_core.records import Document
from ml_core.store.base import Store
from ml_monitor.alerting.rules import Severity
from ml_monitor.monitoring.alerts.plain import state_from_dict, state_to_dict
from ml_monitor.monitoring.alerts.states import AlertKey, AlertState, Event, Status
from ml_monitor.results.document_cache import read_cached

KIND = "alerts"
_KEPT_LINES = 100
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is kept: its state, the rule that made it, and its newest changes, oldest first."""

    alert_id: str
    rule: str
    severity: Severity
    state: AlertState
    history: tuple[Mapping[str, Any], ...] = ()

    def after(self, state: AlertState, *lines: Mapping[str, Any]) -> Alert:
        """Return the alert in its new state, with lines added to its history."""
        return replace(self, state=state, history=(*self.history, *lines)[-_KEPT_LINES:])


Book = Mapping[str, Alert]
"""The alerts of one model by their id."""


def id_of(rule: str, key: AlertKey) -> str:
    """Return the id of an alert: the same for the same rule, model, cause, subject and segment, and fit for a URL."""
    parts = "\n".join((rule, key.model, key.cause, key.subject, key.segment))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def new_alert(rule: str, severity: Severity, key: AlertKey) -> Alert:
    """Return an alert that has seen no chunk yet."""
    return Alert(id_of(rule, key), rule, severity, AlertState(key))


def list_alerts(store: Store) -> list[Alert]:
    """Return the alerts of all models, by model, cause, subject and segment."""
    return sorted(each_alert(store), key=lambda alert: (*_order(alert.state.key), alert.rule))


def each_alert(store: Store) -> Iterator[Alert]:
    """Yield the alerts of all models, in no order."""
    for book in read_cached(store, KIND, _book).values():
        yield from book.values()


def get_alert(store: Store, alert_id: str) -> Alert:
    """Return one alert; raise ``NotFound``."""
    for alert in list_alerts(store):
        if alert.alert_id == alert_id:
            return alert
    raise NotFound(f"there is no alert {alert_id[:40]!r}; GET /alerts lists them")


def read_book(store: Store, model: str) -> dict[str, Alert]:
    """Return the alerts of a model by id."""
    document = store.get_document(KIND, _key(model))
    return {} if document is None else _book(document)


def change_book(store: Store, model: str, change: Callable[[Book], Book]) -> dict[str, Alert]:
    """Store what ``change`` makes of a model's alerts, and return them.

    It is called again with what another process made of them meanwhile. Nothing is written if nothing changes. Raises
    ``Conflict`` if others are in the way at every attempt, and what ``change`` raises.
    """
    for _ in range(_ATTEMPTS):
        document = store.get_document(KIND, _key(model))
        before = {} if document is None else _book(document)
        after = dict(change(before))
        if after == before:
            return after
        revision = None if document is None else document.revision
        content = {"model": model, "alerts": {alert_id: _plain(alert) for alert_id, alert in sorted(after.items())}}
        if store.put_document(KIND, _key(model), content, expected_revision=revision) is not None:
            return after
    raise Conflict(f"the alerts of model {model!r} are changed by others all the time; try again")


def change_alert(store: Store, alert_id: str, change: Callable[[Alert], Alert]) -> Alert:
    """Store what ``change`` makes of one alert, and return it. Raises ``NotFound``, and as ``change_book`` does."""
    model = get_alert(store, alert_id).state.key.model

    def change_one(book: Book) -> Book:
        if alert_id not in book:
            raise NotFound(f"the alert {alert_id} was removed meanwhile")
        return {**book, alert_id: change(book[alert_id])}

    return change_book(store, model, change_one)[alert_id]


def status_line(event: Event) -> dict[str, Any]:
    """Return the line of the history that tells of a change of status."""
    return {
        "time": format_time(event.time),
        "before": event.before,
        "after": event.after,
        "chunk": event.chunk.chunk,
        "chunk_time": format_time(event.chunk.chunk_time),
    }


def closing_line(time: datetime, before: Status, after: Status, reason: str) -> dict[str, Any]:
    """Return the line of the history that tells why an alert was closed, since no chunk brought it about."""
    return {"time": format_time(time), "before": before, "after": after, "reason": reason}


def action_line(time: datetime, action: str, author: str, note: str) -> dict[str, Any]:
    """Return the line of the history that tells what somebody did."""
    return {"time": format_time(time), "action": action, "author": author, "note": note}


def _key(model: str) -> str:
    return "all-models" if model == "*" else f"model {model}"


def _order(key: AlertKey) -> tuple[str, str, str, str]:
    return key.model, key.cause, key.subject, key.segment


def _plain(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "severity": alert.severity,
        "state": state_to_dict(alert.state),
        "history": [dict(line) for line in alert.history],
    }


def _book(document: Document) -> dict[str, Alert]:
    return {
        alert_id: Alert(
            alert_id,
            content["rule"],
            content["severity"],
            state_from_dict(content["state"]),
            tuple(content["history"]),
        )
        for alert_id, content in document.content["alerts"].items()
    }
