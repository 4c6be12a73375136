"""Artifacts on disk: ``<root>/<model>/<id>/`` with the model's file, its reference sample and a manifest.

Of a model that is served elsewhere there is the sample alone.

The manifest holds the SHA-256 of every file; the store holds that of the manifest. What was changed after it was
registered is not loaded.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from ml_core.artifacts.formats import Predictor, get_format
from ml_core.errors import ArtifactError, NotFound
from ml_core.files import file_trouble, sync_folder

MANIFEST = "manifest.json"
REFERENCE = "reference.csv"
_TEXTS = ("str", "object")
_KEYS = frozenset({"format", "library", "library_version", "files", "reference_types"})


@dataclass(frozen=True, slots=True)
class SavedArtifact:
    """Where an artifact lies below the root, and the hash of its manifest."""

    path: str
    sha256: str


def save_artifact(
    root: Path, model: str, artifact_id: str, format_name: str, trained: Any, reference: pd.DataFrame
) -> SavedArtifact:
    """Write a trained model with its reference sample; the folder appears whole or not at all.

    Raises ``StoreUnavailable`` if the folder cannot be written.
    """
    kind = get_format(format_name)
    made_by = {"format": format_name, "library": kind.LIBRARY, "library_version": version(kind.LIBRARY)}
    return _save(root, model, artifact_id, made_by, reference, lambda folder: kind.save(trained, folder / kind.FILE))


def save_reference(root: Path, model: str, artifact_id: str, reference: pd.DataFrame) -> SavedArtifact:
    """Write the reference sample of a model that is served elsewhere, as ``save_artifact`` does, without a model."""
    made_by = {"format": None, "library": None, "library_version": None}
    return _save(root, model, artifact_id, made_by, reference, lambda folder: None)


def _save(
    root: Path,
    model: str,
    artifact_id: str,
    made_by: Mapping[str, str | None],
    reference: pd.DataFrame,
    save_model: Callable[[Path], None],
) -> SavedArtifact:
    final = root / model / artifact_id
    unfinished = root / model / f".{artifact_id}.unfinished"
    try:
        unfinished.mkdir(parents=True)
        save_model(unfinished)
        reference.to_csv(unfinished / REFERENCE, index=False, quoting=csv.QUOTE_NONNUMERIC)
        manifest = {
            **made_by,
            "reference_types": {name: str(dtype) for name, dtype in reference.dtypes.items()},
            "reference_gaps": _texts_with_gaps(reference),
            "files": {path.name: _sha256(path) for path in sorted(unfinished.iterdir())},
        }
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        (unfinished / MANIFEST).write_bytes(content)
        _sync(unfinished)
        unfinished.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise file_trouble("write", final, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # nothing is there if it became the final folder
    return SavedArtifact(f"{model}/{artifact_id}", hashlib.sha256(content).hexdigest())


def _texts_with_gaps(reference: pd.DataFrame) -> list[str]:
    """Return the columns of texts in whose cells nothing stands for a missing text, not for an empty one."""
    texts = [name for name, dtype in reference.dtypes.items() if str(dtype) in _TEXTS]
    return [str(name) for name in texts if reference[name].isna().any() and not (reference[name] == "").any()]


def load_artifact(folder: Path, sha256: str) -> Predictor:
    """Return the model in ``folder``, whose manifest must have the hash ``sha256``.

    Raises ``ArtifactError``, and ``NotFound`` if a reference sample alone was saved.
    """
    manifest = verify_artifact(folder, sha256)
    if manifest["format"] is None:
        raise NotFound(f"{folder.name} has no files to serve: its model is served elsewhere")
    kind = get_format(manifest["format"])
    made_by, here = manifest["library_version"], version(kind.LIBRARY)
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise ArtifactError(
            f"{folder.name} was made by {kind.LIBRARY} {made_by} and may not behave the same under {here}: train anew"
        )
    return kind.load(folder / kind.FILE)


def read_reference(folder: Path, sha256: str) -> pd.DataFrame:
    """Return the reference sample that was saved with a model, to the bit; raise ``ArtifactError``."""
    manifest = verify_artifact(folder, sha256)
    gaps = manifest.get("reference_gaps", ())  # manifests from before they were told apart lack it
    missing = {name: [""] for name, kind in manifest["reference_types"].items() if kind not in _TEXTS or name in gaps}
    return pd.read_csv(
        folder / REFERENCE,
        dtype=manifest["reference_types"],
        keep_default_na=False,  # a category may be called "NA" or "null"
        na_values=missing,
    )


def verify_artifact(folder: Path, sha256: str) -> Mapping[str, Any]:
    """Return the manifest if it and all files are as they were saved; raise ``ArtifactError`` that names the one.

    A manifest that lacks a key was written by another version of the suite, and is refused too.
    """
    manifest = read_manifest(folder, sha256)
    try:
        for name, expected in manifest["files"].items():
            if _sha256(folder / name) != expected:
                raise ArtifactError(f"{folder.name}: {name} was changed after it was registered")
    except OSError as error:
        raise _cannot_read(folder, error) from error
    return manifest


def read_manifest(folder: Path, sha256: str) -> Mapping[str, Any]:
    """Return the manifest if it is as it was saved, without a look at the other files; raise ``ArtifactError``."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise _cannot_read(folder, error) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{folder.name}: {MANIFEST} is not the one that was registered")
    manifest: dict[str, Any] = orjson.loads(content)
    if missing := _KEYS - manifest.keys():
        raise ArtifactError(f"{folder.name}: {MANIFEST} lacks {', '.join(sorted(missing))}: train anew")
    return manifest


def _cannot_read(folder: Path, error: OSError) -> ArtifactError:
    return ArtifactError(f"{folder.name}: cannot read {error.filename}: {error.strerror}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
