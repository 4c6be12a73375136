"""Artifacts on disk: whole or not there, and not loaded once they were changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from ml_core.artifacts.folders import (
    MANIFEST,
    REFERENCE,
    SavedArtifact,
    load_artifact,
    read_reference,
    save_artifact,
    save_reference,
    verify_artifact,
)
from ml_core.errors import ArtifactError, NotFound, StoreUnavailable

ROOMS = pd.DataFrame({"rooms": [1.0, 2.0, 3.0]})
MODEL = LinearRegression().fit(ROOMS, [10.0, 20.0, 30.0])
SAMPLE = ROOMS.assign(value=[10.0, 20.0, 30.0])


def save(root: Path, reference: pd.DataFrame = SAMPLE, artifact_id: str = "first") -> SavedArtifact:
    return save_artifact(root, "housing_price", artifact_id, "skops", MODEL, reference)


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> str:
    """Change the manifest as one who may register it; return its new hash."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


# What is written


def test_a_saved_model_can_be_loaded(tmp_path: Path) -> None:
    saved = save(tmp_path)
    assert saved.path == "housing_price/first"
    assert load_artifact(tmp_path / saved.path, saved.sha256).predict(ROOMS).values == pytest.approx([10, 20, 30])


def test_the_manifest_holds_the_hash_of_every_file_and_its_own_is_returned(tmp_path: Path) -> None:
    saved = save(tmp_path)
    folder = tmp_path / saved.path
    manifest = json.loads((folder / MANIFEST).read_bytes())
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert hashes.pop(MANIFEST) == saved.sha256
    assert manifest["files"] == hashes
    assert set(hashes) == {"model.skops", REFERENCE}
    assert (manifest["format"], manifest["library"]) == ("skops", "scikit-learn")
    assert manifest["library_version"] == version("scikit-learn")
    assert verify_artifact(folder, saved.sha256) == manifest


class Sees:
    """A model that looks about in its folder while it is saved, and then may fail."""

    def __init__(self, root: Path, error: Exception | None = None) -> None:
        self.root = root
        self.error = error
        self.seen: list[Path] = []

    def save_model(self, path: Path) -> None:
        path.write_text("half a mod")
        self.seen = list(self.root.glob("*/[!.]*"))
        if self.error:
            raise self.error


def test_a_folder_is_not_visible_until_it_is_finished(tmp_path: Path) -> None:
    save(tmp_path)
    model = Sees(tmp_path)
    save_artifact(tmp_path, "housing_price", "second", "xgboost", model, SAMPLE)
    assert model.seen == [tmp_path / "housing_price" / "first"]
    assert {path.name for path in (tmp_path / "housing_price").iterdir()} == {"first", "second"}


@pytest.mark.parametrize(
    ("error", "expected"), [(OSError(28, "No space left"), StoreUnavailable), (TypeError("not a model"), TypeError)]
)
def test_a_model_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, error: Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        save_artifact(tmp_path, "housing_price", "first", "xgboost", Sees(tmp_path, error), SAMPLE)
    assert list((tmp_path / "housing_price").iterdir()) == []


def test_an_artifact_never_takes_the_place_of_another(tmp_path: Path) -> None:
    first = save(tmp_path)
    with pytest.raises(StoreUnavailable):
        save(tmp_path, SAMPLE * 2)
    assert read_reference(tmp_path / first.path, first.sha256).equals(SAMPLE)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "housing_price").touch()
    with pytest.raises(StoreUnavailable, match=r"cannot write .*housing_price/first"):
        save(tmp_path)


# What was changed


