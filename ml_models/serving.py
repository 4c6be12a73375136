"""Serves a prediction: checks the features, asks the champion, logs the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_core.errors import BodyTooLarge, Conflict, FieldError, InvalidInput
from ml_core.prediction_log import PredictionLog
from ml_core.records import Feature, FeatureSpec, Model, ModelVersion, Prediction
from ml_core.registry import Registry
from ml_core.worker.client import Worker

_SHOWN_ERRORS = 100
Row = Mapping[str, Feature]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the champion said: its model and version, and one logged prediction a row."""

    model: str
    version: int
    predictions: Sequence[Prediction]


class Server:
    """Predicts with the champion of any registered model; a version promoted meanwhile is used from then on."""

    def __init__(self, registry: Registry, worker: Worker, log: PredictionLog, batch_rows: int) -> None:
        self.registry = registry
        self.worker = worker
        self.log = log
        self.batch_rows = batch_rows

    def predict(self, model_id: str, rows: Sequence[Row]) -> Answer:
        """Predict for one or more rows of named features.

        Raises ``ModelNotFound``, ``Conflict`` if no version was promoted yet, ``InvalidInput`` that names each wrong
        feature, ``BodyTooLarge`` for more rows than the setting ``limits.batch_rows``, ``ArtifactError`` and
        ``WorkerUnavailable``. Unless it returns, nothing is logged.
        """
        model = self.registry.find(model_id)
        version = served_version(self.registry, model)
        if len(rows) > self.batch_rows:
            raise BodyTooLarge(f"{len(rows)} rows came at once; at most {self.batch_rows} are taken")
        check_features(version, rows)
        columns = [feature.name for feature in version.features]
        outputs = self.worker.predict(
            self.registry.artifact_folder(version),
            version.artifact_sha256 or "",
            columns,
            [[row[column] for column in columns] for row in rows],
        )
        return Answer(model.name, version.number, self.log.record(model.name, version.number, rows, outputs))


def served_version(registry: Registry, model: Model) -> ModelVersion:
    """Return the champion of a model; raise ``Conflict`` if no version was promoted yet."""
    version = registry.champion(model)
    if version is None:
        raise Conflict(f"model {model.name!r} has no champion yet; promote one of its versions")
    return version


def check_features(version: ModelVersion, rows: Sequence[Row]) -> None:
    """Raise ``InvalidInput`` that names every missing, unknown or wrong feature of every row (the first hundred)."""
    errors: list[FieldError] = []
    expected = {feature.name: feature for feature in version.features}
    for index, row in enumerate(rows):
        where = f"features[{index}]" if len(rows) > 1 else "features"
        for name, spec in expected.items():
            message = _wrong(spec, row[name]) if name in row else f"missing; expected a {spec.kind}"
            if message:
                errors.append(FieldError(f"{where}.{name}", message))
        errors += [
            FieldError(f"{where}.{name}", f"not a feature of this model; expected {', '.join(expected)}")
            for name in row
            if name not in expected
        ]
        if len(errors) >= _SHOWN_ERRORS:
            break
    if errors:
        fields = ", ".join(dict.fromkeys(error.field for error in errors[:5]))
        raise InvalidInput(f"the features do not fit version {version.number}: {fields}", errors[:_SHOWN_ERRORS])


def _wrong(spec: FeatureSpec, value: Feature) -> str | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if spec.kind == "number":
        return None if is_number else "expected a number"
    return None if isinstance(value, str) else "expected a category (text)"
