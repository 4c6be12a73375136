"""Short words for the tests of alerts: chunks by number, verdicts by letter, time by chunk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ml_monitor.monitoring.alerts.states import AlertKey, AlertState, Event, Outcome, Rule, Verdict
from ml_monitor.monitoring.alerts.transitions import advance
from ml_monitor.monitoring.results import Undefined
from ml_monitor.monitoring.thresholds.base import Judgement
from tests.factories import NOON

HOUR = timedelta(hours=1)
RULE = Rule()
KEY = AlertKey("housing_price", "performance", "mae")
OUTCOMES: dict[str, Outcome] = {"g": "good", "m": "middling", "b": "bad", "i": "insufficient"}


def at(number: float) -> datetime:
    """Return the time of a chunk."""
    return NOON + number * HOUR


def verdict(number: int, letter: str) -> Verdict:
    """Return the verdict on a chunk: good, middling, bad or insufficient."""
    outcome, chunk = OUTCOMES[letter], f"chunk-{number}"
    if outcome == "insufficient":
        reason = "no truth yet"
        judgement = Judgement("undefined", Undefined(reason), 10.0, "lower_is_better", False, reason)
        return Verdict(chunk, at(number), 0, judgement)
    value = {"good": 5.0, "middling": 9.0, "bad": 12.0}[outcome] + number / 100
    state = "beyond" if outcome == "bad" else "ok"
    return Verdict(chunk, at(number), 100, Judgement(state, value, 10.0, "lower_is_better", outcome == "good"))


def after(
    letters: str | Iterable[tuple[int, str]], *, rule: Rule = RULE, state: AlertState | None = None, first: int = 0
) -> tuple[AlertState, list[Event]]:
    """Return the state and all events after chunks, each judged an hour after it ended."""
    state, events = state or AlertState(KEY), []
    for number, letter in enumerate(letters, first) if isinstance(letters, str) else letters:
        state, new = advance(state, verdict(number, letter), at(number + 1), rule)
        events.extend(new)
    return state, events


def firing(key: AlertKey = KEY, *, start: int = 0) -> AlertState:
    """Return the state of an alert that has fired on two bad chunks from ``start`` on."""
    return after("bb", state=AlertState(key), first=start)[0]
