from __future__ import annotations

from typing import Any

import pytest

from ml_core.records import Document
from ml_core.store.json_store import JsonStore
from ml_monitor.results.document_cache import read_cached, read_cached_one


class Parser:
    """Remembers which documents it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def __call__(self, document: Document) -> Any:
        self.seen.append((document.key, document.revision))
        return document.content["value"]


def put(store: JsonStore, key: str, value: int, expected_revision: int | None = None) -> None:
    assert store.put_document("thing", key, {"value": value}, expected_revision=expected_revision) is not None


@pytest.mark.parametrize("count", [2, 20])
def test_only_what_has_changed_is_parsed_again(json_store: JsonStore, count: int) -> None:
    parse = Parser()
    for number in range(count):
        put(json_store, f"k{number:02}", number)
    assert read_cached(json_store, "thing", parse) == {f"k{number:02}": number for number in range(count)}
    assert len(parse.seen) == count
    put(json_store, "k01", 99, expected_revision=1)
    assert read_cached(json_store, "thing", parse)["k01"] == 99
    assert parse.seen[count:] == [("k01", 2)]


def test_what_was_deleted_is_gone(json_store: JsonStore) -> None:
    parse = Parser()
    put(json_store, "a", 1)
    put(json_store, "b", 2)
    read_cached(json_store, "thing", parse)
    json_store.delete_document("thing", "a", expected_revision=1)
    assert read_cached(json_store, "thing", parse) == {"b": 2}


def test_stores_and_parsers_do_not_share_what_they_have_read(json_store: JsonStore) -> None:
    put(json_store, "a", 1)
    first, second = Parser(), Parser()
    assert read_cached(json_store, "thing", first) == read_cached(json_store, "thing", second) == {"a": 1}
    assert first.seen == second.seen == [("a", 1)]
    assert read_cached(json_store, "other", Parser()) == {}


def test_one_document_is_read_without_the_others(json_store: JsonStore) -> None:
    parse = Parser()
    for key, value in (("a", 1), ("b", 2)):
        put(json_store, key, value)
    for _ in range(2):
        assert read_cached_one(json_store, "thing", "a", parse) == 1
    assert parse.seen == [("a", 1)]
    put(json_store, "a", 3, expected_revision=1)
    assert read_cached_one(json_store, "thing", "a", parse) == 3
    assert read_cached_one(json_store, "thing", "c", parse) is None
