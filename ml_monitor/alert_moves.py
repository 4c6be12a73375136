"""Moves the alerts of a model on by verdicts, and files the retraining that a rule asks for when its alert fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ml_core.clock import format_time
from ml_core.store.base import Store
from ml_monitor.alert_book import RETRAIN_KIND, Alert, Book, change_book, id_of, new_alert, status_line
from ml_monitor.chunk_finder import Stretch
from ml_monitor.gradings import MUTED
from ml_monitor.judging import Judged
from ml_monitor.monitoring.alerts.states import AlertKey, Cause, Status, Verdict
from ml_monitor.monitoring.alerts.transitions import advance
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results_store import Result
from ml_monitor.rules import DEFAULT_RULES, AlertRule

_OF_MANY_SUBJECTS: tuple[Cause, ...] = ("drift", "quality")
_DEFAULT_NAMES = {rule.name for rule in DEFAULT_RULES}


@dataclass(frozen=True, slots=True)
class Move:
    """An alert that changed its status."""

    alert: Alert
    before: Status
    after: Status


def move_alerts(store: Store, model: str, verdicts: Sequence[tuple[Judged, Stretch]], now: datetime) -> list[Move]:
    """Move a model's alerts on by verdicts on its chunks, oldest chunk first; return those whose status changed.

    Alerts of drift and quality are kept from the first bad chunk on, not one for each column that never drifted.
    """
    in_order = sorted(verdicts, key=lambda each: each[1].start_time)
    moves: list[Move] = []

    def move(book: Book) -> Book:
        moves.clear()
        after = dict(book)
        for judged, stretch in in_order:
            key = key_of(model, judged)
            alert_id = id_of(judged.rule.name, key)
            is_kept = alert_id in after or key.cause not in _OF_MANY_SUBJECTS or judged.judgement.state == "beyond"
            if not is_kept:
                continue
            alert = after.get(alert_id) or new_alert(judged.rule.name, judged.rule.severity, key)
            verdict = _verdict(judged, stretch)
            state, events = advance(alert.state, verdict, now, judged.rule.counts)
            moved = replace(alert.after(state, *map(status_line, events)), severity=judged.rule.severity)
            moves.extend(Move(moved, event.before, event.after) for event in events)
            after[alert_id] = moved
        return {alert_id: alert for alert_id, alert in after.items() if not _is_forgotten(alert)}

    change_book(store, model, move)
    fired = {each.alert.alert_id for each in moves if each.after == "firing"}
    for judged, _ in in_order:
        alert_id = id_of(judged.rule.name, key_of(model, judged))
        if judged.rule.retrain and alert_id in fired:
            request_retraining(store, model, judged.rule, alert_id, now)
    return list(moves)


def key_of(model: str, judged: Judged) -> AlertKey:
    """Return which alert a verdict is about."""
    rule, result = judged.rule, judged.result
    subject = _subject(rule, result)
    if rule.name not in _DEFAULT_NAMES:
        subject = f"{subject} by {rule.name}"  # two rules may watch the same
    return AlertKey(model, rule.watches, subject, result.segment)


def request_retraining(store: Store, model: str, rule: AlertRule, alert_id: str, now: datetime) -> bool:
    """File a request to train a model anew, unless one is open; return whether one was filed."""
    found = store.get_document(RETRAIN_KIND, model)
    if found is not None and found.content["state"] == "open":
        return False
    content = {
        "model": model,
        "state": "open",
        "requested_time": format_time(now),
        "rule": rule.name,
        "alert_id": alert_id,
    }
    revision = None if found is None else found.revision
    return store.put_document(RETRAIN_KIND, model, content, expected_revision=revision) is not None


def _subject(rule: AlertRule, result: Result) -> str:
    if not result.column:
        return result.name
    if rule.watches == "drift" and not rule.metrics:
        return result.column  # each column has one test
    return f"{result.name} of {result.column}"


def _verdict(judged: Judged, stretch: Stretch) -> Verdict:
    judgement, result = judged.judgement, judged.result
    if MUTED in result.notes:
        judgement = replace(judgement, state="undefined", value=Undefined(MUTED), is_clear=False, reason=MUTED)
    chunk = f"{format_time(stretch.start_time)}/{format_time(stretch.end_time)}"
    return Verdict(chunk, stretch.start_time, result.rows, judgement)


def _is_forgotten(alert: Alert) -> bool:
    state = alert.state
    is_quiet = state.status in ("ok", "insufficient data") and state.episode is None and state.silence is None
    return is_quiet and state.key.cause in _OF_MANY_SUBJECTS
