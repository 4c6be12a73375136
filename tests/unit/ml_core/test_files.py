"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble, replace_file, sync_folder

A_FILE = Path("models.json")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_made_and_then_replaced(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    replace_file(path, b"first")
    assert path.read_bytes() == b"first"
    replace_file(path, b"")
    assert path.read_bytes() == b""
    assert names(tmp_path) == ["models.json"]


def test_a_reader_sees_the_old_or_the_new_whole_and_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    contents = [bytes([letter]) * 300_000 for letter in b"ab"]
    replace_file(path, contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            replace_file(path, contents[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    writer.join()
    assert seen <= set(contents)


def test_a_write_that_fails_keeps_the_old_content_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.mkdir()  # nothing can be put in the place of a folder
    (path / "inside").touch()
    with pytest.raises(OSError, match=r"models\.json"):
        replace_file(path, b"new")
    assert names(tmp_path) == ["models.json"]
    assert (path / "inside").exists()


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "models.json", b"new")
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_to_do(number: int) -> None:
    trouble = file_trouble("write", A_FILE, OSError(number, os.strerror(number)))
    assert isinstance(trouble, StoreUnavailable)
    assert trouble.message == "cannot write models.json: the disk is full; free some space"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_missing_rights_are_told_with_what_to_do(number: int) -> None:
    trouble = file_trouble("write", A_FILE, OSError(number, os.strerror(number)))
    assert trouble.message == (
        f"cannot write models.json: {os.strerror(number)}; check the rights, or set ML_STORE_URL"
    )


def test_any_other_trouble_is_told_in_the_systems_words() -> None:
    assert file_trouble("read", A_FILE, OSError(errno.EIO, os.strerror(errno.EIO))).message == (
        "cannot read models.json: Input/output error"
    )
    assert file_trouble("read", A_FILE, OSError("of a library")).message == "cannot read models.json: of a library"
