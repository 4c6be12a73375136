"""Restoring: a whole backup into an empty store, and nothing at all of any other file."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from ml_core.errors import Conflict, InvalidInput, StoreUnavailable
from ml_core.store.backup import FORMAT, back_up, seal
from ml_core.store.json_formats import FORMAT as STORE_FORMAT
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from ml_core.store.restoring import restore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model
from tests.snapshots import everything, fill

FLIPS = 150
MODEL_FILE = "housing_price/first/model.bin"


class NewPlace:
    """Where a backup is restored to: an empty store and no artifacts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self.store = SqlStore(f"sqlite:///{folder / 'new.db'}")
        self.empty = everything(self.store)

    def restore(self, file: Path) -> Any:
        return restore(file, self.store, self.artifacts, no_progress)

    def is_untouched(self) -> bool:
        return everything(self.store) == self.empty and not self.artifacts.exists()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[NewPlace]:
    (tmp_path / "new").mkdir()
    place = NewPlace(tmp_path / "new")
    with closing(place.store):
        yield place


@pytest.fixture
def backup(json_store: JsonStore, tmp_path: Path) -> Path:
    """A backup of a store with some of everything."""
    fill(json_store)
    path = tmp_path / "artifacts" / MODEL_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(random.Random(1).randbytes(3000))
    back_up(json_store, tmp_path / "artifacts", tmp_path / "backup.tar.gz", NOON, no_progress)
    return tmp_path / "backup.tar.gz"


def test_a_restored_store_holds_everything(
    backup: Path, place: NewPlace, json_store: JsonStore, tmp_path: Path
) -> None:
    report = place.restore(backup)
    assert everything(place.store) == everything(json_store)
    assert report.copied["predictions"] == 22
    assert (place.artifacts / MODEL_FILE).read_bytes() == (tmp_path / "artifacts" / MODEL_FILE).read_bytes()
    assert [path.name for path in place.artifacts.rglob("*") if path.is_file()] == ["model.bin"]


def test_a_store_that_is_not_empty_is_refused(backup: Path, place: NewPlace) -> None:
    place.store.put_model(a_model("wine"))
    with pytest.raises(Conflict) as refused:
        place.restore(backup)
    expected = "the store is not empty (1 models); restore into an empty one, or use copy to add to it"
    assert refused.value.message == expected
    assert [model.name for model in place.store.list_models()] == ["wine"]


def test_equal_artifacts_are_left_and_different_ones_refuse_everything(
    backup: Path, place: NewPlace, json_store: JsonStore, tmp_path: Path
) -> None:
    path = place.artifacts / MODEL_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    with pytest.raises(Conflict, match=r"model\.bin is there with another content than in the backup"):
        place.restore(backup)
    assert everything(place.store) == place.empty
    path.write_bytes((tmp_path / "artifacts" / MODEL_FILE).read_bytes())
    before = path.stat()
    place.restore(backup)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert everything(place.store) == everything(json_store)


# Damage


def test_a_backup_with_any_damaged_bit_is_refused_and_nothing_is_written(backup: Path, place: NewPlace) -> None:
    content, chance = backup.read_bytes(), random.Random(20261120)
    edges = [*range(12 * 8), *range((len(content) - 12) * 8, len(content) * 8)]
    for bit in edges + [chance.randrange(len(content) * 8) for _ in range(FLIPS)]:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        backup.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="it was damaged or cut, or is none; nothing was written"):
            place.restore(backup)
    assert place.is_untouched()


def test_a_backup_that_was_cut_is_refused(backup: Path, place: NewPlace) -> None:
    content = backup.read_bytes()
    for length in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        backup.write_bytes(content[:length])
        with pytest.raises(InvalidInput, match="nothing was written"):
            place.restore(backup)
    assert place.is_untouched()


def test_a_file_that_is_not_there_is_named(place: NewPlace, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot read .*none\.tar\.gz: No such file"):
        place.restore(tmp_path / "none.tar.gz")


# Archives that somebody else made

CONTENTS = {"store/format.json": orjson.dumps({"format": STORE_FORMAT})}


def manifest_of(contents: dict[str, bytes], **changes: Any) -> bytes:
    members = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in contents.items()
    }
    counts = dict.fromkeys(("models", "versions", "predictions", "ground_truths", "job_runs"), 0)
    return orjson.dumps({"format": FORMAT, "format_version": 1, "counts": counts, "members": members} | changes)


