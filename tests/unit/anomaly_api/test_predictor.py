"""The champion in memory: loaded when needed, changed whole, proven, and replaced by scikit-learn if it is wrong."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI

from anomaly_api.champion import WorkerScorer
from anomaly_api.predictor import Predictor
from anomaly_api.train import run
from ml_core.errors import ArtifactError
from ml_core.records import ModelVersion
from ml_core.registry import Registry
from tests.unit.anomaly_api.conftest import a_table


def champion_of(registry: Registry) -> ModelVersion:
    version = registry.champion(registry.find("anomaly_detector"))
    assert version is not None
    return version


def retrain(registry: Registry, folder: Path, contamination: float | str = "auto") -> ModelVersion:
    a_table(300, seed=2).to_csv(folder / "other.csv", index=False)
    return run(registry, folder / "other.csv", contamination)


def register_anew(registry: Registry, change: Callable[[Path], None], **manifest_changes: object) -> ModelVersion:
    """Change files of the champion's artifact, and register what came out as a version whose hashes are right."""
    version = champion_of(registry)
    folder = registry.artifact_folder(version)
    change(folder)
    manifest = orjson.loads((folder / "manifest.json").read_bytes()) | manifest_changes
    manifest["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]}
    content = orjson.dumps(manifest)
    (folder / "manifest.json").write_bytes(content)
    added = registry.store.add_version(replace(version, number=0, artifact_sha256=hashlib.sha256(content).hexdigest()))
    registry.promote(registry.find(version.model), added.number)
    return added


def spoil_probes(folder: Path) -> None:
    with np.load(folder / "scorer.npz") as file:
        arrays = {name: file[name] for name in file.files}
    arrays["probe_scores"] = arrays["probe_scores"] - 1e-12
    np.savez(folder / "scorer.npz", **arrays)


def test_a_new_champion_takes_its_place_at_the_next_look(
    predictor: Predictor, registry: Registry, tmp_path: Path, client: FlaskClient
) -> None:
    old = predictor.champion()
    retrain(registry, tmp_path)
    assert predictor.champion() is old
    predictor.refresh()
    assert predictor.champion().version == 2
    assert client.get("/model_information").get_json()["contamination"] == "auto"
    # Who began with the old one ends with it.
    assert predictor.predict(old, [1.0, 2.0]).score == old.scorer.score([1.0, 2.0])


def test_a_roll_back_is_followed_too(predictor: Predictor, registry: Registry, tmp_path: Path) -> None:
    retrain(registry, tmp_path)
    predictor.refresh()
    registry.roll_back(registry.find("anomaly_detector"))
    predictor.refresh()
    assert predictor.champion().version == 1


def test_looking_again_at_the_same_champion_loads_nothing(predictor: Predictor) -> None:
    before = predictor.champion()
    predictor.refresh()
    assert predictor.champion() is before


def test_a_running_watch_takes_a_new_champion(predictor: Predictor, registry: Registry, tmp_path: Path) -> None:
    from tests.processes import eventually

    predictor.champion()
    predictor.watch()
    retrain(registry, tmp_path)
    eventually(lambda: predictor.champion().version == 2)


def test_a_champion_with_other_columns_changes_what_a_row_must_be(
    predictor: Predictor, registry: Registry, tmp_path: Path, client: FlaskClient
) -> None:
    assert client.post("/prediction", json={"feature_vector": [1, 2]}).status_code == 200
    a_table(200).assign(third=np.arange(200) % 7).to_csv(tmp_path / "three.csv", index=False)
    run(registry, tmp_path / "three.csv")
    predictor.refresh()
    answer = client.post("/prediction", json={"feature_vector": [1, 2]})
    assert answer.get_json()["detail"][0]["msg"] == "expected 3 numbers (mean, sd, third), not 2"
    assert client.post("/prediction", json={"feature_vector": [1, 2, 3]}).status_code == 200


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before(
    predictor: Predictor, registry: Registry, tmp_path: Path, client: FlaskClient
) -> None:
    predictor.champion()
    version = retrain(registry, tmp_path)
    (registry.artifact_folder(version) / "scorer.npz").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"scorer\.npz was changed"):
        predictor.refresh()
    assert predictor.champion().version == 1
    (notice,) = client.get("/readyz").get_json()["notices"]
    assert notice.startswith("version 2 of anomaly_detector cannot be served: ")


def test_a_first_champion_that_cannot_be_loaded_is_told(
    registry: Registry, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    (registry.artifact_folder(champion_of(registry)) / "manifest.json").unlink()
    answer = client.post("/prediction", json={"feature_vector": [1, 2]})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "artifact_error")
    assert client.get("/readyz").status_code == 503


def test_files_of_another_kind_of_model_are_refused(registry: Registry, predictor: Predictor) -> None:
    def empty(folder: Path) -> None:
        np.savez(folder / "scorer.npz", roots=np.zeros(1))

    register_anew(registry, empty)
    with pytest.raises(ArtifactError, match=r"is no detector's: .*train anew"):
        predictor.champion()


def test_a_scorer_that_differs_is_replaced_by_scikit_learn_which_logs_and_readyz_say(
    registry: Registry, predictor: Predictor, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    right = client.post("/prediction", json={"feature_vector": [150, 60], "score": True}).get_json()
    register_anew(registry, spoil_probes)
    with caplog.at_level(logging.ERROR):
        predictor.refresh()
    assert isinstance(predictor.champion().scorer, WorkerScorer)
    answer = client.post("/prediction", json={"feature_vector": [150, 60], "score": True}).get_json()
    assert answer["anomaly_score"] == right["anomaly_score"]
    many = client.post("/predictions", json={"feature_vectors": [[150, 60], [1e40, 1]], "score": True}).get_json()
    assert many["anomaly_score"][0] == right["anomaly_score"]
    (notice,) = client.get("/readyz").get_json()["notices"]
    assert "version 2 of anomaly_detector is scored by scikit-learn, slowly" in notice
    assert "the threshold grid differs from scikit-learn on rows together" in notice
    assert notice in caplog.text


def test_a_scorer_outlives_the_scikit_learn_that_made_it(
    registry: Registry, predictor: Predictor, client: FlaskClient
) -> None:
    register_anew(registry, lambda folder: None, library_version="1.0.1")
    assert client.post("/prediction", json={"feature_vector": [150, 60]}).status_code == 200
    assert predictor.champion().version == 2


def test_without_its_scorer_a_model_of_another_scikit_learn_is_refused_with_what_to_do(
    registry: Registry, client: FlaskClient
) -> None:
    register_anew(registry, spoil_probes, library_version="1.0.1")
    answer = client.post("/prediction", json={"feature_vector": [150, 60]})
    assert answer.status_code == 503
    message = answer.get_json()["error"]["message"]
    assert "was made by scikit-learn 1.0.1 and may not behave the same under" in message
    assert message.endswith("train anew")


def test_an_app_without_requests_has_no_threads(make_app: Callable[..., OpenAPI]) -> None:
    import threading

    before = threading.active_count()
    make_app()
    assert threading.active_count() == before
