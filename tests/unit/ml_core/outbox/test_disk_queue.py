from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ml_core.config import project_root
from ml_core.lines import encode_line
from ml_core.outbox import disk_queue
from ml_core.outbox.disk_queue import DiskQueue, QueueFull

MOST = 1_000_000


@pytest.fixture
def queue(tmp_path: Path) -> DiskQueue:
    return DiskQueue(tmp_path / "root" / "mine", MOST)


def a_line(number: int, padding: int = 0) -> bytes:
    return encode_line({"number": number, "padding": "x" * padding})


def drain(queue: DiskQueue) -> list[int]:
    numbers = []
    while lines := queue.next_lines():
        numbers += [line.content["number"] for line in lines if line.content is not None]
        queue.advance(lines[-1].end)
    return numbers


def test_lines_come_out_in_the_order_in_which_they_went_in(queue: DiskQueue) -> None:
    for number in range(5):
        queue.append(a_line(number))
    assert drain(queue) == [0, 1, 2, 3, 4]
    assert queue.next_lines() == []


def test_what_was_not_advanced_past_comes_again(queue: DiskQueue) -> None:
    queue.append(a_line(0) + a_line(1))
    first = queue.next_lines()
    assert queue.next_lines() == first
    queue.advance(first[0].end)
    assert [line.content and line.content["number"] for line in queue.next_lines()] == [1]


def test_files_go_when_all_of_their_lines_were_sent(queue: DiskQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_queue, "FILE_BYTES", 2000)
    for number in range(10):
        queue.append(a_line(number, 900))
    assert len(list(queue.folder.glob("*.jsonl"))) > 2
    assert drain(queue) == list(range(10))
    assert list(queue.folder.glob("*.jsonl")) == []
    assert queue.bytes == 0
    queue.append(a_line(10))
    assert drain(queue) == [10]


def test_pieces_are_bounded_and_hold_whole_lines(queue: DiskQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_queue, "PIECE_BYTES", 1500)
    for number in range(6):
        queue.append(a_line(number, 1000))
    assert len(queue.next_lines()) == 2
    assert drain(queue) == list(range(6))


def test_a_full_queue_keeps_what_it_has_and_refuses_what_comes(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "mine", 3000)
    queue.append(a_line(0, 1000))
    queue.append(a_line(1, 1000))
    with pytest.raises(QueueFull):
        queue.append(a_line(2, 1000))
    assert drain(queue) == [0, 1]
    queue.append(a_line(3, 1000))
    queue.used_elsewhere = 2000
    with pytest.raises(QueueFull):
        queue.append(a_line(4, 1000))
    assert drain(queue) == [3]


def test_a_damaged_line_takes_no_other_with_it(queue: DiskQueue) -> None:
    queue.append(a_line(0) + a_line(1) + a_line(2))
    (path,) = queue.folder.glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    lines = queue.next_lines()
    assert [line.content is None for line in lines] == [False, True, False]
    assert b'"number":7' in lines[1].raw


def test_the_queue_of_a_living_process_cannot_be_adopted(queue: DiskQueue) -> None:
    queue.append(a_line(0))
    assert not DiskQueue(queue.folder, MOST).adopt()
    queue.close()
    other = DiskQueue(queue.folder, MOST)
    assert other.adopt()
    assert drain(other) == [0]
    other.close()
    assert not queue.folder.exists()
    assert not DiskQueue(queue.folder, MOST).adopt()


def test_what_a_killed_process_has_left_is_adopted_without_the_line_it_did_not_finish(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from ml_core.lines import encode_line
from ml_core.outbox.disk_queue import DiskQueue
queue = DiskQueue(Path(sys.argv[1]), 10**6)
queue.append(encode_line({"number": 0}) + encode_line({"number": 1}))
os.write(queue._writing, b'{"number":2,"pad')
os.kill(os.getpid(), signal.SIGKILL)
"""
    folder = tmp_path / "killed"
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=project_root(), check=False)
    assert killed.returncode == -9
    queue = DiskQueue(folder, MOST)
    assert queue.adopt()
    assert drain(queue) == [0, 1]
    assert queue.bytes == 0
    queue.close()
    assert not folder.exists()


def test_a_write_that_fails_midway_leaves_no_part_of_a_line(queue: DiskQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.append(a_line(0))

    def fails_midway(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk_queue, "write_all", fails_midway)
        with pytest.raises(OSError, match="No space"):
            queue.append(a_line(1))
    queue.append(a_line(2))
    assert drain(queue) == [0, 2]


def test_a_first_write_that_fails_leaves_nothing_to_send(queue: DiskQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk_queue, "write_all", fails)
        with pytest.raises(OSError, match="No space"):
            queue.append(a_line(0))
    assert queue.next_lines() == []
    queue.append(a_line(1))
    queue.sync()
    assert drain(queue) == [1]


def test_threads_append_while_another_sends_and_no_line_is_lost(queue: DiskQueue) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 200):
            queue.append(a_line(number))

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 1000, 2000)]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        queue.sync()
        seen += drain(queue)
    for writer in writers:
        writer.join()
    seen += drain(queue)
    assert sorted(seen) == [*range(200), *range(1000, 1200), *range(2000, 2200)]
    queue.close()


def test_files_and_folders_are_the_owners_alone(queue: DiskQueue) -> None:
    queue.append(a_line(0))
    (path,) = queue.folder.glob("*.jsonl")
    assert path.stat().st_mode & 0o077 == 0
    assert queue.folder.stat().st_mode & 0o077 == 0
