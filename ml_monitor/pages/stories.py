"""What is wrong with a model, since when, and which column tells why: one sentence out of its alerts and its summary.

"degraded since 11 Nov: accuracy 0.71 to 0.57; `income` changed (median 33k to 4k)". Without a summary of checks, or
where its metric is not the one that an alert is about, the sentence says what the alert alone knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_monitor.formatting import shorten, show_day, show_share, show_short, show_start
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.pages.alert_lines import AlertLine, sentence
from ml_monitor.results.summaries import ChunkSummary, ColumnChange, Summary

OUTCOMES = {"value": "predicted values", "score": "scores", "truth": "truths"}
"""What stands for a column that is no feature of the model."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence. One with a ``model`` leads to its page, one with a ``column``, too, to the column's."""

    text: str
    model: str = ""
    column: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What is wrong with a model. ``parts`` make the sentence, without the model's name and a full stop."""

    since_time: datetime
    column: str | None
    change: Change | None
    metric: str | None
    before: float | None
    after: float | None
    parts: tuple[Part, ...]
    joiner: str = " is "


def tell(alerts: Sequence[AlertLine], summary: Summary | None, now: datetime) -> Story | None:
    """Return the story of a model's alerts, of which the worst comes first; None if none fires."""
    if not alerts:
        return None
    worst = alerts[0]
    since = worst.since_time
    cause = _cause(worst, summary)
    column, change = (cause.column, cause.change) if cause else (None, None)
    before = after = None
    metric = summary.metric if summary else None
    if summary is not None and _is_of_metric(worst, summary):
        before, after = _moved(summary, since, is_estimate=worst.cause == "estimate")
    model, joiner = worst.model, " is "
    parts: list[Part]
    if worst.cause in ("performance", "estimate") and after is not None:
        verb = "degraded" if worst.cause == "performance" else "probably degraded"
        seen = "" if worst.cause == "performance" else "estimated "
        number = show_short(after) if before is None else f"{show_short(before)} to {show_short(after)}"
        parts = [Part(f"{verb} since {show_day(since, now)}: {seen}{metric} {number}; ")]
        parts += _changed(model, cause, summary, since, now) if cause else [Part(_unexplained(summary))]
    elif worst.cause in ("drift", "quality") and cause is not None:
        verb = "drifting" if worst.cause == "drift" else "fed with other data"
        parts = [Part(f"{verb} since {show_day(since, now)}: "), *_changed(model, cause, summary, since, now)]
        parts += _still(summary, since)
    else:
        column = change = before = after = None
        parts, joiner = [Part(sentence(worst, now))], ": "
    if worst.state == "acknowledged" and joiner == " is ":
        parts.append(Part(" (acknowledged)"))
    return Story(since, column, change, metric if after is not None else None, before, after, tuple(parts), joiner)


def plain_text(parts: Sequence[Part]) -> str:
    """Return a sentence as plain text, the names of columns between back-quotes."""
    return "".join(f"`{part.text}`" if part.column else part.text for part in parts)


def told_alerts(story: Story, alerts: Sequence[AlertLine]) -> int:
    """Return how many of the alerts the sentence tells of: the worst, and the one of the column that it names."""
    return 1 + sum(line.subject == story.column and line.cause == "drift" for line in alerts[1:])


def change_words(change: Change | None) -> str:
    """Return how a column changed: ``median 33k to 4k``; "" where it is not known."""
    if change is None:
        return ""
    if change.measure in ("median", "spread"):
        name = "median" if change.measure == "median" else "5 to 95 % spread"
        return f"{name} {show_short(change.before)} to {show_short(change.after)}"
    before, after = _percent(change.before), _percent(change.after)
    if change.measure == "missing":
        return f"missing {before} to {after}"
    label = shorten(change.label, 24) if change.label else "other labels"
    return f"share of {label} {before} to {after}"


def _cause(worst: AlertLine, summary: Summary | None) -> ColumnChange | None:
    """Return the column that explains most: that of the alert itself, else the one that moved most, inputs first."""
    if summary is None:
        return None
    newest: ChunkSummary | None = next((chunk for chunk in reversed(summary.chunks) if chunk.changes), None)
    if newest is None or newest not in summary.chunks[-3:]:
        return None
    if worst.cause in ("drift", "quality"):
        own = [each for each in newest.changes if each.column == worst.subject.rpartition(" of ")[2]]
        inputs = [each for each in newest.changes if each.column not in OUTCOMES]
        return next(iter([*inputs, *own] if worst.cause == "drift" else own), None)
    lasting = [each for each in newest.changes if _lasts(summary, each.column, worst.since_time)]
    return min(lasting, key=lambda each: (each.column in OUTCOMES, -each.distance), default=None)


def _lasts(summary: Summary, column: str, since: datetime) -> bool:
    """Return whether a column changed in two of the newest three chunks: one alone may be chance."""
    newest = [chunk for chunk in summary.chunks if chunk.end_time > since][-3:]
    changed = [chunk for chunk in newest if column in (*chunk.drifted, *(each.column for each in chunk.changes))]
    return len(changed) >= min(2, len(newest))


def _is_of_metric(worst: AlertLine, summary: Summary) -> bool:
    return worst.cause in ("performance", "estimate") and worst.subject == summary.metric and not worst.segment


def _moved(summary: Summary, since: datetime, *, is_estimate: bool) -> tuple[float | None, float | None]:
    """Return the metric before and since a time, each as the mean over its chunks weighed by their rows."""
    before = [chunk for chunk in summary.chunks if chunk.start_time < since]
    after = [chunk for chunk in summary.chunks if chunk.start_time >= since]
    if not is_estimate:
        return _mean(before) if _mean(before) is not None else summary.reference, _mean(after)
    estimates = [(chunk.estimated, chunk.rows) for chunk in after if chunk.estimated is not None and chunk.rows]
    weight = sum(rows for _, rows in estimates)
    estimated = sum(value * rows for value, rows in estimates) / weight if weight else None
    return _mean(before) if _mean(before) is not None else summary.reference, estimated


def _mean(chunks: Sequence[ChunkSummary]) -> float | None:
    known = [(chunk.realised, chunk.truths) for chunk in chunks if chunk.realised is not None and chunk.truths]
    weight = sum(truths for _, truths in known)
    return sum(value * truths for value, truths in known) / weight if weight else None


def _changed(model: str, cause: ColumnChange, summary: Summary | None, since: datetime, now: datetime) -> list[Part]:
    started = summary.drifting_since(cause.column) if summary else None
    when = f" on {show_start(started, now)}" if started is not None and started != since else ""
    words = change_words(cause.change)
    shown = OUTCOMES.get(cause.column, cause.column)
    return [Part(shorten(shown, 60), model, cause.column), Part(f" changed{when}{f' ({words})' if words else ''}")]


def _unexplained(summary: Summary | None) -> str:
    judged = summary.chunks[-1].columns if summary and summary.chunks else 0
    if not judged:
        return "no column is compared with a reference"
    return "no column changed, so what follows from them may have (concept drift)"


def _still(summary: Summary | None, since: datetime) -> list[Part]:
    """Return what became of performance meanwhile, which is what a reader asks next."""
    if summary is None or summary.metric is None:
        return []
    realised = _mean([chunk for chunk in summary.chunks if chunk.start_time >= since])
    if realised is not None:
        return [Part(f"; {summary.metric} is {show_short(realised)}")]
    return [Part(f"; no truth yet to tell its {summary.metric}")]


def _percent(share: float) -> str:
    return "0 %" if share == 0 else show_share(share) if share < 0.1 else f"{100 * share:.0f} %"
