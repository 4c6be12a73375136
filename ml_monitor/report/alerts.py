"""The alerts of a model that speak of a period: they fire for its chunks, or ended in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, read_book
from ml_monitor.alerting.rules import Severity
from ml_monitor.monitoring.alerts.states import ShownStatus
from ml_monitor.monitoring.results import Undefined
from ml_monitor.report.periods import Period


@dataclass(frozen=True, slots=True)
class PeriodAlert:
    """An alert that fired for a while of the period: what it is on, since when, and when it ended."""

    alert_id: str
    severity: Severity
    cause: str
    subject: str
    segment: str
    state: ShownStatus
    first_time: datetime
    fired_time: datetime
    resolved_time: datetime | None
    value: float | None
    bound: float | None
    acknowledged_by: str


def read_alerts(store: Store, model: str, period: Period, now: datetime) -> tuple[PeriodAlert, ...]:
    """Return the alerts whose newest firing is of chunks in the period; those that still fire come first."""
    found = [line for alert in read_book(store, model).values() if (line := _line(alert, period, now)) is not None]
    return tuple(sorted(found, key=lambda line: (line.resolved_time is not None, line.severity, line.fired_time)))


def _line(alert: Alert, period: Period, now: datetime) -> PeriodAlert | None:
    episode, key = alert.state.episode, alert.state.key
    # By when its chunks were, not by when it fired: what a day showed is judged when the day is over.
    if episode is None or episode.first_time >= period.end:
        return None
    if episode.resolved_time is not None and episode.resolved_time < period.start:
        return None
    state: ShownStatus = "resolved" if episode.resolved_time else alert.state.shown_status(now)
    value = episode.newest.value
    return PeriodAlert(
        *(alert.alert_id, alert.severity, key.cause, key.subject, key.segment, state),
        *(episode.first_time, episode.fired_time, episode.resolved_time),
        None if isinstance(value, Undefined) else value,
        episode.newest.bound,
        episode.acknowledgement.author if episode.acknowledgement else "",
    )
