"""The check of a whole installation: the store, and the files of every version."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from ml_core.store.verifying import verify_all
from tests.factories import a_model, a_version

FEATURES = (FeatureSpec("rooms", "number"),)


@pytest.fixture
def artifact(registry: Registry) -> Path:
    """The folder of a registered version's files, as they were saved."""
    from sklearn.linear_model import LinearRegression

    rows = pd.DataFrame({"rooms": [1.0, 2.0, 3.0]})
    trained = LinearRegression().fit(rows, [1.0, 2.0, 3.0])
    registry.add_model(a_model())
    version = registry.add_version(
        registry.find("housing_price"),
        trained,
        "skops",
        metrics={},
        features=FEATURES,
        parameters={},
        lineage={},
        reference=rows,
    )
    return registry.artifact_folder(version)


def problems(registry: Registry) -> list[tuple[str, str]]:
    findings = verify_all(registry.store, registry.artifacts_root, no_progress)
    return [(problem.where, problem.found) for problem in findings.problems]


def test_files_that_are_as_they_were_registered_are_no_problem(registry: Registry, artifact: Path) -> None:
    registry.store.add_version(a_version(artifact=None, artifact_sha256=None))  # served elsewhere: it has no files
    assert problems(registry) == []


@pytest.mark.parametrize("name", ["manifest.json", "reference.csv"])
def test_a_changed_file_is_named_with_its_version(registry: Registry, artifact: Path, name: str) -> None:
    (artifact / name).write_bytes((artifact / name).read_bytes() + b" ")
    ((where, found),) = problems(registry)
    assert where == "version 1 of model 'housing_price'"
    assert name in found


def test_files_that_are_gone_are_named_and_the_other_versions_are_looked_at(registry: Registry, artifact: Path) -> None:
    for number in range(2):
        registry.store.add_version(a_version(artifact=f"housing_price/gone-{number}"))
    found = problems(registry)
    assert [where for where, _ in found] == [f"version {number} of model 'housing_price'" for number in (2, 3)]
    assert "cannot read" in found[0][1]


def test_what_the_store_finds_comes_first_and_versions_that_cannot_be_read_are_told(
    registry: Registry, artifact: Path, json_store: JsonStore
) -> None:
    path = json_store.folder / "documents" / "model_versions.json"
    path.write_bytes(path.read_bytes().replace(b"rooms", b"booms"))
    (first, _), (second, found) = problems(registry)
    assert (first, second) == (str(path), "artifacts")
    assert found.startswith("not checked, since the versions cannot be read: ")


def test_a_folder_that_is_gone_is_a_problem(registry: Registry, json_store: JsonStore) -> None:
    (json_store.folder / "documents").rename(json_store.folder / "moved")
    assert [where for where, _ in problems(registry)] == [str(json_store.folder / "documents"), "artifacts"]
