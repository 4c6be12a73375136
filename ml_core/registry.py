"""The model registry: models, their versions with files, and which version is the champion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.artifacts.folders import save_artifact, save_reference
from ml_core.clock import Clock
from ml_core.errors import Conflict, FieldError, InvalidInput, ModelNotFound, NotFound, VersionNotFound
from ml_core.ids import new_id
from ml_core.records import FeatureSpec, Model, ModelVersion, StageAction, StageChange
from ml_core.store.base import Store


class Registry:
    """Names models and moves their versions between the stages challenger, champion and archived.

    Every change of a champion is conditional on the champion that was read before it, so that of two processes that
    promote at once one gets a ``Conflict``.
    """

    def __init__(self, store: Store, artifacts_root: Path, clock: Clock) -> None:
        self.store = store
        self.artifacts_root = artifacts_root
        self.clock = clock

    def add_model(self, model: Model) -> bool:
        """Register a model, or update its title and task; True if it is new.

        Raises ``Conflict`` if its name or seed id is how another model is already known.
        """
        for other in self.store.list_models():
            if other.name != model.name and {other.name, other.seed_id} & {model.name, model.seed_id} - {None}:
                raise Conflict(f"{model.name!r} cannot be registered: model {other.name!r} is known by the same id")
        return self.store.put_model(model)

    def find(self, model_id: str) -> Model:
        """Return the model with this name or seed id; raise ``ModelNotFound``."""
        by_name = self.store.get_model(model_id)
        if by_name is not None:
            return by_name
        for model in self.store.list_models():
            if model.seed_id == model_id:
                return model
        raise ModelNotFound(model_id)

    def add_version(
        self,
        model: Model,
        trained: Any,
        format_name: str,
        *,
        metrics: Mapping[str, Any],
        features: tuple[FeatureSpec, ...],
        parameters: Mapping[str, Any],
        lineage: Mapping[str, Any],
        reference: pd.DataFrame,
    ) -> ModelVersion:
        """Save a trained model with its reference sample and register it as a challenger.

        The files come first: a version in the store always has them. Should the process end between the two, a folder
        is left that nothing refers to.
        """
        now = self.clock.now()
        saved = save_artifact(self.artifacts_root, model.name, new_id(now), format_name, trained, reference)
        return self.store.add_version(
            ModelVersion(
                model=model.name,
                created_time=now,
                metrics=metrics,
                features=features,
                parameters=parameters,
                lineage=lineage,
                artifact=saved.path,
                artifact_sha256=saved.sha256,
                reference_rows=len(reference),
            )
        )

    def add_reference(
        self, model: Model, reference: pd.DataFrame, *, features: tuple[FeatureSpec, ...], lineage: Mapping[str, Any]
    ) -> ModelVersion:
        """Save the reference sample of a model that is served elsewhere and register it as a challenger.

        It is a version like any other, except that there is nothing to serve.
        """
        now = self.clock.now()
        saved = save_reference(self.artifacts_root, model.name, new_id(now), reference)
        return self.store.add_version(
            ModelVersion(
                model=model.name,
                created_time=now,
                features=features,
                lineage=lineage,
                artifact=saved.path,
                artifact_sha256=saved.sha256,
                reference_rows=len(reference),
            )
        )

    def version(self, model: Model, number: int) -> ModelVersion:
        """Return one version; raise ``VersionNotFound``."""
        version = self.store.get_version(model.name, number)
        if version is None:
            raise VersionNotFound(model.name, number)
        return version

    def champion(self, model: Model) -> ModelVersion | None:
        """Return the version that is served, or None if none was promoted yet."""
        return None if model.champion is None else self.store.get_version(model.name, model.champion)

    def artifact_folder(self, version: ModelVersion) -> Path:
        """Return where a version's files lie; raise ``NotFound`` for a version that has none (served elsewhere)."""
        if version.artifact is None:
            raise NotFound(f"version {version.number} of model {version.model!r} has no files here")
        return self.artifacts_root / version.artifact

    def promote(self, model: Model, number: int) -> Model:
        """Make a version the champion; return the model as it then is.

        Promoting the champion changes nothing. Raises ``VersionNotFound``, and ``Conflict`` if another process changed
        the champion since ``model`` was read.
        """
        self.version(model, number)
        if model.champion == number:
            return model
        return self._change(model, "promote", number)

    def roll_back(self, model: Model) -> Model:
        """Make the version promoted before the champion the champion again; return the model as it then is.

        Raises ``InvalidInput`` if there is none, and ``Conflict`` as ``promote`` does.
        """
        champions = model.champions()
        if len(champions) < 2:
            message = f"model {model.name!r} has no earlier champion to go back to"
            raise InvalidInput(message, [FieldError("model", message)])
        return self._change(model, "roll_back", champions[-2])

    def _change(self, model: Model, action: StageAction, number: int) -> Model:
        change = StageChange(self.clock.now(), action, number, model.champion)
        try:
            changed = self.store.change_stage(model.name, change)
        except ValueError:  # the champion is the same again, but another one was promoted before it
            changed = False
        if not changed:
            raise Conflict(f"the champion of model {model.name!r} was changed meanwhile; look again and decide anew")
        return model.with_change(change)
