"""The book of alerts: who changes it at the same moment loses nothing, and its histories stay short."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import Conflict, NotFound
from ml_core.records import Document
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import (
    KIND,
    Alert,
    Book,
    action_line,
    change_alert,
    change_book,
    get_alert,
    id_of,
    list_alerts,
    new_alert,
    read_book,
    status_line,
)
from ml_monitor.monitoring.alerts.states import (
    Acknowledgement,
    AlertKey,
    Counted,
    Episode,
    Event,
    Silence,
    Told,
)
from ml_monitor.monitoring.results import Undefined
from tests.contract.processes import ProcessGroup
from tests.factories import NOON

KEY = AlertKey("fraud", "drift", "amount")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        yield opened


def an_alert(**key: Any) -> Alert:
    return new_alert("default-drift", "warning", replace(KEY, **key))


def put(store: Store, *alerts: Alert) -> None:
    for alert in alerts:
        change_book(store, alert.state.key.model, lambda book, each=alert: {**book, each.alert_id: each})  # type: ignore[misc]


def add_lines(store: Store, author: str, count: int = 10) -> None:
    for number in range(count):
        line = action_line(NOON, "acknowledge", author, str(number))
        change_alert(store, an_alert().alert_id, lambda alert, new=line: alert.after(alert.state, new))  # type: ignore[misc]


def full_alert() -> Alert:
    bad = Counted("a/b", NOON, "bad", 0.1 + 0.2, 0.25, "lower_is_better")
    unknown = Counted("b/c", NOON + timedelta(1), "insufficient", Undefined("no rows"), None, "lower_is_better")
    taken = Acknowledgement("ana", "looking", NOON)
    state = replace(
        an_alert().state,
        status="firing",
        status_time=NOON,
        history=(bad, unknown),
        settled_time=NOON - timedelta(3),
        episode=Episode(2, NOON, NOON, bad, None, taken),
        silence=Silence("ana", "until tomorrow", NOON + timedelta(1)),
        told=Told(2, NOON, False),
    )
    event = Event(KEY, NOON, "pending", "firing", bad)
    return an_alert().after(state, status_line(event), action_line(NOON, "acknowledge", "ana", "looking"))


def test_an_alert_comes_back_as_it_was(store: JsonStore) -> None:
    put(store, full_alert())
    assert read_book(store, "fraud") == {full_alert().alert_id: full_alert()}
    assert get_alert(store, full_alert().alert_id) == full_alert()
    assert full_alert().history == (
        {
            "time": "2026-11-20T12:00:00Z",
            "before": "pending",
            "after": "firing",
            "chunk": "a/b",
            "chunk_time": "2026-11-20T12:00:00Z",
        },
        {"time": "2026-11-20T12:00:00Z", "action": "acknowledge", "author": "ana", "note": "looking"},
    )


def test_an_id_is_the_same_for_good_and_another_for_any_other_alert() -> None:
    assert id_of("default-drift", KEY) == "501e6574ed65ff8b"
    others = [replace(KEY, **{part: "ingest"}) for part in ("model", "cause", "subject", "segment")]
    ids = {id_of("default-drift", key) for key in (KEY, *others)} | {id_of("my-rule", KEY)}
    assert len(ids) == 6
    assert all(len(each) == 16 and each.isalnum() for each in ids)


def test_alerts_of_all_models_are_listed_in_order(store: JsonStore) -> None:
    alerts = [
        an_alert(model="*", cause="ingest"),
        an_alert(),
        an_alert(segment="country=de"),
        an_alert(subject="zip"),
        an_alert(cause="quality"),
        an_alert(model="prices"),
    ]
    put(store, *reversed(alerts))
    assert list_alerts(store) == alerts
    assert list(read_book(store, "*").values()) == alerts[:1]
    assert read_book(store, "unknown") == {}


def test_the_history_keeps_its_newest_hundred_lines(store: JsonStore) -> None:
    put(store, an_alert())
    add_lines(store, "ana", 120)
    notes = [line["note"] for line in get_alert(store, an_alert().alert_id).history]
    assert notes == [str(number) for number in range(20, 120)]


def test_nothing_is_written_if_nothing_changes(store: JsonStore) -> None:
    assert change_book(store, "fraud", dict) == {}
    assert store.list_documents(KIND) == []
    put(store, full_alert())
    assert change_book(store, "fraud", dict) == {full_alert().alert_id: full_alert()}
    assert [document.revision for document in store.list_documents(KIND)] == [1]


def test_an_alert_can_be_taken_out(store: JsonStore) -> None:
    put(store, an_alert(), an_alert(subject="zip"))
    book = change_book(store, "fraud", lambda book: {key: book[key] for key in book if key != an_alert().alert_id})
    assert [alert.state.key.subject for alert in book.values()] == ["zip"]
    with pytest.raises(NotFound, match="there is no alert"):
        get_alert(store, an_alert().alert_id)
    with pytest.raises(NotFound, match="there is no alert"):
        change_alert(store, an_alert().alert_id, lambda alert: alert)


def test_threads_that_change_one_alert_lose_nothing(store: JsonStore) -> None:
    put(store, an_alert())
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda author: add_lines(store, author), "abcdef"))
    lines = [(line["author"], line["note"]) for line in get_alert(store, an_alert().alert_id).history]
    assert sorted(lines) == [(author, str(number)) for author in "abcdef" for number in range(10)]


def test_processes_that_change_one_alert_lose_nothing(tmp_path: Path) -> None:
    url = f"json:///{tmp_path / 'store'}"
    with closing(JsonStore(tmp_path / "store")) as store, closing(ProcessGroup()) as processes:
        put(store, an_alert())
        processes.run(url, add_lines, list("abcdefgh"))
        lines = [(line["author"], line["note"]) for line in get_alert(store, an_alert().alert_id).history]
    assert sorted(lines) == [(author, str(number)) for author in "abcdefgh" for number in range(10)]


class Disturbed(JsonStore):
    """A store in which somebody else changes the book so many times right after it was read."""

    disturbances = 1

    def get_document(self, kind: str, key: str) -> Document | None:
        found = super().get_document(kind, key)
        if self.disturbances:
            self.disturbances -= 1
            other = an_alert(subject=f"other {self.disturbances}")
            put(_Undisturbed(self), other)
        return found


class _Undisturbed(JsonStore):
    def __init__(self, store: Disturbed) -> None:
        self.__dict__ = store.__dict__


def test_what_others_did_meanwhile_is_kept(tmp_path: Path) -> None:
    with closing(Disturbed(tmp_path / "store")) as store:
        calls: list[Book] = []

        def add(book: Book) -> Book:
            calls.append(book)
            return {**book, an_alert().alert_id: an_alert()}

        after = change_book(store, "fraud", add)
        assert [len(book) for book in calls] == [0, 1]
        assert {alert.state.key.subject for alert in after.values()} == {"amount", "other 0"}


def test_who_is_disturbed_at_every_attempt_is_told_so(tmp_path: Path) -> None:
    with closing(Disturbed(tmp_path / "store")) as store:
        store.disturbances = 1000
        with pytest.raises(Conflict, match="'fraud' are changed by others all the time"):
            put(store, an_alert())
