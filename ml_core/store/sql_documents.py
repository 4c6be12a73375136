"""Documents in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ml_core.records import Document
from ml_core.store.deciding_documents import check_document_key, check_kind, next_document
from ml_core.store.sql_engine import RaceLost
from ml_core.store.tables import documents

_columns = documents.c


def put(
    connection: Connection, kind: str, key: str, content: Mapping[str, Any], expected_revision: int | None
) -> Document | None:
    """Store a document if it is still at the revision that was expected.

    1. Read the revision and judge by it.
    2. Write on the condition that it still is what was read; a new document meets another new one at the key.
    3. If not one row was changed, another process was first: do it all again, and find the revision changed.
    """
    check_document_key(kind, key)
    stored = connection.execute(select(_columns.revision).where(*_is(kind, key))).scalar_one_or_none()
    changed = next_document(kind, key, content, stored, expected_revision)
    if changed is None:
        return None
    if stored is None:
        connection.execute(
            insert(documents).values(kind=kind, key=key, revision=changed.revision, content=changed.content)
        )
        return changed
    same = (*_is(kind, key), _columns.revision == stored)
    written = update(documents).where(*same).values(revision=changed.revision, content=changed.content)
    if connection.execute(written).rowcount == 0:
        raise RaceLost
    return changed


def get(connection: Connection, kind: str, key: str) -> Document | None:
    """Return a document, or None."""
    check_document_key(kind, key)
    row = connection.execute(select(documents).where(*_is(kind, key))).mappings().one_or_none()
    return None if row is None else Document(**row)


def list_all(connection: Connection, kind: str) -> list[Document]:
    """Return the documents of a kind, by key."""
    check_kind(kind)
    query = select(documents).where(_columns.kind == kind).order_by(_columns.key)
    return [Document(**row) for row in connection.execute(query).mappings()]


def revisions(connection: Connection, kind: str) -> dict[str, int]:
    """Return the revision of each document of a kind."""
    check_kind(kind)
    query = select(_columns.key, _columns.revision).where(_columns.kind == kind).order_by(_columns.key)
    return {row.key: row.revision for row in connection.execute(query)}


def kinds(connection: Connection) -> list[str]:
    """Return the kinds of which there are documents, in order."""
    return list(connection.execute(select(_columns.kind).distinct().order_by(_columns.kind)).scalars())


def remove(connection: Connection, kind: str, key: str, expected_revision: int) -> bool:
    """Delete a document if it is still at this revision."""
    check_document_key(kind, key)
    same = (*_is(kind, key), _columns.revision == expected_revision)
    return connection.execute(delete(documents).where(*same)).rowcount == 1


def _is(kind: str, key: str) -> tuple[Any, Any]:
    return _columns.kind == kind, _columns.key == key
