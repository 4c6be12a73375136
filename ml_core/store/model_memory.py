"""What a database last said of models and their versions, on disk, so that they are served while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from pydantic import TypeAdapter, ValidationError

from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble, replace_file
from ml_core.records import Model, ModelVersion

log = logging.getLogger(__name__)


@dataclass
class _Answers:
    models: dict[str, Model] = field(default_factory=dict)
    all_models: bool = False
    versions: dict[str, dict[int, ModelVersion]] = field(default_factory=dict)
    all_versions: dict[str, bool] = field(default_factory=dict)


_ANSWERS = TypeAdapter(_Answers)


class ModelMemory:
    """The last answers, shared by all processes by the file ``path``; ``locked`` keeps others from writing to it.

    A question that nobody has asked before is not answered: what a method returns is what the database last said.
    """

    def __init__(self, path: Path, locked: Callable[[], AbstractContextManager[None]]) -> None:
        self._path = path
        self._locked = locked
        self._guard = RLock()
        self._seen: tuple[int, int, int] | None = None
        self._known = _Answers()

    def learn_model(self, name: str, model: Model | None) -> None:
        """Remember the model of this name, or that there is none."""
        if model is not None:
            self._learn(lambda known: known.models.get(name) != model, lambda known: known.models.update({name: model}))

    def learn_models(self, models: Iterable[Model]) -> None:
        """Remember these to be all models."""
        found = {model.name: model for model in models}

        def learn(known: _Answers) -> None:
            known.models, known.all_models = dict(found), True

        self._learn(lambda known: known.models != found or not known.all_models, learn)

    def learn_versions(self, model: str, versions: Iterable[ModelVersion]) -> None:
        """Remember these to be all versions of a model."""
        found = {version.number: version for version in versions}

        def learn(known: _Answers) -> None:
            known.versions[model], known.all_versions[model] = dict(found), True

        self._learn(lambda known: known.versions.get(model) != found or not known.all_versions.get(model), learn)

    def learn_version(self, version: ModelVersion | None) -> None:
        """Remember one version, or that there is none."""
        if version is not None:
            self._learn(
                lambda known: known.versions.get(version.model, {}).get(version.number) != version,
                lambda known: known.versions.setdefault(version.model, {}).update({version.number: version}),
            )

    def model(self, name: str) -> Model | None:
        """Return the model of this name; None for the seed id of a known model; raise ``LookupError`` if not known."""
        known = self._latest()
        if name in known.models:
            return known.models[name]
        if known.all_models and any(model.seed_id == name for model in known.models.values()):
            return None
        raise LookupError(name)

    def models(self) -> list[Model]:
        """Return all models, by name; raise ``LookupError`` if not known."""
        known = self._latest()
        if not known.all_models:
            raise LookupError
        return sorted(known.models.values(), key=lambda model: model.name)

    def versions(self, model: str) -> list[ModelVersion]:
        """Return all versions of a model, oldest first; raise ``LookupError`` if not known."""
        known = self._latest()
        if not known.all_versions.get(model):
            raise LookupError(model)
        return sorted(known.versions[model].values(), key=lambda version: version.number)

    def version(self, model: str, number: int) -> ModelVersion:
        """Return one version; raise ``LookupError`` if not known."""
        return self._latest().versions[model][number]

    def _learn(self, is_new: Callable[[_Answers], bool], learn: Callable[[_Answers], None]) -> None:
        with self._guard:
            if not is_new(self._latest()):
                return
            learn(self._known)
            try:
                with self._locked():  # read again inside: other processes learn other things
                    learn(self._latest())
                    replace_file(self._path, _ANSWERS.dump_json(self._known))
                    self._seen = self._state()
            except OSError as error:
                log.warning("%s", file_trouble("write", self._path, error, "ML_SPOOL__FOLDER").message)
            except StoreUnavailable as error:
                log.warning("what the database says of models is not remembered: %s", error.message)

    def _latest(self) -> _Answers:
        with self._guard:
            try:
                state = self._state()
                if state is not None and state != self._seen:
                    self._known, self._seen = _ANSWERS.validate_json(self._path.read_bytes()), state
            except (OSError, ValidationError) as error:
                log.warning("%s cannot be read: %s", self._path, error)
            return self._known

    def _state(self) -> tuple[int, int, int] | None:
        if not self._path.exists():
            return None
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
