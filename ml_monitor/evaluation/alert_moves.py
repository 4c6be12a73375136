"""Moves the alerts of a model on by verdicts, and files the retraining that a rule asks for when its alert fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ml_core.clock import format_time
from ml_core.retraining.requests import file_for_alert
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, Book, change_book, id_of, new_alert, status_line
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.gradings import MUTED
from ml_monitor.evaluation.judging import Judged
from ml_monitor.monitoring.alerts.states import AlertKey, Cause, Status, Verdict
from ml_monitor.monitoring.alerts.transitions import advance
from ml_monitor.monitoring.horizons import BY_HORIZON
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result

_OF_MANY_SUBJECTS: tuple[Cause, ...] = ("drift", "quality")
_DEFAULT_NAMES = {rule.name for rule in DEFAULT_RULES}


@dataclass(frozen=True, slots=True)
class Move:
    """An alert that changed its status; ``reason`` says why, where no chunk brought it about."""

    alert: Alert
    before: Status
    after: Status
    reason: str = ""


def move_alerts(store: Store, model: str, verdicts: Sequence[tuple[Judged, Stretch]], now: datetime) -> list[Move]:
    """Move a model's alerts on by verdicts on its chunks, oldest chunk first; return those whose status changed.

    Alerts of drift and quality are kept from the first bad chunk on, not one for each column that never drifted. They
    stay when they are ok again: truth that comes later has old chunks judged anew, and one of them that was bad must
    find the good ones beside it.
    """
    in_order = sorted(verdicts, key=lambda each: each[1].start_time)
    moves: list[Move] = []

    def move(book: Book) -> Book:
        moves.clear()
        after = dict(book)
        for judged, stretch in in_order:
            key = key_of(model, judged)
            alert_id = id_of(judged.rule.name, key)
            is_kept = alert_id in after or not _is_one_of_many(judged) or judged.judgement.state == "beyond"
            if not is_kept:
                continue
            alert = after.get(alert_id) or new_alert(judged.rule.name, judged.rule.severity, key)
            verdict = _verdict(judged, stretch)
            state, events = advance(alert.state, verdict, now, judged.rule.counts)
            moved = replace(alert.after(state, *map(status_line, events)), severity=judged.rule.severity)
            moves.extend(Move(moved, event.before, event.after) for event in events)
            after[alert_id] = moved
        return after

    book = change_book(store, model, move)
    for judged, _ in in_order:
        alert = book.get(id_of(judged.rule.name, key_of(model, judged)))
        if judged.rule.retrain and alert is not None and alert.state.status == "firing":
            _request_retraining(store, model, judged.rule, alert, now)
    return list(moves)


def key_of(model: str, judged: Judged) -> AlertKey:
    """Return which alert a verdict is about."""
    rule, result = judged.rule, judged.result
    return AlertKey(model, cause_of(rule), subject_by(rule, _subject(rule, result)), result.segment)


def cause_of(rule: AlertRule) -> Cause:
    """Return the cause of a rule's alerts: what a forecast did is performance, too."""
    return "performance" if rule.watches == "forecast" else rule.watches


def subject_by(rule: AlertRule, subject: str) -> str:
    """Return the subject of a rule's alert: two rules may watch the same, and each has an alert of its own."""
    return subject if rule.name in _DEFAULT_NAMES else f"{subject} by {rule.name}"


def _request_retraining(store: Store, model: str, rule: AlertRule, alert: Alert, now: datetime) -> None:
    fired_time = alert.state.episode.fired_time if alert.state.episode else now
    file_for_alert(store, model, rule=rule.name, alert_id=alert.alert_id, fired_time=fired_time, now=now)


def _is_one_of_many(judged: Judged) -> bool:
    """Return whether a rule has an alert for so many things that those which were never bad are not kept."""
    rule = judged.rule
    return rule.watches in _OF_MANY_SUBJECTS or rule.segment_by == BY_HORIZON


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
    if result.group == "metric" and result.versions:  # versions have points of their own for the same time
        chunk = f"{chunk} of version {result.versions[0]}"
    return Verdict(chunk, stretch.start_time, result.rows, judgement)
