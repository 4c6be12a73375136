from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ml_core.store import json_listings
from ml_core.store.json_listings import FolderListings, NewestTime
from ml_core.store.json_segments import append_to_segment, rewrite_segment, segment_lock

LONG_AGO = time.time_ns() - 10**12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "model"
    with segment_lock(found):
        append_to_segment(found / "2026-11-19.jsonl", [{"time": "2026-11-19T10:00:00Z"}])
    return found


def settle(folder: Path) -> None:
    os.utime(folder, ns=(LONG_AGO, LONG_AGO))


def test_a_settled_folder_is_listed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listings, asked = FolderListings("*.jsonl"), []
    real = json_listings.list_segments
    monkeypatch.setattr(json_listings, "list_segments", lambda *each: (asked.append(each), real(*each))[1])
    settle(folder)
    for _ in range(3):
        assert listings.paths(folder) == [folder / "2026-11-19.jsonl"]
    assert len(asked) == 1


def test_a_new_file_is_seen(folder: Path) -> None:
    listings = FolderListings("*.jsonl")
    settle(folder)
    listings.paths(folder)
    (folder / "2026-11-20.jsonl").touch()
    assert [path.name for path in listings.paths(folder)] == ["2026-11-19.jsonl", "2026-11-20.jsonl"]


def test_a_folder_that_changed_just_now_is_not_remembered(folder: Path) -> None:
    listings = FolderListings("*.jsonl")
    changed = folder.stat().st_mtime_ns
    listings.paths(folder)
    (folder / "2026-11-20.jsonl").touch()
    os.utime(folder, ns=(changed, changed))  # as on a disk whose clock has not moved on
    assert len(listings.paths(folder)) == 2


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(FolderListings("*.jsonl").paths(tmp_path / "nothing")) == []


def test_the_newest_time_follows_what_is_appended_and_rewritten(folder: Path) -> None:
    path = folder / "2026-11-19.jsonl"
    newest = NewestTime(path)
    first = newest.read()
    assert first is not None
    assert newest.read() == first
    for time_text, later in (("2026-11-19T09:00:00Z", 0), ("2026-11-19T10:00:00.5Z", 500_000)):
        with segment_lock(folder):
            append_to_segment(path, [{"time": time_text}])
        assert newest.read() == first + later
    with segment_lock(folder):
        rewrite_segment(path, lambda row: row["time"] != "2026-11-19T10:00:00.5Z")
    assert newest.read() == first
