"""Documents as they were parsed before, for as long as their revision is the same: so never older than the store.

A page of many models reads the revisions of all their documents, which is little, and parses only those that changed.
What is cached is shared by all requests of the process, so whoever takes it must not change it. Not for kinds of which
documents are deleted: one that is made anew counts its revisions from 1 again.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ml_core.records import Document
from ml_core.store.base import Store

T = TypeVar("T")
_FEW = 8
_guard = Lock()
_parsed: WeakKeyDictionary[Store, dict[Callable[[Document], Any], dict[str, tuple[int, Any]]]] = WeakKeyDictionary()


def read_cached(store: Store, kind: str, parse: Callable[[Document], T]) -> dict[str, T]:
    """Return what ``parse`` makes of each document of a kind, by key; raise ``StoreUnavailable``."""
    revisions = store.document_revisions(kind)
    with _guard:
        known = dict(_parsed.setdefault(store, {}).get(parse, {}))
    changed = [key for key, revision in revisions.items() if key not in known or known[key][0] != revision]
    for document in _documents(store, kind, changed):
        known[document.key] = (document.revision, parse(document))
    found = {key: known[key] for key in revisions if key in known}  # one may have been deleted meanwhile
    if changed or len(found) != len(known):
        with _guard:
            _parsed.setdefault(store, {})[parse] = found
    return {key: value for key, (_, value) in found.items()}


def read_cached_one(store: Store, kind: str, key: str, parse: Callable[[Document], T]) -> T | None:
    """Return what ``parse`` makes of one document, or None; raise ``StoreUnavailable``. Others are left unread."""
    revision = store.document_revisions(kind).get(key)
    if revision is None:
        return None
    with _guard:
        known = _parsed.setdefault(store, {}).setdefault(parse, {}).get(key)
    if known is None or known[0] != revision:
        document = store.get_document(kind, key)
        if document is None:
            return None  # deleted meanwhile
        known = (document.revision, parse(document))
        with _guard:
            _parsed.setdefault(store, {}).setdefault(parse, {})[key] = known
    value: T = known[1]
    return value


def _documents(store: Store, kind: str, keys: list[str]) -> list[Document]:
    if len(keys) > _FEW:
        wanted = set(keys)
        return [document for document in store.list_documents(kind) if document.key in wanted]
    return [document for key in keys if (document := store.get_document(kind, key)) is not None]
