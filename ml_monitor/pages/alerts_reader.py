"""What the pages of alerts show: all alerts in all their states, and the life of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.clock import parse_time
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, get_alert, list_alerts
from ml_monitor.alerting.rules import Severity
from ml_monitor.formatting import shorten, show_number, show_start
from ml_monitor.monitoring.alerts.states import ALL_MODELS, Cause, Counted, Outcome, ShownStatus
from ml_monitor.monitoring.results import Undefined

_OPEN: tuple[ShownStatus, ...] = ("firing", "acknowledged", "silenced", "pending")
_ORDER: tuple[ShownStatus, ...] = (*_OPEN, "resolved", "insufficient data", "ok")
STATE_FILTERS = ("open", *_ORDER, "all")
"""By what alerts are chosen: those that are open, in one state, or all."""
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert in the list. ``since_time`` is when its first bad chunk began, or when it entered its state.

    ``value``, ``bound`` and ``undefined`` are of its newest chunk that counted. ``author``, ``note`` and ``until_time``
    are of the silence that holds, else of the acknowledgement.
    """

    alert_id: str
    model: str
    cause: Cause
    subject: str
    segment: str
    rule: str
    severity: Severity
    state: ShownStatus
    since_time: datetime | None
    value: float | None
    bound: float | None
    undefined: str
    author: str
    note: str
    until_time: datetime | None


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """The alerts that a filter leaves, worst first. ``counts`` are of every filter, for the model chosen."""

    time: datetime
    state: str
    model: str
    models: tuple[str, ...]
    counts: Mapping[str, int]
    alerts: tuple[AlertRow, ...]


@dataclass(frozen=True, slots=True)
class ChunkLine:
    """A chunk that an alert remembers."""

    chunk: str
    chunk_time: datetime
    outcome: Outcome
    value: float | None
    bound: float | None
    undefined: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event in the life of an alert, and who brought it about where it was a person."""

    time: datetime
    event: str
    author: str
    note: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One alert: how it stands, the chunks that count for it, and its life, newest first."""

    time: datetime
    alert: AlertRow
    chunks: tuple[ChunkLine, ...]
    history: tuple[HistoryLine, ...]


def read_alerts_page(store: Store, state: str, model: str, now: datetime) -> AlertsPage:
    """Return the alerts in a state, of all models or of one; the worst first."""
    rows = [_row(alert, now) for alert in list_alerts(store)]
    models = tuple(dict.fromkeys(row.model for row in rows))
    chosen = [row for row in rows if model in ("", row.model)]
    counts: dict[str, int] = {name: sum(_fits(row, name) for row in chosen) for name in STATE_FILTERS}
    shown = sorted((row for row in chosen if _fits(row, state)), key=_worst_first)
    return AlertsPage(now, state, model, models, counts, tuple(shown))


def read_alert_page(store: Store, alert_id: str, now: datetime) -> AlertPage:
    """Return one alert; raise ``NotFound``."""
    alert = get_alert(store, alert_id)
    chunks = tuple(_chunk(chunk) for chunk in reversed(alert.state.history))
    return AlertPage(now, _row(alert, now), chunks, tuple(_line(line) for line in reversed(alert.history)))


def alerts_verdict(page: AlertsPage) -> str:
    """Return how many alerts are open, and the worst of them, in one sentence."""
    if not page.counts["all"]:
        return "No alert is known yet: no rule has judged anything."
    firing = [row for row in page.alerts if row.state == "firing"]
    parts = [f"{page.counts[state]} {state}" for state in _OPEN if page.counts[state]]
    of_model = f" of {page.model}" if page.model else ""
    if not parts:
        return f"No alert{of_model} fires, and none is pending."
    worst = f" The worst, of {firing[0].cause}: {alert_sentence(firing[0], page.time)}" if firing else ""
    return f"Alerts{of_model}: {', '.join(parts)}.{worst}"


def alert_sentence(row: AlertRow, now: datetime) -> str:
    """Return what an alert is about and since when: ``mae of housing_price since 11 Nov (12.5, bound 10).``"""
    numbers = ", bound ".join(show_number(number) for number in (row.value, row.bound) if number is not None)
    since = f" since {show_start(row.since_time, now)}" if row.since_time else ""
    where = "" if row.model == ALL_MODELS else f" of {row.model}"
    segment = f" in {shorten(row.segment)}" if row.segment else ""
    return f"{shorten(row.subject, 80)}{segment}{where}{since}" + (f" ({numbers})." if numbers else ".")


def alert_verdict(page: AlertPage) -> str:
    """Return how one alert stands, in one sentence."""
    state = page.alert.state
    return f"{state.capitalize()}: {alert_sentence(page.alert, page.time)}"


def _row(alert: Alert, now: datetime) -> AlertRow:
    state, key = alert.state, alert.state.key
    shown, episode = state.shown_status(now), state.episode
    is_of_episode = episode is not None and shown in ("firing", "acknowledged", "silenced", "resolved")
    newest = episode.newest if is_of_episode and episode else state.history[-1] if state.history else None
    since = episode.first_time if is_of_episode and episode and shown != "resolved" else state.status_time
    author, note, until_time = "", "", None
    if state.silence is not None and state.is_silenced(now):
        author, note, until_time = state.silence.author, state.silence.note, state.silence.until_time
    elif is_of_episode and episode and episode.acknowledgement:
        author, note = episode.acknowledgement.author, episode.acknowledgement.note
    value, undefined = _value(newest)
    return AlertRow(
        *(alert.alert_id, key.model, key.cause, key.subject, key.segment, alert.rule, alert.severity, shown, since),
        *(value, newest.bound if newest else None, undefined, author, note, until_time),
    )


def _value(chunk: Counted | None) -> tuple[float | None, str]:
    if chunk is None:
        return None, ""
    return (None, chunk.value.reason) if isinstance(chunk.value, Undefined) else (chunk.value, "")


def _chunk(chunk: Counted) -> ChunkLine:
    value, undefined = _value(chunk)
    return ChunkLine(chunk.chunk, chunk.chunk_time, chunk.outcome, value, chunk.bound, undefined)


def _line(line: Mapping[str, Any]) -> HistoryLine:
    if "after" in line:
        event = f"{line['before']} to {line['after']}, by the chunk {line['chunk']}"
    else:
        event = str(line.get("action", "noted"))
    return HistoryLine(parse_time(line["time"]), event, str(line.get("author", "")), str(line.get("note", "")))


def _fits(row: AlertRow, state: str) -> bool:
    return state == "all" or (row.state in _OPEN if state == "open" else row.state == state)


def _worst_first(row: AlertRow) -> tuple[int, int, str, str, str, str]:
    return _ORDER.index(row.state), _SEVERITIES.index(row.severity), row.model, row.cause, row.subject, row.segment
