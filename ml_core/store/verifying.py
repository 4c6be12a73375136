"""Checks all that an installation keeps: the store by its own means, and the files of every registered version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ml_core.artifacts.folders import verify_artifact
from ml_core.errors import ArtifactError, StoreUnavailable
from ml_core.records import Findings, ModelVersion, Problem
from ml_core.store.base import Store
from ml_core.store.progress import Progress


def verify_all(store: Store, artifacts: Path, progress: Progress) -> Findings:
    """Return what is wrong in ``store`` and with the artifacts of its versions in the folder ``artifacts``."""
    findings = store.verify(progress)
    try:
        versions = [version for model in store.list_models() for version in store.list_versions(model.name)]
    except StoreUnavailable as error:
        unread = Problem("artifacts", f"not checked, since the versions cannot be read: {error.message}")
        return replace(findings, problems=(*findings.problems, unread))
    return replace(findings, problems=(*findings.problems, *_artifact_problems(versions, artifacts, progress)))


def _artifact_problems(versions: list[ModelVersion], artifacts: Path, progress: Progress) -> Iterator[Problem]:
    for done, version in enumerate(versions, start=1):
        if version.artifact is not None:
            try:
                verify_artifact(artifacts / version.artifact, version.artifact_sha256 or "")
            except ArtifactError as error:
                yield Problem(f"version {version.number} of model {version.model!r}", error.message)
        progress("artifacts", done, len(versions))
