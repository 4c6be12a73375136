"""Models and versions of the embedded store, as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tinydb import Query

from ml_core.clock import format_time, parse_time
from ml_core.errors import ModelNotFound
from ml_core.records import FeatureSpec, Model, ModelVersion, StageChange
from ml_core.store.json_documents import DocumentFile


class JsonModels:
    """The files ``models.json`` and ``model_versions.json`` of one folder."""

    def __init__(self, folder: Path) -> None:
        self._models = DocumentFile(folder / "models.json")
        self._versions = DocumentFile(folder / "model_versions.json")

    def put_model(self, model: Model) -> bool:
        with self._models.transaction() as models:
            found = models.get(Query().name == model.name)
            if found is None:
                models.insert(_model_document(model))
                return True
            kept = _model(found)
            changed = replace(model, created_time=kept.created_time, stage_changes=kept.stage_changes)
            models.update(_model_document(changed), Query().name == model.name)
            return False

    def get_model(self, name: str) -> Model | None:
        return next((_model(document) for document in self._models.read() if document["name"] == name), None)

    def list_models(self) -> list[Model]:
        return sorted((_model(document) for document in self._models.read()), key=lambda model: model.name)

    def change_stage(self, name: str, change: StageChange) -> bool:
        with self._models.transaction() as models:
            found = models.get(Query().name == name)
            if found is None:
                raise ModelNotFound(name)
            model = _model(found)
            if model.champion != change.previous:
                return False  # another process was first
            changed = model.with_change(change)
            models.update({"stage_changes": _model_document(changed)["stage_changes"]}, Query().name == name)
            return True

    def add_version(self, version: ModelVersion) -> ModelVersion:
        if self.get_model(version.model) is None:  # models are never taken away, so this stays true
            raise ModelNotFound(version.model)
        with self._versions.transaction() as versions:
            numbers = [document["number"] for document in versions.search(Query().model == version.model)]
            numbered = replace(version, number=max(numbers, default=0) + 1)
            versions.insert({**asdict(numbered), "created_time": format_time(numbered.created_time)})
            return numbered

    def list_versions(self, model: str) -> list[ModelVersion]:
        found = [_version(document) for document in self._versions.read() if document["model"] == model]
        return sorted(found, key=lambda version: version.number)

    def get_version(self, model: str, number: int) -> ModelVersion | None:
        return next((version for version in self.list_versions(model) if version.number == number), None)


def _model_document(model: Model) -> dict[str, Any]:
    changes = [{**asdict(change), "time": format_time(change.time)} for change in model.stage_changes]
    return {**asdict(model), "created_time": format_time(model.created_time), "stage_changes": changes}


def _model(document: Mapping[str, Any]) -> Model:
    changes = (StageChange(**{**change, "time": parse_time(change["time"])}) for change in document["stage_changes"])
    return Model(**{**document, "created_time": parse_time(document["created_time"]), "stage_changes": tuple(changes)})


def _version(document: Mapping[str, Any]) -> ModelVersion:
    features = tuple(FeatureSpec(**feature) for feature in document["features"])
    return ModelVersion(**{**document, "created_time": parse_time(document["created_time"]), "features": features})