def write(file: Path, members: list[tarfile.TarInfo | tuple[str, bytes]]) -> None:
    with tarfile.open(file, "w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    put_seal(file)


def put_seal(file: Path) -> None:
    file.write_bytes(file.read_bytes() + seal(hashlib.sha256(file.read_bytes()).hexdigest()))


def a_link(kind: bytes, name: str = "store/link") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "../../../etc/passwd"
    return info


def test_the_smallest_archive_of_the_right_form_is_restored(place: NewPlace, tmp_path: Path) -> None:
    write(tmp_path / "made.tar.gz", [*CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS))])
    counts = place.restore(tmp_path / "made.tar.gz").copied
    assert sum(counts.values()) == 0


@pytest.mark.parametrize(
    "member",
    [
        ("/tmp/outside", b""),
        ("../outside", b""),
        ("store/../../outside", b""),
        ("elsewhere/file", b""),
        ("", b""),
        a_link(tarfile.SYMTYPE),
        a_link(tarfile.LNKTYPE),
        a_link(tarfile.FIFOTYPE),
        a_link(tarfile.CHRTYPE),
        a_link(tarfile.DIRTYPE),
        a_link(tarfile.SYMTYPE, "manifest.json"),
    ],
    ids=lambda member: str(member.type) if isinstance(member, tarfile.TarInfo) else repr(member[0]),
)
def test_members_that_reach_out_of_their_folder_are_refused(
    place: NewPlace, tmp_path: Path, member: tarfile.TarInfo | tuple[str, bytes]
) -> None:
    write(tmp_path / "made.tar.gz", [member, *CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS))])
    with pytest.raises(InvalidInput, match="no backup has a member"):
        place.restore(tmp_path / "made.tar.gz")
    assert place.is_untouched()
    assert not list(tmp_path.rglob("outside"))


WHOLE = [*CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS))]


@pytest.mark.parametrize(
    ("found", "members"),
    [
        ("it has no manifest.json", [*CONTENTS.items()]),
        ("its manifest.json is not one", [*CONTENTS.items(), ("manifest.json", b"[]")]),
        ("its manifest.json is not one", [*CONTENTS.items(), ("manifest.json", b"{")]),
        (
            "its format is 'other' 1",
            [*CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS, format="other"))],
        ),
        ("its format is .* 2, not", [*CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS, format_version=2))]),
        ("its format is", [*CONTENTS.items(), ("manifest.json", manifest_of(CONTENTS, members=[]))]),
        ("store/more is not what its manifest says", [("store/more", b"x"), *WHOLE]),
        ("store/format.json is not what", [("manifest.json", manifest_of(CONTENTS))]),
        ("store/format.json is not what", [("store/format.json", b'{"format": 99}'), WHOLE[-1]]),
        ("'store/format.json' is in it twice", [*WHOLE, WHOLE[0]]),
        (
            "it holds .* its manifest says {'models': 1}",
            [WHOLE[0], ("manifest.json", manifest_of(CONTENTS, counts={"models": 1}))],
        ),
    ],
)
def test_an_archive_that_is_not_what_its_manifest_says_is_refused(
    place: NewPlace, tmp_path: Path, found: str, members: list[Any]
) -> None:
    write(tmp_path / "made.tar.gz", members)
    with pytest.raises(InvalidInput, match=found):
        place.restore(tmp_path / "made.tar.gz")
    assert place.is_untouched()


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b"not tar" * 1000), gzip.compress(b"x")[:-9]],
    ids=["empty", "no gzip", "no tar", "cut short"],
)
def test_what_cannot_be_unpacked_is_refused(place: NewPlace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "made.tar.gz").write_bytes(content)
    put_seal(tmp_path / "made.tar.gz")
    with pytest.raises(InvalidInput, match="it cannot be unpacked"):
        place.restore(tmp_path / "made.tar.gz")
    assert place.is_untouched()


def test_a_tar_that_is_not_a_backup_is_refused(place: NewPlace, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "plain.tar.gz", "w:gz") as tar:
        tar.add(__file__, "file.py")
    with pytest.raises(InvalidInput, match="it was damaged or cut, or is none"):
        place.restore(tmp_path / "plain.tar.gz")
    assert place.is_untouched()
