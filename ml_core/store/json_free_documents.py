"""Documents of any kind in the embedded store: one TinyDB file a kind, ``documents/<kind>.json``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from tinydb import Query

from ml_core.records import Document
from ml_core.store.deciding_documents import RESERVED_KINDS, check_document_key, check_kind, next_document
from ml_core.store.json_documents import DocumentFile, damaged


class JsonFreeDocuments:
    """The documents in one folder; each kind's file is made when the kind is first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = Lock()
        self._files: dict[str, DocumentFile] = {}

    def put(self, kind: str, key: str, content: Mapping[str, Any], expected_revision: int | None) -> Document | None:
        check_document_key(kind, key)  # before there is a file
        with self._file(kind).transaction() as documents:
            found = documents.get(Query().key == key)
            stored = None if found is None else self._document(kind, found).revision
            changed = next_document(kind, key, content, stored, expected_revision)
            if changed is not None:
                row = {"key": key, "revision": changed.revision, "content": dict(changed.content)}
                documents.upsert(row, Query().key == key)
        return changed

    def get(self, kind: str, key: str) -> Document | None:
        check_document_key(kind, key)
        found = next((row for row in self._file(kind).read() if row.get("key") == key), None)
        return None if found is None else self._document(kind, found)

    def list_all(self, kind: str) -> list[Document]:
        check_kind(kind)
        return sorted((self._document(kind, row) for row in self._file(kind).read()), key=lambda found: found.key)

    def revisions(self, kind: str) -> dict[str, int]:
        check_kind(kind)
        rows = self._file(kind).read()
        try:
            return {str(row["key"]): int(row["revision"]) for row in sorted(rows, key=lambda row: str(row["key"]))}
        except (KeyError, TypeError, ValueError):
            raise damaged(self._file(kind).path, "not a document") from None

    def kinds(self) -> list[str]:
        found = (path.stem for path in self.folder.glob("*.json") if path.stem not in RESERVED_KINDS)
        return sorted(kind for kind in found if self._file(kind).read())

    def delete(self, kind: str, key: str, expected_revision: int) -> bool:
        check_document_key(kind, key)
        with self._file(kind).transaction() as documents:
            return bool(documents.remove((Query().key == key) & (Query().revision == expected_revision)))

    def _file(self, kind: str) -> DocumentFile:
        with self._guard:
            if kind not in self._files:
                self._files[kind] = DocumentFile(self.folder / f"{kind}.json")
            return self._files[kind]

    def _document(self, kind: str, row: Mapping[str, Any]) -> Document:
        # A copy, since what was read is kept for the next reader.
        content = copy.deepcopy(row.get("content"))
        if not (isinstance(row.get("key"), str) and type(row.get("revision")) is int and isinstance(content, dict)):
            raise damaged(self._file(kind).path, "not a document")
        return Document(kind, row["key"], row["revision"], content)
