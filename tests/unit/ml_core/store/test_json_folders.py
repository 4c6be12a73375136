"""Folders named after things of any name."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.store.json_folders import day_segment, day_segments, folder_of, named_folders
from tests.factories import NOON

NAMES = ["a", "..", ".", ".hidden", "a/b", "a%2Fb", "a%", "ä", "🏠" * 191, "x" * 200, "x" * 201, "/", "~", "a b"]
NAMES += ["x" * 200 + "..", "x" * 200 + ".", "x" * 198 + "ä", "x" * 199 + "ä", "." * 201]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make(parent: Path, name: str) -> Path:
    folder = folder_of(parent, name)
    folder.mkdir(parents=True)
    (folder / "2026-11-20.jsonl").touch()
    return folder


def test_each_name_has_a_folder_of_its_own_that_a_file_system_takes_and_is_found_again(tmp_path: Path) -> None:
    folders = {name: make(tmp_path, name) for name in NAMES}
    assert named_folders(tmp_path) == folders
    assert len(set(folders.values())) == len(NAMES)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=191))
def test_a_folder_lies_below_its_parent_and_no_part_of_its_path_is_hidden_or_too_long(name: str) -> None:
    parts = folder_of(Path("/records"), name).relative_to("/records").parts
    assert parts
    for part in parts:
        assert not part.startswith(".")
        assert len(part.encode()) <= 255
    assert all(part.endswith("%") for part in parts[:-1])
    assert not parts[-1].endswith("%")


def test_names_of_letters_and_digits_are_folders_as_they_are(tmp_path: Path) -> None:
    assert folder_of(tmp_path, "housing_price-1.2") == tmp_path / "housing_price-1.2"
    assert folder_of(tmp_path, "web/cpu") == tmp_path / "web%2Fcpu"


def test_a_folder_without_a_segment_has_no_name(tmp_path: Path) -> None:
    folder_of(tmp_path, "empty").mkdir()
    (folder_of(tmp_path, "empty") / ".lock").touch()
    assert named_folders(tmp_path) == {}
    assert named_folders(tmp_path / "missing") == {}


def test_segments_are_those_of_days_in_utc(tmp_path: Path) -> None:
    for number in range(4):
        day_segment(tmp_path, NOON + number * DAY).touch()
    (tmp_path / "pending.jsonl").touch()
    days = [f"2026-11-{number}.jsonl" for number in (20, 21, 22, 23)]
    assert [path.name for path in day_segments(tmp_path)] == days
    assert [path.name for path in day_segments(tmp_path, NOON + DAY, NOON + 2 * DAY)] == days[1:3]
    east = timezone(13 * HOUR)
    assert day_segment(tmp_path, (NOON + 11 * HOUR).astimezone(east)).name == days[0]
    assert [path.name for path in day_segments(tmp_path, end=(NOON + 11 * HOUR).astimezone(east))] == days[:1]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_from_the_path_alone(tmp_path: Path, name: str) -> None:
    make(tmp_path, name)
    assert list(named_folders(tmp_path)) == [name]
