"""What every store promises of documents: compare and set, whoever else is at it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from ml_core.records import Document
from ml_core.store.base import Store
from tests.contract import processes as work
from tests.contract.processes import ProcessGroup
from tests.factories import a_model, a_version

CONTENT = {
    "state": "firing",
    "value": 0.25,
    "since": None,
    "labels": ["a", "ä"],
    "bounds": {"upper": 1, "is_set": True},
}


def put(store: Store, key: str = "a", expected_revision: int | None = None, **content: Any) -> Document | None:
    return store.put_document("alert", key, content or CONTENT, expected_revision=expected_revision)


def test_a_document_comes_back_as_it_was_put(store: Store) -> None:
    assert put(store) == Document("alert", "a", 1, CONTENT)
    assert store.get_document("alert", "a") == Document("alert", "a", 1, CONTENT)
    assert store.get_document("alert", "b") is None
    assert store.get_document("other", "a") is None


def test_each_change_is_one_revision_and_replaces_the_content(store: Store) -> None:
    put(store)
    assert put(store, expected_revision=1, state="ok") == Document("alert", "a", 2, {"state": "ok"})
    assert put(store, expected_revision=2, other=1) == Document("alert", "a", 3, {"other": 1})
    assert store.get_document("alert", "a") == Document("alert", "a", 3, {"other": 1})


@pytest.mark.parametrize("expected", [None, 0, 2, 99])
def test_a_change_of_what_is_no_longer_so_is_refused_and_nothing_changes(store: Store, expected: int | None) -> None:
    first = put(store)
    assert put(store, expected_revision=expected, state="ok") is None
    assert store.get_document("alert", "a") == first


def test_revisions_tell_which_documents_have_changed(store: Store) -> None:
    assert store.document_revisions("alert") == {}
    put(store, "b")
    put(store)
    put(store, expected_revision=1, state="ok")
    store.put_document("other", "c", CONTENT, expected_revision=None)
    assert store.document_revisions("alert") == {"a": 2, "b": 1}
    assert list(store.document_revisions("alert")) == ["a", "b"]
    store.delete_document("alert", "b", expected_revision=1)
    assert store.document_revisions("alert") == {"a": 2}


def test_what_is_not_there_is_not_changed(store: Store) -> None:
    assert put(store, expected_revision=1) is None
    assert store.list_documents("alert") == []


def test_a_document_is_deleted_only_at_the_revision_that_was_read(store: Store) -> None:
    put(store)
    put(store, "b")
    put(store, expected_revision=1, state="ok")
    assert not store.delete_document("alert", "a", expected_revision=1)
    assert not store.delete_document("other", "a", expected_revision=2)
    assert store.delete_document("alert", "a", expected_revision=2)
    assert not store.delete_document("alert", "a", expected_revision=2)
    assert [document.key for document in store.list_documents("alert")] == ["b"]
    assert put(store) == Document("alert", "a", 1, CONTENT)


def test_documents_of_a_kind_are_listed_by_key_and_told_apart_exactly(store: Store) -> None:
    keys = ["b", "B", "ä", "a/b", "a", "..", "x" * 191, "🏠", "a b"]
    for number, key in enumerate(keys):
        put(store, key, number=number)
    store.put_document("other", "a", {}, expected_revision=None)
    assert [document.key for document in store.list_documents("alert")] == sorted(keys)
    assert [document.content["number"] for document in store.list_documents("alert")] == [
        keys.index(key) for key in sorted(keys)
    ]
    assert store.list_documents("other") == [Document("other", "a", 1, {})]
    assert store.list_documents("unknown") == []


def test_whoever_changes_what_was_read_changes_nothing_in_the_store(store: Store) -> None:
    put(store)
    for document in (store.get_document("alert", "a"), *store.list_documents("alert")):
        assert document is not None
        document.content["labels"].append("b")
    assert store.get_document("alert", "a") == Document("alert", "a", 1, CONTENT)


def test_tuples_and_the_like_come_back_as_they_will_be_read(store: Store) -> None:
    stored = put(store, labels=("a", "b"))
    assert stored is not None
    assert stored.content == {"labels": ["a", "b"]}
    assert store.get_document("alert", "a") == stored


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"a": math.nan}, "content.a"),
        ({"a": [1, {"b": -math.inf}]}, r"content.a\[1\].b"),
        ({"a": datetime(2026, 11, 20, tzinfo=UTC)}, "content"),
        ({"a": {1, 2}}, "content"),
        ({1: 2}, "content"),
        ({"a": "\ud800"}, "content"),
        ({"a": 2**64}, "content"),
    ],
)
def test_content_that_json_does_not_give_back_is_refused(store: Store, content: Any, field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: expected"):
        store.put_document("alert", "a", content, expected_revision=None)
    assert store.list_documents("alert") == []


@pytest.mark.parametrize(
    ("kind", "key", "field"),
    [
        ("alert", "", "key"),
        ("alert", "a ", "key"),
        ("alert", "x" * 192, "key"),
        ("alert", "\ud800", "key"),
        ("", "a", "kind"),
        ("../alert", "a", "kind"),
        ("x" * 65, "a", "kind"),
        ("models", "a", "kind"),
        ("model_versions", "a", "kind"),
    ],
)
def test_a_kind_or_a_key_that_not_every_store_could_hold_is_refused(
    store: Store, kind: str, key: str, field: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: expected"):
        store.put_document(kind, key, {}, expected_revision=None)
    with pytest.raises(ValueError, match=rf"^{field}: expected"):
        store.get_document(kind, key)
    with pytest.raises(ValueError, match=rf"^{field}: expected"):
        store.delete_document(kind, key, expected_revision=1)
    if field == "kind":
        with pytest.raises(ValueError, match=r"^kind: expected"):
            store.list_documents(kind)


def test_models_and_their_versions_are_left_alone(store: Store) -> None:
    store.put_model(a_model())
    store.add_version(a_version())
    put(store)
    assert store.list_models() == [a_model()]
    assert len(store.list_versions("housing_price")) == 1


# Several processes


def test_of_eight_processes_exactly_one_wins_each_revision(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    won = processes.run(store_url, work.count_up, [20] * 8)
    assert sorted(revision for mine in won for revision in mine) == list(range(1, 161))
    document = store.get_document("counter", "race")
    assert document is not None
    assert (document.revision, document.content["number"]) == (160, 160)


def test_of_eight_processes_that_write_without_looking_one_is_first(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    for expected in (None, 1, 2):
        stored = processes.run(store_url, work.put_document, [(number, expected) for number in range(8)])
        (winner,) = [document for document in stored if document is not None]
        assert store.get_document("counter", "race") == winner


def test_of_eight_processes_that_delete_one_has_deleted(processes: ProcessGroup, store: Store, store_url: str) -> None:
    work.put_document(store, (1, None))
    assert sorted(processes.run(store_url, work.delete_document, [1] * 8)) == [False] * 7 + [True]
    assert store.list_documents("counter") == []
