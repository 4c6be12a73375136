"""What a person may ask for: a page, an address or a command line calls these."""

from __future__ import annotations

from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.retraining import promoting
from ml_core.retraining.history import Event, append_event
from ml_core.retraining.requests import RetrainRequest, file_by_hand

SOMEBODY = "somebody"


def ask_for_retraining(registry: Registry, model_id: str, *, author: str = "", reason: str = "") -> RetrainRequest:
    """File a request to train a model anew, for its owner's next run.

    Raises ``ModelNotFound``, and ``Conflict`` while an earlier request is open or claimed.
    """
    model = registry.find(model_id)
    author = author or SOMEBODY
    return file_by_hand(registry.store, model.name, author=author, now=registry.clock.now(), reason=reason)


def promote(registry: Registry, model_id: str, version: int, *, author: str = "", reason: str = "") -> Model:
    """Make a version the champion, with a line in the history; a trial of the one before ends at its next look.

    Raises ``ModelNotFound``, ``VersionNotFound``, and ``Conflict`` if another was faster.
    """
    why = f"version {version} by hand" + (f": {reason}" if reason else "")
    return promoting.promote(registry, registry.find(model_id), version, why=why, who=author or SOMEBODY)


def roll_back(registry: Registry, model_id: str, *, author: str = "", reason: str = "") -> Model:
    """Go back to the champion before, with a line in the history; a trial of the champion ends at its next look.

    Raises ``ModelNotFound``, ``InvalidInput`` if there was none before, and ``Conflict`` if another was faster.
    """
    before = registry.find(model_id)
    after = registry.roll_back(before)
    why = f"back to version {after.champion} by hand" + (f": {reason}" if reason else "")
    event = Event(after.name, registry.clock.now(), "rolled_back", author or SOMEBODY, why, before.champion)
    append_event(registry.store, event)
    return after
