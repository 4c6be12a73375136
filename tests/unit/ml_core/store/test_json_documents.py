"""Documents of the embedded store: shared by processes, and whole or not there."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest
from tinydb import Query, TinyDB

from ml_core.errors import StoreUnavailable
from ml_core.store import json_documents
from ml_core.store.json_documents import DocumentFile

PROCESSES = 4
INSERTS = 100
SECONDS = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.json"


@pytest.fixture
def file(path: Path) -> DocumentFile:
    return DocumentFile(path)


def insert(file: DocumentFile, **document: object) -> None:
    with file.transaction() as documents:
        documents.insert(document)


def at_once(work: Callable[[Path, int, Barrier], None], path: Path) -> None:
    """Have several processes do the same work at the same moment."""
    context = multiprocessing.get_context("forkserver")
    # The fork server is shared by all tests of a run, so it loads what those of the whole store need too.
    context.set_forkserver_preload([__name__, "ml_core.store.json_store", "tests.factories"])
    barrier = context.Barrier(PROCESSES)
    processes = [context.Process(target=work, args=(path, number, barrier)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)
        assert process.exitcode is not None
        process.close()


# One process


def test_nothing_was_written_yet(file: DocumentFile, path: Path) -> None:
    assert file.read() == []
    assert not path.exists()


def test_documents_are_read_as_they_were_written(file: DocumentFile) -> None:
    insert(file, name="a", metrics={"matrix": [[1, 2], [3, 4]], "r2": 0.1 + 0.2, "none": None}, é="ü\n\x00")
    insert(file, name="b")
    assert file.read() == [
        {"name": "a", "metrics": {"matrix": [[1, 2], [3, 4]], "r2": 0.1 + 0.2, "none": None}, "é": "ü\n\x00"},
        {"name": "b"},
    ]


def test_documents_can_be_updated_and_removed(file: DocumentFile) -> None:
    for name in "abc":
        insert(file, name=name)
    with file.transaction() as documents:
        documents.update({"title": "B"}, Query().name == "b")
        documents.remove(Query().name == "a")
    assert file.read() == [{"name": "b", "title": "B"}, {"name": "c"}]


def test_the_file_is_json_that_people_and_tinydb_itself_can_read(file: DocumentFile, path: Path) -> None:
    insert(file, name="a")
    insert(file, name="b")
    assert json.loads(path.read_text())["_default"] == {"1": {"name": "a"}, "2": {"name": "b"}}
    assert path.read_text().count("\n") > 5
    with TinyDB(path) as stock:
        assert stock.all() == file.read()


def test_what_another_process_has_written_is_seen_at_the_next_read(file: DocumentFile, path: Path) -> None:
    other = DocumentFile(path)
    for number in range(20):
        insert(other, number=number)
        assert len(file.read()) == number + 1
    insert(file, number=20)
    assert len(other.read()) == 21


def test_a_file_that_was_not_replaced_is_not_parsed_again(file: DocumentFile) -> None:
    insert(file, name="a")
    assert file.read() is file.read()


def test_a_transaction_sees_the_documents_of_now_and_not_of_the_last_read(file: DocumentFile, path: Path) -> None:
    insert(file, name="a")
    file.read()
    insert(DocumentFile(path), name="b")
    with file.transaction() as documents:
        assert [document["name"] for document in documents] == ["a", "b"]
        documents.insert({"name": "c"})
    assert [document["name"] for document in file.read()] == ["a", "b", "c"]


# Several at once


def _insert_safely(path: Path, number: int, barrier: Barrier) -> None:
    file = DocumentFile(path)
    barrier.wait(SECONDS)
    for count in range(INSERTS):
        insert(file, process=number, count=count)


def _insert_as_stock_tinydb_does(path: Path, number: int, barrier: Barrier) -> None:
    with TinyDB(path) as stock:
        barrier.wait(SECONDS)
        for count in range(INSERTS):
            stock.insert({"process": number, "count": count})


def test_of_documents_that_four_processes_insert_at_once_none_is_lost_where_stock_tinydb_loses_some(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ours, stock = tmp_path / "models.json", tmp_path / "stock.json"
    at_once(_insert_safely, ours)
    found = [(document["process"], document["count"]) for document in DocumentFile(ours).read()]
    assert len(found) == PROCESSES * INSERTS
    assert set(found) == {(number, count) for number in range(PROCESSES) for count in range(INSERTS)}

    at_once(_insert_as_stock_tinydb_does, stock)
    capfd.readouterr()  # tracebacks of processes that have read half a file
    try:
        left = sum(len(table) for table in json.loads(stock.read_text()).values())
    except ValueError:
        left = 0
    assert left < PROCESSES * INSERTS


def test_of_documents_that_threads_insert_at_once_none_is_lost(file: DocumentFile) -> None:
    def work(number: int) -> None:
        for count in range(20):
            insert(file, thread=number, count=count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert {(document["thread"], document["count"]) for document in file.read()} == {
        (number, count) for number in range(6) for count in range(20)
    }


def test_who_waits_too_long_for_a_transaction_of_another_is_told(
    file: DocumentFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "LOCK_TIMEOUT_SECONDS", 0.1)
    other = DocumentFile(path)
    with file.transaction(), pytest.raises(StoreUnavailable, match=r"models\.json is locked by another process"):
        insert(other, name="a")
    insert(other, name="a")
    assert other.read() == [{"name": "a"}]


def _hold(path: Path, held: Event) -> None:
    with DocumentFile(path).transaction() as documents:
        documents.insert({"name": "a"})
        held.set()
        signal.pause()


def test_a_process_that_is_killed_in_a_transaction_holds_nobody_up(file: DocumentFile, path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    held = context.Event()
    process = context.Process(target=_hold, args=(path, held))
    process.start()
    assert held.wait(SECONDS)
    process.kill()
    process.join(SECONDS)
    process.close()
    insert(file, name="b")
    assert file.read() == [{"name": "a"}, {"name": "b"}]


# What went wrong


def test_temporary_files_of_a_killed_process_are_swept_when_the_file_is_opened(path: Path) -> None:
    insert(DocumentFile(path), name="a")
    strays = [path.with_name(f".models.json.{number}.tmp") for number in range(2)]
    others = [
        path.with_name(name) for name in (".model_versions.json.1.tmp", "models.json.tmp", "models.lock", "notes")
    ]
    for stray in (*strays, *others):
        stray.write_text("{")
    assert DocumentFile(path).read() == [{"name": "a"}]
    assert not any(stray.exists() for stray in strays)
    assert all(other.exists() for other in others)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00" * 100,
        b'{"_default": {"1": {"name": "a"',
        b'{"_default": {"1": {"name": "\xff"}}}',
        b"[]",
        b"null",
        b"5",
        b'{"_default": []}',
        b'{"_default": {"1": 5}}',
        b'{"_default": {"one": {}}}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_damaged_file_is_told_with_its_path_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    file = DocumentFile(path)
    with pytest.raises(StoreUnavailable) as reading:
        file.read()
    with pytest.raises(StoreUnavailable) as writing:
        insert(file, name="b")
    for caught in (reading, writing):
        assert caught.value.message.startswith(f"{path} is damaged (")
        assert caught.value.message.endswith("restore it from a backup")
    assert path.read_bytes() == content


def test_no_damaged_bit_changes_a_document_silently(file: DocumentFile, path: Path) -> None:
    insert(file, name="a", title="Prices", r2=0.25)
    content, documents, found = path.read_bytes(), file.read(), 0
    for bit in range(len(content) * 8):
        path.write_bytes(bytes(byte ^ (1 << bit % 8) * (place == bit // 8) for place, byte in enumerate(content)))
        try:
            assert DocumentFile(path).read() == documents
        except StoreUnavailable:
            found += 1
    assert found > len(content) * 7


def test_a_file_without_a_checksum_is_read_and_gets_one_when_it_is_written(file: DocumentFile, path: Path) -> None:
    path.write_text('{"_default": {"1": {"name": "a"}}}')
    assert file.read() == [{"name": "a"}]
    insert(file, name="b")
    path.write_text(path.read_text().replace('"a"', '"A"'))
    with pytest.raises(StoreUnavailable, match="if you edited it, take its table 'checksum' out"):
        file.read()


def test_a_file_that_was_mended_is_read_again(path: Path) -> None:
    path.write_text("{")
    file = DocumentFile(path)
    with pytest.raises(StoreUnavailable):
        file.read()
    path.write_text('{"_default": {"1": {"name": "a"}}}')
    assert file.read() == [{"name": "a"}]


def test_a_folder_that_is_gone_is_trouble_and_not_an_empty_store(tmp_path: Path) -> None:
    path = tmp_path / "documents" / "models.json"
    path.parent.mkdir()
    file = DocumentFile(path)
    insert(file, name="a")
    path.parent.rename(tmp_path / "moved")
    with pytest.raises(StoreUnavailable, match=r"cannot read .*models\.json: No such file"):
        file.read()
    with pytest.raises(StoreUnavailable, match=r"cannot write .*models\.json"):
        insert(file, name="b")
    (tmp_path / "moved").rename(path.parent)
    assert file.read() == [{"name": "a"}]


def test_a_file_in_the_place_of_the_folder_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "documents").touch()
    with pytest.raises(StoreUnavailable, match=r"cannot write .*models\.json: "):
        DocumentFile(tmp_path / "documents" / "models.json")


def test_the_file_is_never_written_in_place(file: DocumentFile, path: Path) -> None:
    insert(file, name="a")
    keeping = path.with_name("kept")
    os.link(path, keeping)  # another name of the same content
    before = keeping.read_bytes()
    insert(file, name="b")
    assert keeping.read_bytes() == before
