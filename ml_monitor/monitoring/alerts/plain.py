"""An alert's state as plain values for a document or JSON, and back: nothing is lost over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml_monitor.monitoring.alerts.states import (
    Acknowledgement,
    AlertKey,
    AlertState,
    Counted,
    Episode,
    Silence,
    Told,
)
from ml_monitor.monitoring.results import Undefined


def state_to_dict(state: AlertState) -> dict[str, Any]:
    """Return plain values, times in ISO 8601; ``state_from_dict`` takes them back."""
    key, episode, silence, told = state.key, state.episode, state.silence, state.told
    return {
        "key": {"model": key.model, "cause": key.cause, "subject": key.subject, "segment": key.segment},
        "status": state.status,
        "status_time": _written(state.status_time),
        "history": [_counted_to_dict(chunk) for chunk in state.history],
        "settled_time": _written(state.settled_time),
        "episode": episode and _episode_to_dict(episode),
        "silence": silence
        and {"author": silence.author, "note": silence.note, "until_time": _written(silence.until_time)},
        "told": told and {"episode": told.episode, "time": _written(told.time), "is_resolved": told.is_resolved},
    }


def state_from_dict(content: Mapping[str, Any]) -> AlertState:
    """Return the state that ``state_to_dict`` wrote."""
    silence, told = content["silence"], content["told"]
    return AlertState(
        AlertKey(**content["key"]),
        content["status"],
        _read(content["status_time"]),
        tuple(_counted_from_dict(chunk) for chunk in content["history"]),
        _read(content["settled_time"]),
        content["episode"] and _episode_from_dict(content["episode"]),
        silence and Silence(silence["author"], silence["note"], datetime.fromisoformat(silence["until_time"])),
        told and Told(told["episode"], datetime.fromisoformat(told["time"]), told["is_resolved"]),
    )


def _counted_to_dict(chunk: Counted) -> dict[str, Any]:
    value = chunk.value
    return {
        "chunk": chunk.chunk,
        "chunk_time": _written(chunk.chunk_time),
        "outcome": chunk.outcome,
        "value": {"undefined": value.reason} if isinstance(value, Undefined) else value,
        "bound": chunk.bound,
        "direction": chunk.direction,
    }


def _counted_from_dict(content: Mapping[str, Any]) -> Counted:
    value = content["value"]
    return Counted(
        content["chunk"],
        datetime.fromisoformat(content["chunk_time"]),
        content["outcome"],
        Undefined(value["undefined"]) if isinstance(value, Mapping) else float(value),
        content["bound"],
        content["direction"],
    )


def _episode_to_dict(episode: Episode) -> dict[str, Any]:
    taken = episode.acknowledgement
    return {
        "number": episode.number,
        "first_time": _written(episode.first_time),
        "fired_time": _written(episode.fired_time),
        "newest": _counted_to_dict(episode.newest),
        "resolved_time": _written(episode.resolved_time),
        "acknowledgement": taken and {"author": taken.author, "note": taken.note, "time": _written(taken.time)},
    }


def _episode_from_dict(content: Mapping[str, Any]) -> Episode:
    taken = content["acknowledgement"]
    return Episode(
        content["number"],
        datetime.fromisoformat(content["first_time"]),
        datetime.fromisoformat(content["fired_time"]),
        _counted_from_dict(content["newest"]),
        _read(content["resolved_time"]),
        taken and Acknowledgement(taken["author"], taken["note"], datetime.fromisoformat(taken["time"])),
    )


def _written(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
