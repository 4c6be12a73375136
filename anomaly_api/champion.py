"""One version of the detector, loaded whole: what answers a request from its first line to its last."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ml_core.artifacts.folders import read_reference, verify_artifact
from ml_core.detectors.base import Floats, Scorer
from ml_core.detectors.explanation import Explainer
from ml_core.detectors.forest import Forest
from ml_core.detectors.isolation_forest import load_scorer
from ml_core.errors import ArtifactError
from ml_core.records import ModelVersion
from ml_core.registry import Registry
from ml_core.worker.client import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)  # without slots, for what is made when it is first asked for
class Champion:
    """A version that is served. ``offset`` is the score below which a row is an anomaly."""

    model: str
    version: int
    names: tuple[str, ...]
    parameters: Mapping[str, Any]
    offset: float
    scorer: Scorer
    forest: Forest
    folder: Path
    sha256: str
    notices: Sequence[str] = ()

    @cached_property
    def explainer(self) -> Explainer:
        """What explains its scores, made when it is first asked for."""
        return Explainer(self.forest)

    @cached_property
    def normal_rows(self) -> Floats:
        """The rows of its reference sample that it takes for inliers; raise ``ArtifactError``."""
        reference = read_reference(self.folder, self.sha256)
        normal = reference[reference["value"] > 0]
        return normal[list(self.names)].to_numpy(dtype=np.float64)


@dataclass(frozen=True, slots=True)
class WorkerScorer:
    """scikit-learn itself, in the worker process: slow, and right by definition."""

    worker: Worker
    folder: Path
    sha256: str
    names: tuple[str, ...]

    def score(self, vector: Sequence[float]) -> float:
        """Return the score of one row."""
        return float(self.scores(np.array([vector], dtype=np.float64))[0])

    def scores(self, rows: Floats) -> Floats:
        """Return the scores of ``rows``; raise ``ArtifactError`` or ``WorkerUnavailable``."""
        outputs = self.worker.predict(self.folder, self.sha256, self.names, rows.tolist())
        return np.array(outputs.scores, dtype=np.float64)


def load_champion(registry: Registry, worker: Worker, version: ModelVersion) -> Champion:
    """Load a version and prove its scorer; raise ``ArtifactError`` if its files cannot be used.

    A scorer that does not give what scikit-learn gave when the model was trained is not used: the worker answers in its
    place, which the log and the champion's notices say.
    """
    folder = registry.artifact_folder(version)
    sha256 = version.artifact_sha256 or ""
    manifest = verify_artifact(folder, sha256)
    names = tuple(feature.name for feature in version.features)
    try:
        loaded, differences = load_scorer(folder)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{folder.name} is no detector's: {error}; train anew") from error
    notices = []
    scorer: Scorer = loaded.fastest
    if differences:
        scorer = WorkerScorer(worker, folder, sha256, names)
        made_by = f"{manifest['library']} {manifest['library_version']}"
        notices.append(
            f"version {version.number} of {version.model} is scored by scikit-learn, slowly: {'; '.join(differences)} "
            f"(trained by {made_by}); train anew"
        )
        log.error(notices[-1])
    return Champion(
        version.model,
        version.number,
        names,
        version.parameters,
        loaded.offset,
        scorer,
        loaded.forest,
        folder,
        sha256,
        tuple(notices),
    )
