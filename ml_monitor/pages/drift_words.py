"""The sentences of the drift pages: what drifted, since when, how, and why it is judged so."""

from __future__ import annotations

from datetime import datetime

from ml_monitor.formatting import shorten, show_number, show_start
from ml_monitor.pages.column_reader import ColumnPage
from ml_monitor.pages.drift_reader import DriftPage, Row
from ml_monitor.pages.stories import OUTCOMES, Part, change_words

_NAMED = 3


def drift_verdict(page: DriftPage) -> tuple[Part, ...]:
    """Return what drifted in the chosen chunk, worst first, and how many columns did not."""
    if page.at_time is None:
        why = "no chunk in this range has been measured" if page.is_checked else "no check has run yet"
        return (Part(f"Nothing is known about drift: {why}."),)
    when = show_start(page.at_time, page.time)
    judged = [row for row in page.rows if row.at.state in ("ok", "drifted")]
    drifted = page.drifted_now
    if not judged:
        return (Part(f"No column could be judged on {when}."),)
    if not drifted:
        ever = sum(row.drifted > 0 for row in page.rows)
        before = "" if not ever else f"; {_columns(ever)} did on other days of this range"
        return (Part(f"None of {_columns(len(judged))} drifted on {when}{before}."),)
    parts: list[Part] = []
    for number, row in enumerate(drifted[:_NAMED]):
        parts += [Part("; " if number else ""), *_told(row, page)]
    left = len(drifted) - min(len(drifted), _NAMED)
    more = f"; {left} more drifted" if left else ""
    fine = len(judged) - len(drifted)
    return (*parts, Part(f"{more}. {fine} of {_columns(len(judged))} {'is' if fine == 1 else 'are'} as before."))


def column_verdict(page: ColumnPage) -> tuple[Part, ...]:
    """Return how one column stands."""
    name = Part(shorten(OUTCOMES.get(page.column, page.column), 60), column=page.column)
    if not page.chunks:
        return Part("No chunk of "), name, Part(" has been measured in this range.")
    words = change_words(page.change)
    how = f": {words}" if words else ""
    counted = f"{page.drifted} of {len(page.chunks)} days"
    if page.is_chosen and page.at_time is not None:
        cell = next(chunk.cell for chunk in page.chunks if chunk.start == page.at_time)
        said = {"drifted": "had drifted", "ok": "was as in the reference"}.get(cell.state, "could not be judged")
        return Part(f"On {show_start(page.at_time, page.time)} "), name, Part(f" {said}{how}.")
    if page.since is not None:
        return name, Part(f" has drifted since {show_start(page.since, page.time)}{how}; it drifted on {counted}.")
    if page.drifted:
        last = max(chunk.start for chunk in page.chunks if chunk.cell.state == "drifted")
        when = show_start(last, page.time)
        return name, Part(f" is as in the reference again; it drifted on {counted}, last on {when}.")
    if all(chunk.cell.state in ("not judged", "none") for chunk in page.chunks):
        return name, Part(f" is judged by no rule{how}.")
    return name, Part(f" is as in the reference: it drifted on none of {len(page.chunks)} days.")


def judging_words(page: ColumnPage) -> str:
    """Return in words why a chunk of the shown method is held to be bad or fine."""
    points = [chunk.point for chunk in page.chunks if chunk.point is not None and chunk.point.rules]
    if not points:
        return "No rule judges this method; its values are shown for comparison."
    newest = points[-1]
    rules = ", ".join(newest.rules)
    bounds = []
    if newest.upper is not None:
        bounds.append(f"above {show_number(newest.upper)}")
    if newest.lower is not None:
        bounds.append(f"below {show_number(newest.lower)}")
    beyond = " or ".join(bounds)
    if newest.p_value is not None:
        effect = f", and the value lies {beyond}" if beyond else ""
        return (
            f"Judged by {rules}: a chunk has drifted if its p-value, corrected for all columns that are judged at once "
            f"(Benjamini-Hochberg), is too small for chance{effect}. In this way sure changes that are too small to "
            "matter do not count, nor large ones that chance may bring."
        )
    if not bounds:
        return f"Judged by {rules}."
    return f"Judged by {rules}: a chunk has drifted if the value lies {beyond}."


def _told(row: Row, page: DriftPage) -> list[Part]:
    shown = OUTCOMES.get(row.column, row.column)
    words = change_words(row.change)
    since = _since(row.since, page.at_time, page.time)
    inside = ", ".join(text for text in (words, since) if text)
    return [Part(shorten(shown, 60), page.model, row.column), Part(f" drifted{f' ({inside})' if inside else ''}")]


def _since(since: datetime | None, at: datetime | None, now: datetime) -> str:
    if since is None or at is None or since > at:
        return ""
    return f"since {show_start(since, now)}"


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
