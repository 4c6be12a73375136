"""Takes over what the first systems kept: the models of a ``db.json``, the forecast of a ``predictions.json``.

A file is read and judged whole before anything is stored, and what was imported before is not imported again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import orjson

from ml_core.clock import as_utc
from ml_core.errors import Conflict, InvalidInput
from ml_core.files import file_trouble
from ml_core.records import MODEL_NAME, Forecast, ForecastStep, Model, ModelVersion, StageChange, Task
from ml_core.store.base import Store

# The first system named these by their titles alone; this suite trains them under the names of their folders.
_NAMES = {"Housing Price Prediction": "housing_price", "Payment Fraud Detection": "payment_fraud"}
_NUMBER_METRICS = {
    "r2_score",
    "mean_squared_error",
    "mean_absolute_error",
    "root_mean_squared_error",
    "mean_absolute_percentage_error",
}
_CLASS_METRICS = {"accuracy_score", "precision_score", "recall_score", "f1_score", "log_loss", "roc_auc_score"}
_MATRIX = "confusion_matrix"
_HEADLINES = ("r2_score", "accuracy_score")
_MODELS_EXPECTED = 'expected {"model1": {"name": "...", "metrics": {...}}, ...}'
_FORECAST_EXPECTED = 'expected {"prediction": [numbers]}'


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """What became of one model of a file: its version, and whether it is new, and the champion now."""

    model: str
    version: int
    is_new: bool
    is_champion: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model as a file tells of it."""

    seed_id: str
    title: str
    task: Task
    metrics: Mapping[str, Any]


def is_forecast_file(file: Path) -> bool:
    """Return whether ``file`` holds a forecast and not models; raise ``InvalidInput`` if it is not a JSON object."""
    return set(_read(file)) == {"prediction"}


def import_models(store: Store, file: Path, now: datetime, *, task: Task | None = None) -> list[ImportedModel]:
    """Register the models of a ``db.json``, each with one version without files that holds its metrics.

    A model that is known by its seed id gets a version if none has these metrics. It becomes the champion unless the
    champion has files: that one is served. Without ``task`` it is guessed from the names of the metrics. Raises
    ``InvalidInput`` and ``Conflict``, with nothing stored.
    """
    entries = [_entry(file, seed_id, content, task) for seed_id, content in _read(file).items()]
    known = store.list_models()
    models = [_model(file, entry, known, now) for entry in entries]
    if len({model.name for model in models}) < len(models):
        raise Conflict(f"{file}: two of its models would get the same name; nothing was imported")
    return [_import(store, model, entry, now) for model, entry in zip(models, entries, strict=True)]


def read_forecast(
    file: Path,
    *,
    series: str,
    model: str,
    issue_time: datetime,
    step: timedelta,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Forecast:
    """Return the forecast that a ``predictions.json`` holds.

    The file tells neither times nor units: its values are of ``issue_time`` plus one ``step`` and so on, and scaled,
    so that 0 and 1 stand for ``bounds``. Raises ``InvalidInput``.
    """
    values = _read(file).get("prediction")
    if not isinstance(values, list) or not values:
        _refuse(file, "prediction", _FORECAST_EXPECTED)
    issued, (low, high) = as_utc(issue_time), bounds
    steps = []
    for index, value in enumerate(values):
        if not _is_number(value):
            _refuse(file, f"prediction[{index}]", f"expected a finite number, not {_show(value)}")
        steps.append(ForecastStep(issued + (index + 1) * step, low + (high - low) * float(value)))
    return Forecast(series, model, issued, tuple(steps))


def _import(store: Store, model: Model, entry: _Entry, now: datetime) -> ImportedModel:
    if store.get_model(model.name) is None:
        store.put_model(model)
    versions = store.list_versions(model.name)
    found = next((each for each in versions if _same(each.metrics, entry.metrics)), None)
    version = found or store.add_version(
        ModelVersion(model.name, now, metrics=entry.metrics, lineage={"imported_as": entry.seed_id})
    )
    champion = next((each for each in versions if each.number == model.champion), None)
    if model.champion is None or (version is not found and (champion is None or champion.artifact is None)):
        store.change_stage(model.name, StageChange(now, "promote", version.number, model.champion))
    now_there = store.get_model(model.name)
    is_champion = now_there is not None and now_there.champion == version.number
    return ImportedModel(model.name, version.number, found is None, is_champion)


def _model(file: Path, entry: _Entry, known: Collection[Model], now: datetime) -> Model:
    """Return the model that is known by the seed id, or a new one."""
    for model in known:
        if model.seed_id == entry.seed_id:
            return model
    name = _NAMES.get(entry.title) or re.sub(r"[^a-z0-9]+", "_", entry.title.lower()).strip("_")[:64]
    if not MODEL_NAME.fullmatch(name):
        _refuse(file, f"{entry.seed_id}.name", f"expected a title with letters or digits, not {_show(entry.title)}")
    for model in known:
        if {model.name, model.seed_id} & {name, entry.seed_id}:
            other = f"model {model.name!r} of the store, whose seed id is {model.seed_id!r}"
            raise Conflict(f"{file}: {entry.seed_id} would be named {name!r}, like {other}; nothing was imported")
    headline = next((metric for metric in _HEADLINES if metric in entry.metrics), None)
    return Model(name, entry.title, entry.task, now, entry.seed_id, headline)


def _entry(file: Path, seed_id: str, content: Any, task: Task | None) -> _Entry:
    if not isinstance(content, dict) or not {"name", "metrics"} <= content.keys():
        _refuse(file, seed_id, _MODELS_EXPECTED)
    title, metrics = content["name"], content["metrics"]
    if not isinstance(title, str) or not title.strip():
        _refuse(file, f"{seed_id}.name", f"expected a title, not {_show(title)}")
    if not isinstance(metrics, dict):
        _refuse(file, f"{seed_id}.metrics", f"expected metrics by name, not {_show(metrics)}")
    for name, value in metrics.items():
        if not _is_metric(value):
            _refuse(file, f"{seed_id}.metrics.{name}", f"expected a number or lists of numbers, not {_show(value)}")
    return _Entry(seed_id, title.strip(), task or _guess_task(file, seed_id, metrics), metrics)


def _guess_task(file: Path, seed_id: str, metrics: Mapping[str, Any]) -> Task:
    matrix = metrics.get(_MATRIX)
    if _MATRIX in metrics or _CLASS_METRICS & metrics.keys():
        return "multiclass" if isinstance(matrix, list) and len(matrix) > 2 else "binary"
    if _NUMBER_METRICS & metrics.keys():
        return "regression"
    names = ", ".join(sorted(metrics)) or "none"
    return _refuse(file, f"{seed_id}.metrics", f"the task does not follow from its names ({names}); use --task")


def _same(metrics: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    return dict(metrics) == dict(others)


def _is_metric(value: Any) -> bool:
    return all(map(_is_metric, value)) if isinstance(value, list) else _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{file}: not JSON: {error}; nothing was imported") from None
    except OSError as error:
        raise file_trouble("read", file, error) from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{file}: {_MODELS_EXPECTED} or {_FORECAST_EXPECTED}; nothing was imported")
    return content


def _refuse(file: Path, key: str, message: str) -> NoReturn:
    raise InvalidInput(f"{file}: {key}: {message}; nothing was imported")


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
