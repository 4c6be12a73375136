"""Closes the alerts of rules that were removed, disabled or changed: nothing would ever move them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, Book, change_book, closing_line
from ml_monitor.alerting.rules import AlertRule
from ml_monitor.evaluation.alert_moves import Move, cause_of, subject_by
from ml_monitor.monitoring.alerts.transitions import close
from ml_monitor.monitoring.performance.catalogue import SKLEARN_NAMES


def close_orphans(store: Store, model: str, rules: Sequence[AlertRule], now: datetime) -> list[Move]:
    """Close a model's alerts that no rule watches any more, with the reason in their history; return those that moved.

    ``rules`` are all rules there are, also those that are disabled. Raises ``Conflict`` as ``change_book`` does.
    """
    by_name = {rule.name: rule for rule in rules}
    moves: list[Move] = []

    def closed(book: Book) -> Book:
        moves.clear()
        after = dict(book)
        for alert_id, alert in book.items():
            reason = _reason(alert, model, by_name)
            state = close(alert.state, now) if reason else alert.state
            if state == alert.state:
                continue
            before, status = alert.state.status, state.status
            after[alert_id] = alert.after(state, closing_line(now, before, status, reason))
            if status != before:
                moves.append(Move(after[alert_id], before, status, reason))
        return after

    change_book(store, model, closed)
    return list(moves)


def _reason(alert: Alert, model: str, rules: Mapping[str, AlertRule]) -> str:
    """Return why an alert is watched no more, "" if it is."""
    rule = rules.get(alert.rule)
    if rule is None:
        return f"the rule {alert.rule!r} was removed"
    if not rule.enabled:
        return f"the rule {alert.rule!r} is disabled"
    if not rule.is_for(model) or not _watches(rule, alert):
        return f"the rule {alert.rule!r} was changed and no longer watches this"
    return ""


def _watches(rule: AlertRule, alert: Alert) -> bool:
    """Return whether a rule that goes on may still move an alert of its name."""
    key = alert.state.key
    if cause_of(rule) != key.cause:
        return False
    subject = key.subject.removesuffix(subject_by(rule, ""))
    if rule.watches == "metric":
        return subject in rule.metrics and rule.segment in (None, key.segment)
    if rule.watches == "ingest":
        return True
    name, _, column = subject.partition(" of ")
    if rule.watches == "drift" and not rule.metrics:
        name, column = "", subject
    wanted = {SKLEARN_NAMES.get(each, each) for each in rule.metrics}
    is_named = not wanted or name in wanted
    return is_named and (not rule.columns or column in rule.columns) and (bool(rule.segment_by) or not key.segment)
