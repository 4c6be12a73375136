"""The alert's transition function: one chunk's verdict goes in, the new state and its change of status come out.

insufficient data, ok, pending --(k of the last n chunks bad)--> firing --(m good in a row)--> resolved --> any of the
first. Pending: some chunk of the last n is bad. Insufficient data: the newest chunk is insufficient; a firing alert
goes on firing, since trouble does not end because the data do. Verdicts may come late, twice, or anew with more truth:
a chunk counts at its place in time, once, with its last verdict.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ml_monitor.monitoring.alerts.states import AlertState, Counted, Episode, Event, Outcome, Rule, Status, Verdict


def advance(state: AlertState, verdict: Verdict, time: datetime, rule: Rule) -> tuple[AlertState, tuple[Event, ...]]:
    """Return the state after a verdict that came at ``time``, and the event if the status has changed.

    A verdict that is known already, or on a chunk that no longer counts, changes nothing.
    """
    if state.settled_time is not None and verdict.chunk_time <= state.settled_time:
        return state, ()
    judgement = verdict.judgement
    chunk = Counted(
        verdict.chunk,
        verdict.chunk_time,
        outcome_of(verdict, rule),
        judgement.value,
        judgement.bound,
        judgement.direction,
    )
    history = _remember(state.history, chunk, max(rule.of_chunks, rule.good_chunks))
    if history == state.history:
        return state, ()
    status = _status(state.status, chunk, history, rule)
    new = replace(state, history=history, status=status, episode=_episode(state, status, history, time, rule))
    if status == "resolved":
        # What has led to this firing, or ended it, must not count towards the next.
        settled = max(each.chunk_time for each in history if each.outcome != "insufficient")
        new = replace(new, history=(), settled_time=settled)
    if status == state.status and state.status_time is not None:
        return new, ()
    new = replace(new, status_time=time)
    return new, (Event(state.key, time, state.status, status, chunk),) if status != state.status else ()


def close(state: AlertState, time: datetime) -> AlertState:
    """Return the state of an alert that nothing watches any more: resolved if it fired, else without data.

    What it remembers of chunks counts no longer, so that it begins anew if it is watched again. One that remembers
    nothing stays as it is.
    """
    if not state.history:
        return state
    newest = max(each.chunk_time for each in state.history)
    settled = newest if state.settled_time is None else max(newest, state.settled_time)
    status: Status = "resolved" if state.status == "firing" else "insufficient data"
    episode = replace(state.episode, resolved_time=time) if state.episode and status == "resolved" else state.episode
    status_time = time if status != state.status else state.status_time
    return replace(state, status=status, status_time=status_time, history=(), settled_time=settled, episode=episode)


def outcome_of(verdict: Verdict, rule: Rule) -> Outcome:
    """Return how a chunk counts: middling is neither beyond its threshold nor within the one for clearing."""
    if verdict.judgement.state == "undefined" or verdict.rows < rule.minimum_rows:
        return "insufficient"
    if verdict.judgement.state == "beyond":
        return "bad"
    return "good" if verdict.judgement.is_clear else "middling"


def _remember(history: tuple[Counted, ...], chunk: Counted, most: int) -> tuple[Counted, ...]:
    """Return the history with the chunk in its place: the last so many sufficient ones, and the newest in any case."""
    others = [each for each in history if each.chunk != chunk.chunk]
    ordered = sorted([*others, chunk], key=lambda each: (each.chunk_time, each.chunk))
    sufficient = [each for each in ordered if each.outcome != "insufficient"][-most:]
    newest = ordered[-1]
    return (*sufficient, newest) if newest.outcome == "insufficient" else tuple(sufficient)


def _status(status: Status, chunk: Counted, history: tuple[Counted, ...], rule: Rule) -> Status:
    sufficient = [each.outcome for each in history if each.outcome != "insufficient"]
    if status == "firing":
        # Late truth may fire an alert although good chunks have followed: only one more good verdict ends it then.
        is_clear = chunk.outcome == "good" and sufficient[-rule.good_chunks :] == ["good"] * rule.good_chunks
        return "resolved" if is_clear else "firing"
    bad = sufficient[-rule.of_chunks :].count("bad")
    if bad >= rule.bad_chunks:
        return "firing"
    if history[-1].outcome == "insufficient":
        return "insufficient data"
    return "pending" if bad else "ok"


def _episode(
    state: AlertState, status: Status, history: tuple[Counted, ...], time: datetime, rule: Rule
) -> Episode | None:
    """Return the current or last firing: begun, kept up to date, or ended."""
    old = state.episode
    bad = [each for each in history if each.outcome == "bad"]
    if status == "resolved":
        return replace(old, resolved_time=time) if old else None
    if status != "firing":
        return old
    if state.status != "firing":
        window = [each for each in history if each.outcome != "insufficient"][-rule.of_chunks :]
        first = next(each for each in window if each.outcome == "bad")
        return Episode(old.number + 1 if old else 1, first.chunk_time, time, bad[-1])
    # A chunk whose verdict has changed may have been the newest bad one; then it stays as what is known.
    if old and bad and bad[-1].chunk_time >= old.newest.chunk_time:
        return replace(old, newest=bad[-1])
    return old
