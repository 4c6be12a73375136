"""What is told of alerts, in plain sentences for people and as JSON for programs.

The generic JSON of a webhook is documented in ``docs/operations.md``; its ``schema`` changes if a field ever does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.clock import format_time
from ml_monitor.alerting.alert_book import Alert
from ml_monitor.formatting import shorten, show_number
from ml_monitor.monitoring.alerts.notifying import Notice
from ml_monitor.monitoring.alerts.states import ALL_MODELS
from ml_monitor.monitoring.results import Direction, Undefined

SCHEMA = "ml-monitor.notification/1"
_DESCRIBED = 20  # a mail about every one of 500 columns is read by nobody
_WORDS = {"firing": "firing", "repeated": "still firing", "resolved": "resolved"}
_GETS_WORSE: dict[Direction, str] = {
    "higher_is_better": "lower is worse",
    "lower_is_better": "higher is worse",
    "nearer_zero_is_better": "farther from zero is worse",
}


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told of one alert."""

    alert: Alert
    notice: Notice


@dataclass(frozen=True, slots=True)
class Message:
    """One message about the alerts of one model for one cause. ``content`` is the generic JSON."""

    subject: str
    text: str
    content: dict[str, Any]

    def slack(self) -> dict[str, Any]:
        """Return the JSON that Slack and its likes take."""
        # Slack asks for these three, and nothing else, to be escaped.
        text = f"*{self.subject}*\n{self.text}"
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


def compose(news: Sequence[News], now: datetime) -> Message:
    """Return the message about alerts of one model and one cause, of which there is at least one."""
    subject = _subject(news)
    paragraphs = [_paragraph(each) for each in news[:_DESCRIBED]]
    if len(news) > _DESCRIBED:
        paragraphs.append(f"{len(news) - _DESCRIBED} more are listed by GET /alerts.")
    key = news[0].notice.key
    text = "\n\n".join(paragraphs)
    content = {
        "schema": SCHEMA,
        "time": format_time(now),
        "model": key.model,
        "cause": key.cause,
        "subject": subject,
        "text": text,
        "alerts": [_plain(each) for each in news],
    }
    return Message(subject, text, content)


def acknowledge_path(alert_id: str) -> str:
    """Return the address of the monitor to which an acknowledgement is posted."""
    return f"/alerts/{alert_id}/acknowledgements"


def name_of(model: str) -> str:
    """Return how a sentence names the model of an alert."""
    return "all models" if model == ALL_MODELS else model


def describe(alert: Alert) -> str:
    """Return what an alert watches, in a few words: ``drift of housing_price: rooms, segment city=Porto``."""
    key = alert.state.key
    segment = f", segment {shorten(key.segment)}" if key.segment else ""
    return f"{key.cause} of {name_of(key.model)}: {shorten(key.subject, 80)}{segment}"


def _subject(news: Sequence[News]) -> str:
    open_ones = [each for each in news if each.notice.kind != "resolved"]
    first = (open_ones or list(news))[0]
    if not open_ones:
        tag = "resolved"
    else:
        severity = "critical" if any(each.alert.severity == "critical" for each in open_ones) else "warning"
        is_new = any(each.notice.kind == "firing" for each in open_ones)
        tag = severity if is_new else f"{severity}, still firing"
    more = f" and {len(news) - 1} more" if len(news) > 1 else ""
    return f"[{tag}] {describe(first.alert)}{more}"


def _paragraph(news: News) -> str:
    notice, alert = news.notice, news.alert
    started = f"The first bad chunk was that of {_at(notice.first_time)}; it fired at {_at(notice.fired_time)}."
    chunk = f"the chunk from {_at(notice.chunk_time)} on {_measured(notice)}"
    made_by = f"Rule {alert.rule}, severity {alert.severity}."
    if notice.kind == "resolved":
        ended = f"It resolved at {_at(notice.resolved_time)}." if notice.resolved_time else "It has resolved."
        return f"{describe(alert)} is resolved. {ended} {started} Last, in {chunk} {made_by}"
    acknowledge = (
        f'To acknowledge it, POST {{"author": "...", "note": "..."}} to {acknowledge_path(alert.alert_id)} of the '
        "monitor; it is then not repeated."
    )
    return f"{describe(alert)} is {_WORDS[notice.kind]}. {started} In {chunk} {made_by} {acknowledge}"


def _measured(notice: Notice) -> str:
    if isinstance(notice.value, Undefined):
        return f"the value was {notice.value}."
    value = show_number(notice.value)
    if notice.threshold is None:
        return f"the value was {value}."
    side = "below" if notice.value < notice.threshold else "above"
    threshold, worse = show_number(notice.threshold), _GETS_WORSE[notice.direction]
    return f"the value was {value}, {side} the threshold of {threshold} ({worse})."


def _plain(news: News) -> dict[str, Any]:
    notice, alert = news.notice, news.alert
    return {
        "alert_id": alert.alert_id,
        "kind": notice.kind,
        "subject": notice.key.subject,
        "segment": notice.key.segment,
        "rule": alert.rule,
        "severity": alert.severity,
        "first_time": format_time(notice.first_time),
        "fired_time": format_time(notice.fired_time),
        "resolved_time": format_time(notice.resolved_time) if notice.resolved_time else None,
        "chunk": notice.chunk,
        "chunk_time": format_time(notice.chunk_time),
        "value": None if isinstance(notice.value, Undefined) else notice.value,
        "undefined": notice.value.reason if isinstance(notice.value, Undefined) else None,
        "threshold": notice.threshold,
        "direction": notice.direction,
        "acknowledge_path": acknowledge_path(alert.alert_id),
    }


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
