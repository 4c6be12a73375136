"""What ran when, why and by whom: a document an event, which nothing ever changes or removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ml_core.retraining.plain import from_plain, to_plain
from ml_core.store.base import Store

HISTORY_KIND = "retraining_history"
What = Literal["claimed", "trained", "promoted", "kept", "shadow", "failed", "rolled_back", "confirmed"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a model: ``why`` in a sentence, ``who`` did it, and the figures it went by."""

    model: str
    time: datetime
    what: What
    who: str
    why: str
    version: int | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


def append_event(store: Store, event: Event) -> None:
    """Add an event to the history of its model, as the next in number."""
    number = len(list_events(store, event.model)) + 1
    while (
        store.put_document(HISTORY_KIND, f"{event.model} {number:06}", to_plain(event), expected_revision=None) is None
    ):
        number += 1  # another process was first


def list_events(store: Store, model: str) -> list[Event]:
    """Return the history of a model, oldest first."""
    found = [document for document in store.list_documents(HISTORY_KIND) if document.key.rpartition(" ")[0] == model]
    return [Event(**from_plain(document.content)) for document in sorted(found, key=lambda document: document.key)]
