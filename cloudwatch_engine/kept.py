"""What the engine keeps in documents: the newest trial and outlook of each instance, and the jobs people asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_core.errors import Conflict
from ml_core.store.base import Store

TRIALS = "cloudwatch-trials"
OUTLOOKS = "cloudwatch-outlooks"
_ATTEMPTS = 20


def put_newest(store: Store, kind: str, instance: str, content: Mapping[str, Any]) -> None:
    """Keep ``content`` in the place of what is there, unless that was issued or cut off later.

    Two machines may have worked on the same instance; the newer knowledge wins, whoever writes last. Raises
    ``Conflict`` if others keep writing at the same time.
    """
    for _ in range(_ATTEMPTS):
        document = store.get_document(kind, instance)
        if document is not None and document.content["time"] > content["time"]:
            return
        expected = None if document is None else document.revision
        if store.put_document(kind, instance, content, expected_revision=expected) is not None:
            return
    raise Conflict(f"{instance}: others keep writing at the same time")


def read_newest(store: Store, kind: str, instance: str) -> Mapping[str, Any] | None:
    """Return what is kept of an instance, or None."""
    document = store.get_document(kind, instance)
    return None if document is None else document.content
