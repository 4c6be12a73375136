"""Models and versions of the embedded store, as documents."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tinydb import Query

from ml_core.clock import format_time, parse_time
from ml_core.errors import ModelNotFound
from ml_core.records import FeatureSpec, Model, ModelVersion, StageChange
from ml_core.store.json_documents import DocumentFile, damaged

_WRONG_CONTENT = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what building a record from it raises


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
            kept = self._model(found)
            changed = replace(model, created_time=kept.created_time, stage_changes=kept.stage_changes)
            models.update(_model_document(changed), Query().name == model.name)
            return False

    def get_model(self, name: str) -> Model | None:
        found = next((document for document in self._models.read() if document.get("name") == name), None)
        return None if found is None else self._model(found)

    def list_models(self) -> list[Model]:
        return sorted(map(self._model, self._models.read()), key=lambda model: model.name)

    def change_stage(self, name: str, change: StageChange) -> bool:
        with self._models.transaction() as models:
            found = models.get(Query().name == name)
            if found is None:
                raise ModelNotFound(name)
            model = self._model(found)
            if model.champion != change.previous:
                return False  # another process was first
            changed = model.with_change(change)
            models.update({"stage_changes": _model_document(changed)["stage_changes"]}, Query().name == name)
            return True

    def add_version(self, version: ModelVersion) -> ModelVersion:
        if self.get_model(version.model) is None:  # models are never taken away, so this stays true
            raise ModelNotFound(version.model)
        with self._versions.transaction() as versions:
            others = map(self._version, versions.search(Query().model == version.model))
            numbered = replace(version, number=max((other.number for other in others), default=0) + 1)
            versions.insert({**asdict(numbered), "created_time": format_time(numbered.created_time)})
            return numbered

    def list_versions(self, model: str) -> list[ModelVersion]:
        found = (document for document in self._versions.read() if document.get("model") == model)
        return sorted(map(self._version, found), key=lambda version: version.number)

    def get_version(self, model: str, number: int) -> ModelVersion | None:
        return next((version for version in self.list_versions(model) if version.number == number), None)

    def _model(self, document: Mapping[str, Any]) -> Model:
        try:
            model = _model(document)
            model.champions()  # the changes must follow from each other
            return model
        except _WRONG_CONTENT:
            raise damaged(self._models.path, "not a model") from None

    def _version(self, document: Mapping[str, Any]) -> ModelVersion:
        try:
            return _version({**document, "number": operator.index(document["number"])})
        except _WRONG_CONTENT:
            raise damaged(self._versions.path, "not a version") from None


def _model_document(model: Model) -> dict[str, Any]:
    changes = [{**asdict(change), "time": format_time(change.time)} for change in model.stage_changes]
    return {**asdict(model), "created_time": format_time(model.created_time), "stage_changes": changes}


def _model(document: Mapping[str, Any]) -> Model:
    changes = (StageChange(**{**change, "time": parse_time(change["time"])}) for change in document["stage_changes"])
    return Model(**{**document, "created_time": parse_time(document["created_time"]), "stage_changes": tuple(changes)})


def _version(document: Mapping[str, Any]) -> ModelVersion:
    features = tuple(FeatureSpec(**feature) for feature in document["features"])
    return ModelVersion(**{**document, "created_time": parse_time(document["created_time"]), "features": features})