@pytest.mark.parametrize("name", ["model.skops", REFERENCE])
def test_one_changed_byte_in_a_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    saved = save(tmp_path)
    path = tmp_path / saved.path / name
    content = path.read_bytes()
    for place in (0, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        for read in (load_artifact, read_reference):
            with pytest.raises(ArtifactError, match=f"first: {name} was changed after it was registered"):
                read(tmp_path / saved.path, saved.sha256)
    path.write_bytes(content)
    load_artifact(tmp_path / saved.path, saved.sha256)


@pytest.mark.parametrize("name", ["model.skops", REFERENCE, MANIFEST])
def test_a_missing_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    saved = save(tmp_path)
    (tmp_path / saved.path / name).unlink()
    with pytest.raises(ArtifactError, match=f"first: cannot read .*{name}: No such file"):
        load_artifact(tmp_path / saved.path, saved.sha256)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nothing: cannot read .*manifest\.json"):
        load_artifact(tmp_path / "nothing", "0" * 64)


def test_a_changed_manifest_is_refused_even_if_it_fits_its_files(tmp_path: Path) -> None:
    saved = save(tmp_path)
    folder = tmp_path / saved.path
    (folder / REFERENCE).write_text("rooms\n9.0\n")
    sha256 = hashlib.sha256((folder / REFERENCE).read_bytes()).hexdigest()
    rewrite_manifest(folder, lambda manifest: manifest["files"].update({REFERENCE: sha256}))
    with pytest.raises(ArtifactError, match=r"first: manifest\.json is not the one that was registered"):
        read_reference(folder, saved.sha256)


def test_the_files_of_another_version_are_refused(tmp_path: Path) -> None:
    first, second = save(tmp_path), save(tmp_path, SAMPLE * 2, artifact_id="second")
    shutil.rmtree(tmp_path / first.path)
    (tmp_path / second.path).rename(tmp_path / first.path)
    with pytest.raises(ArtifactError, match="is not the one that was registered"):
        load_artifact(tmp_path / first.path, first.sha256)


@pytest.mark.parametrize("hash_", ["", "0" * 64])
def test_without_the_right_hash_nothing_is_loaded(tmp_path: Path, hash_: str) -> None:
    with pytest.raises(ArtifactError, match="is not the one that was registered"):
        load_artifact(tmp_path / save(tmp_path).path, hash_)


# What made it


def library_version(major: int, minor: int, last: str) -> str:
    """Return a version of scikit-learn that is so many steps from the one that is here."""
    here = [int(part) for part in version("scikit-learn").split(".")[:2]]
    return f"{here[0] + major}.{here[1] + minor}.{last}"


@pytest.mark.parametrize(("major", "minor"), [(0, -1), (0, 1), (-1, 0), (1, 0)])
def test_a_model_of_another_minor_version_of_its_library_is_refused_with_what_to_do(
    tmp_path: Path, major: int, minor: int
) -> None:
    saved, made_by = save(tmp_path), library_version(major, minor, "0")
    sha256 = rewrite_manifest(tmp_path / saved.path, lambda manifest: manifest.update(library_version=made_by))
    with pytest.raises(ArtifactError) as caught:
        load_artifact(tmp_path / saved.path, sha256)
    here = version("scikit-learn")
    assert caught.value.message == (
        f"first was made by scikit-learn {made_by} and may not behave the same under {here}: train anew"
    )


@pytest.mark.parametrize("last", ["0", "99", "99.post1"])
def test_a_model_of_another_patch_of_its_library_is_loaded(tmp_path: Path, last: str) -> None:
    saved, made_by = save(tmp_path), library_version(0, 0, last)
    sha256 = rewrite_manifest(tmp_path / saved.path, lambda manifest: manifest.update(library_version=made_by))
    assert load_artifact(tmp_path / saved.path, sha256).predict(ROOMS).values == pytest.approx([10, 20, 30])


def test_a_reference_sample_can_be_read_whatever_library_made_the_model(tmp_path: Path) -> None:
    saved = save(tmp_path)
    sha256 = rewrite_manifest(tmp_path / saved.path, lambda manifest: manifest.update(library_version="0.1"))
    assert read_reference(tmp_path / saved.path, sha256).equals(SAMPLE)


# The reference sample

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TEXTS = st.one_of(
    st.sampled_from(["", "NA", "null", "None", "nan", "007", "1.0", "True", "a,b", 'say "a"', "\r", "\n", " a "]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
)
ROWS = st.lists(
    st.tuples(FLOATS, st.floats(width=32), st.integers(-(2**63), 2**63 - 1), st.booleans(), TEXTS), max_size=20
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_a_reference_sample_comes_back_to_the_bit(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    types = {"number": "float64", "single": "float32", "count": "int64", "yes": "bool", "category": "str"}
    frame = pd.DataFrame(rows, columns=list(types)).astype(types)
    shutil.rmtree(tmp_path / "housing_price", ignore_errors=True)
    saved = save(tmp_path, frame)
    found = read_reference(tmp_path / saved.path, saved.sha256)
    assert found.dtypes.to_dict() == frame.dtypes.to_dict()
    assert found.equals(frame)
    for name in ("number", "single"):  # -0.0 equals 0.0, and is another number all the same
        assert np.signbit(found[name].dropna()).equals(np.signbit(frame[name].dropna()))


@pytest.mark.parametrize("key", ["format", "library_version", "files", "reference_types"])
def test_a_manifest_of_another_version_of_the_suite_is_refused_with_what_it_lacks(tmp_path: Path, key: str) -> None:
    saved = save(tmp_path)
    sha256 = rewrite_manifest(tmp_path / saved.path, lambda manifest: manifest.pop(key))
    for read in (load_artifact, read_reference):
        with pytest.raises(ArtifactError, match=rf"first: manifest\.json lacks {key}: train anew"):
            read(tmp_path / saved.path, sha256)


def test_a_missing_text_comes_back_missing_and_an_empty_one_empty(tmp_path: Path) -> None:
    frame = pd.DataFrame({"gaps": ["a", None, "NA"], "empty": ["a", "", "b"]}, dtype="str").assign(n=[1.0, None, 2.0])
    saved = save(tmp_path, frame)
    assert read_reference(tmp_path / saved.path, saved.sha256).equals(frame)


def test_a_manifest_from_before_gaps_were_told_apart_is_read(tmp_path: Path) -> None:
    saved = save(tmp_path)
    sha256 = rewrite_manifest(tmp_path / saved.path, lambda manifest: manifest.pop("reference_gaps"))
    assert read_reference(tmp_path / saved.path, sha256).equals(SAMPLE)


# A sample alone


def test_a_reference_sample_alone_is_kept_like_any_other(tmp_path: Path) -> None:
    frame = SAMPLE.assign(sold=pd.array([True, None, False], dtype="boolean"))
    saved = save_reference(tmp_path, "housing_price", "first", frame)
    folder = tmp_path / saved.path
    assert {path.name for path in folder.iterdir()} == {MANIFEST, REFERENCE}
    assert read_reference(folder, saved.sha256).equals(frame)
    (folder / REFERENCE).write_text("rooms\n9.0\n")
    with pytest.raises(ArtifactError, match=f"first: {REFERENCE} was changed after it was registered"):
        read_reference(folder, saved.sha256)


def test_a_reference_sample_alone_has_no_model_to_load(tmp_path: Path) -> None:
    saved = save_reference(tmp_path, "housing_price", "first", SAMPLE)
    with pytest.raises(NotFound, match="first has no files to serve"):
        load_artifact(tmp_path / saved.path, saved.sha256)
