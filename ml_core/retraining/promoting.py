"""Changes of the champion that no comparison led to, by a person or by whoever has trained: each with its line."""

from __future__ import annotations

from ml_core.processes import this_process
from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.retraining.history import Event, append_event


def promote(registry: Registry, model: Model, number: int, *, why: str, who: str = "") -> Model:
    """Make a version the champion, with a line in the history; ``who`` is by default this process.

    Promoting the champion changes nothing and leaves no line. Raises ``VersionNotFound``, and ``Conflict`` if another
    process changed the champion since ``model`` was read.
    """
    after = registry.promote(model, number)
    if after.champion != model.champion:
        event = Event(after.name, registry.clock.now(), "promoted", who or this_process(), why, number)
        append_event(registry.store, event)
    return after
