"""What is to be told now, of all alerts together: new, repeated and resolved ones, grouped by model and cause.

Nothing is told of an alert that is silenced or inhibited; once that ends, what still holds is told. Inhibition goes by
what fires, whether or not it is acknowledged or silenced itself: a failed ingest inhibits everything of its model (or
of all models), since nothing that follows from missing data is news; a performance alert inhibits the drift notices of
its model, since drift then is the explanation, not the trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal

from ml_monitor.monitoring.alerts.states import ALL_MODELS, AlertKey, AlertState, Cause, Episode, Rule, Told
from ml_monitor.monitoring.results import Direction, Number

Kind = Literal["firing", "repeated", "resolved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of one alert. ``chunk``, ``value`` and ``threshold`` are those of its newest bad chunk."""

    kind: Kind
    key: AlertKey
    first_time: datetime
    fired_time: datetime
    chunk: str
    chunk_time: datetime
    value: Number
    threshold: float | None
    direction: Direction
    resolved_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One message: the notices of one model for one cause, in order of subject and segment."""

    model: str
    cause: Cause
    notices: tuple[Notice, ...]


def due_notifications(alerts: Iterable[tuple[AlertState, Rule]], time: datetime) -> list[Notification]:
    """Return what to tell at ``time``, given every alert with its rule; each is told once until ``mark_told``."""
    everything = list(alerts)
    firing = [state.key for state, _ in everything if state.status == "firing"]
    notices = []
    for state, rule in everything:
        kind = _due(state, rule, time)
        if kind and state.episode and not state.is_silenced(time) and not is_inhibited(state.key, firing):
            notices.append(_notice(kind, state.key, state.episode))
    notices.sort(key=lambda notice: (notice.key.model, notice.key.cause, notice.key.subject, notice.key.segment))
    groups = groupby(notices, key=lambda notice: (notice.key.model, notice.key.cause))
    return [Notification(model, cause, tuple(group)) for (model, cause), group in groups]


def mark_told(state: AlertState, notice: Notice, time: datetime) -> AlertState:
    """Return the state after a notice of this alert was sent at ``time``."""
    if state.episode is None or notice.key != state.key:
        raise ValueError(f"the notice of {notice.key} is not one of {state.key}")
    return replace(state, told=Told(state.episode.number, time, notice.kind == "resolved"))


def is_inhibited(key: AlertKey, firing: Collection[AlertKey]) -> bool:
    """Return whether one of the firing alerts makes those of ``key`` no news."""
    return any(_inhibits(other, key) for other in firing if other != key)


def _inhibits(firing: AlertKey, key: AlertKey) -> bool:
    if firing.cause == "ingest":
        if key.cause == "ingest":
            return firing.model == ALL_MODELS != key.model
        return firing.model in (key.model, ALL_MODELS)
    return firing.cause == "performance" and key.cause == "drift" and firing.model == key.model


def _due(state: AlertState, rule: Rule, time: datetime) -> Kind | None:
    episode, told = state.episode, state.told
    if episode is None:
        return None
    is_told = told is not None and told.episode == episode.number
    if state.status == "firing":
        if episode.acknowledgement:
            return None
        if told is None or not is_told:
            return "firing"
        return "repeated" if time - told.time >= rule.repeat_after else None
    # Who was told that it fires is told that it has ended; who was not, need not know.
    return "resolved" if told is not None and is_told and not told.is_resolved else None


def _notice(kind: Kind, key: AlertKey, episode: Episode) -> Notice:
    newest = episode.newest
    return Notice(
        kind,
        key,
        episode.first_time,
        episode.fired_time,
        newest.chunk,
        newest.chunk_time,
        newest.value,
        newest.bound,
        newest.direction,
        episode.resolved_time,
    )
