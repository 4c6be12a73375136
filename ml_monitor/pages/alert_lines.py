"""What the pages say of alerts: those that need a look, as plain values, worst first, and the words for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, each_alert, read_book
from ml_monitor.alerting.rules import Severity
from ml_monitor.formatting import shorten, show_number, show_start
from ml_monitor.monitoring.alerts.states import Cause, Counted, ShownStatus
from ml_monitor.monitoring.results import Undefined

_SHOWN: tuple[ShownStatus, ...] = ("firing", "acknowledged", "silenced", "pending")
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning")
_CAUSES: tuple[Cause, ...] = ("performance", "metric", "estimate", "ingest", "drift", "quality")
"""What is surest to hurt comes first: what was realised, then what is feared, then what may explain it."""


class About(Protocol):
    """What an alert is about, however it is shown."""

    @property
    def subject(self) -> str: ...
    @property
    def segment(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert as a page shows it. ``value`` and ``bound`` are of its newest bad chunk, None where there is none.

    ``since_time`` is when its first bad chunk began; ``undefined`` says why there is no value. Who ``author`` is, what
    the ``note`` says and ``until_time`` are of the acknowledgement or the silence.
    """

    alert_id: str
    model: str
    cause: Cause
    subject: str
    segment: str
    rule: str
    severity: Severity
    state: ShownStatus
    since_time: datetime
    value: float | None
    undefined: str | None
    bound: float | None
    author: str = ""
    note: str = ""
    until_time: datetime | None = None


def read_alert_lines(store: Store, now: datetime, model: str | None = None) -> tuple[AlertLine, ...]:
    """Return the alerts that fire (also acknowledged or silenced) or are pending: of all models, or of one."""
    alerts = each_alert(store) if model is None else read_book(store, model).values()
    return tuple(sorted((line for alert in alerts if (line := _line(alert, now))), key=_worst_first))


def firing(lines: Sequence[AlertLine]) -> tuple[AlertLine, ...]:
    """Return those that count for the state of a model: an acknowledged alert still does, a silenced one does not."""
    return tuple(line for line in lines if line.state in ("firing", "acknowledged"))


def show_subject(line: About) -> str:
    """Return what an alert is about, with its segment: ``roc_auc in city=Porto``."""
    segment = f" in {shorten(line.segment)}" if line.segment else ""
    return f"{shorten(line.subject, 80)}{segment}"


def sentence(line: AlertLine, now: datetime) -> str:
    """Return what is wrong, since when, without the model's name and in small letters."""
    subject, started = show_subject(line), show_start(line.since_time, now)
    since = f"since {started} UTC" if ":" in started else f"since {started}"
    numbers = "" if line.value is None else f" {show_number(line.value)}"
    numbers += "" if line.bound is None else f", bound {show_number(line.bound)}"
    taken_up = ", acknowledged" if line.state == "acknowledged" else ""
    if line.cause == "drift":
        return f"drift of {subject} {since}{taken_up}"
    if line.cause == "ingest":
        return f"predictions have stopped {since}{taken_up}"
    if line.cause == "quality":
        return f"data quality is off {since} ({subject}{numbers}){taken_up}"
    if line.cause == "metric":
        return f"{subject} is {_side(line)} its threshold {since} ({numbers.strip(', ')}){taken_up}"
    what = "performance" if line.cause == "performance" else "estimated performance"
    return f"{what} is {_side(line)} its threshold {since} ({subject}{numbers}){taken_up}"


def _side(line: AlertLine) -> str:
    if line.value is None or line.bound is None:
        return "beyond"
    return "below" if line.value < line.bound else "above"


def _line(alert: Alert, now: datetime) -> AlertLine | None:
    state = alert.state
    shown, episode = state.shown_status(now), state.episode
    if shown not in _SHOWN:
        return None
    author, note, until_time = "", "", None
    if state.status == "pending":
        bad = [chunk for chunk in state.history if chunk.outcome == "bad"]
        if not bad:
            return None  # pending for want of chunks: nothing bad is known of it
        since_time, newest = bad[0].chunk_time, bad[-1]
    elif episode is None:
        return None
    else:
        since_time, newest = episode.first_time, episode.newest
        if shown == "silenced" and state.silence:
            author, note, until_time = state.silence.author, state.silence.note, state.silence.until_time
        elif episode.acknowledgement:
            author, note = episode.acknowledgement.author, episode.acknowledgement.note
    value, undefined = _value(newest)
    key = state.key
    return AlertLine(
        *(alert.alert_id, key.model, key.cause, key.subject, key.segment, alert.rule, alert.severity, shown),
        *(since_time, value, undefined, newest.bound, author, note, until_time),
    )


def _value(chunk: Counted) -> tuple[float | None, str | None]:
    return (None, chunk.value.reason) if isinstance(chunk.value, Undefined) else (chunk.value, None)


def _worst_first(line: AlertLine) -> tuple[bool, int, int, int, datetime, str, str]:
    is_quiet = line.state in ("silenced", "pending")
    severity, state, cause = _SEVERITIES.index(line.severity), _SHOWN.index(line.state), _CAUSES.index(line.cause)
    return is_quiet, severity, state, cause, line.since_time, line.subject, line.segment
