"""Whether predictions still come: the alert that makes all others of a model no news while it fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ml_core.clock import format_time
from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Book, change_book, id_of, new_alert, status_line
from ml_monitor.alerting.rules import AlertRule, Fixed, rules_for
from ml_monitor.evaluation.alert_moves import Move, subject_by
from ml_monitor.evaluation.forecast_evaluator import Issued
from ml_monitor.monitoring.alerts.states import AlertKey, AlertState, Outcome, Verdict
from ml_monitor.monitoring.alerts.transitions import advance, outcome_of
from ml_monitor.monitoring.results import Metric
from ml_monitor.monitoring.thresholds.fixed import fixed_threshold

METRIC = Metric("hours_since_prediction", "Hours since the newest prediction or forecast", "lower_is_better", 0.0)
_HOUR = timedelta(hours=1)
_MISSED_FORECASTS = 2


def check_ingest(
    store: Store,
    model: Model,
    rules: Sequence[AlertRule],
    stale_after_hours: float,
    now: datetime,
    issued: Issued | None = None,
) -> list[Move]:
    """Judge the age of a model's newest prediction, once for each moment; return the alerts whose status changed.

    A forecast counts as a prediction made at its issue time; ``issued`` says when forecasts came. The bound is that of
    the rule if it sets one by hand, else ``stale_after_hours`` or, for forecasts that are issued more seldom, twice the
    usual time between two. A model that never had a prediction has not gone silent, nor has one whose forecasts
    were all issued at one time: it was perhaps trained on a data set that somebody sent, and is to say no more.
    """
    predicted = store.last_prediction_time(model.name)
    if predicted is None and issued is not None and not issued.usual_gap:
        return []
    made = [predicted, issued.newest_time if issued else None]
    newest = max((time for time in made if time is not None), default=None)
    usual = max(stale_after_hours, _MISSED_FORECASTS * (issued.usual_gap / _HOUR) if issued else 0.0)
    watching = [rule for rule in rules_for(rules, model.name) if rule.watches == "ingest"]
    if newest is None or not watching:
        return []
    hours = max(0.0, (now - newest) / _HOUR)
    moves: list[Move] = []

    def move(book: Book) -> Book:
        moves.clear()
        after = dict(book)
        for rule in watching:
            upper = rule.threshold.upper if isinstance(rule.threshold, Fixed) else None
            threshold = fixed_threshold(METRIC, upper=usual if upper is None else upper)
            key = AlertKey(model.name, "ingest", subject_by(rule, METRIC.name))
            alert_id = id_of(rule.name, key)
            alert = after.get(alert_id) or new_alert(rule.name, rule.severity, key)
            judgement = threshold.judge(hours, METRIC.direction)
            # Every look is a chunk of its own, and is never too small.
            verdict = Verdict(format_time(now), now, rule.minimum_rows, judgement)
            is_news = not _says_nothing_new(alert.state, outcome_of(verdict, rule.counts), now)
            state, events = advance(alert.state, verdict, now, rule.counts) if is_news else (alert.state, ())
            moved = replace(alert.after(state, *map(status_line, events)), severity=rule.severity)
            moves.extend(Move(moved, event.before, event.after) for event in events)
            after[alert_id] = moved
        return after

    change_book(store, model.name, move)
    return list(moves)


def _says_nothing_new(state: AlertState, outcome: Outcome, now: datetime) -> bool:
    """Return whether a good look comes within an hour of others as good: of a thousand models each costs a write."""
    looks = state.history
    all_good = state.status == "ok" and outcome == "good" and {look.outcome for look in looks} == {"good"}
    return all_good and timedelta(0) <= now - looks[-1].chunk_time < _HOUR
