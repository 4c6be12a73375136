"""What people do about an alert: acknowledge it, silence it, lift the silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ml_core.errors import Conflict
from ml_monitor.monitoring.alerts.states import Acknowledgement, AlertState, Silence
from ml_monitor.monitoring.inputs import refused


def acknowledge(state: AlertState, *, author: str, note: str, time: datetime) -> AlertState:
    """Return the state of a firing alert that ``author`` has taken up: it is not repeated until it has resolved.

    A second acknowledgement takes the place of the first. Raises ``Conflict`` if it does not fire, and
    ``InvalidInput`` without an author.
    """
    if not author.strip():
        raise refused("author", "a name")
    if state.status != "firing" or state.episode is None:
        raise Conflict(f"the alert is {state.status}; only a firing one can be acknowledged")
    return replace(state, episode=replace(state.episode, acknowledgement=Acknowledgement(author, note, time)))


def silence(state: AlertState, *, author: str, note: str, time: datetime, until_time: datetime) -> AlertState:
    """Return the state of an alert of which nothing is told before ``until_time``, whatever its status.

    It takes the place of an earlier silence. Raises ``InvalidInput`` for an end that is past, or without an author.
    """
    if not author.strip():
        raise refused("author", "a name")
    if until_time <= time:
        raise refused("until_time", f"a time after {time.isoformat()}, not {until_time.isoformat()}")
    return replace(state, silence=Silence(author, note, until_time))


def lift_silence(state: AlertState) -> AlertState:
    """Return the state without a silence."""
    return replace(state, silence=None)
