"""What may be a document, and whether it may be changed: pure rules that every store uses, so that none can differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_core.records import Document
from ml_core.store.names import check_name, check_word
from ml_core.store.plain import plain_object

# The embedded store keeps models and versions in files beside those of the kinds.
RESERVED_KINDS = ("models", "model_versions")


def check_kind(kind: str) -> None:
    """Raise ``ValueError`` that names the field if this cannot be a kind of documents."""
    check_word("kind", kind)
    if kind in RESERVED_KINDS:
        raise ValueError(f"kind: expected another word than {' and '.join(RESERVED_KINDS)}")


def check_document_key(kind: str, key: str) -> None:
    """Raise ``ValueError`` that names the field if there can be no document of this kind and key."""
    check_kind(kind)
    check_name("key", key)


def next_document(
    kind: str, key: str, content: Mapping[str, Any], stored_revision: int | None, expected_revision: int | None
) -> Document | None:
    """Return the document as it is to be stored; None if what is stored is not at the revision that was expected.

    Raises ``ValueError`` that names the field for a kind, a key or content that cannot be stored.
    """
    check_document_key(kind, key)
    fit = plain_object("content", content)
    if stored_revision != expected_revision:
        return None
    return Document(kind, key, (stored_revision or 0) + 1, fit)
