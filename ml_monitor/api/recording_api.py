"""The JSON addresses of the monitor, beside the seed's own: models, predictions and ground truths from elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, current_app, jsonify
from flask_openapi3 import RawModel
from pydantic import Field

from ml_core.records import Model, Receipt, Task
from ml_core.registry import Registry
from ml_core.store.names import MAX_NAME_CHARACTERS
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.csv_bodies import CSV, or_csv, read_csv_body
from ml_core.web.shapes import Body, FeatureField, ModelPath, NameField, NumberField, TimeField, ValueField
from ml_monitor.recording import PostedPrediction, PostedTruth, Recorder
from ml_monitor.uploads.csv_tables import Table
from ml_monitor.uploads.csv_truths import read_truths
from ml_monitor.uploads.reference_upload import Upload, upload_reference

blueprint = create_api_blueprint("recording", __name__, "Models that are served elsewhere")


class ModelBody(Body):
    """A model that is served elsewhere."""

    name: NameField
    title: str | None = Field(None, min_length=1, max_length=200)
    task: Task
    headline_metric: str | None = Field(None, min_length=1, max_length=64)


class PredictionItem(Body):
    """One prediction. Without an id one is made; without a time it is that of a UUIDv7 id, else now."""

    prediction_id: str | None = Field(None, min_length=1, max_length=255)
    time: TimeField | None = None
    features: dict[str, FeatureField]
    value: ValueField
    score: NumberField | None = None
    scores: dict[str, NumberField] | None = Field(None, description="of several classes: the probability of each")


class PredictionsBody(Body):
    """Predictions of one model."""

    model: str
    version: int | None = Field(None, ge=1, le=2**31 - 1, strict=True)
    predictions: list[PredictionItem] = Field(min_length=1)


class TruthItem(Body):
    """The true value of one prediction, or of a series at one time; ``correct`` replaces a wrong one."""

    prediction_id: str | None = Field(None, min_length=1, max_length=255)
    series: str | None = Field(None, min_length=1, max_length=MAX_NAME_CHARACTERS)
    valid_time: TimeField | None = None
    value: ValueField
    correct: bool = Field(False, strict=True)
    received_time: TimeField | None = Field(None, description="when it became known, if not now")


class TruthsBody(Body):
    """Ground truths of predictions of one model, of series, or of both; only the first need ``model``."""

    model: str | None = None
    ground_truths: list[TruthItem] = Field(min_length=1)


class ReferenceTable(RawModel):
    """A table: features, and maybe value, score (of several classes ``score:<class>``) and truth."""

    mimetypes = [CSV]  # noqa: RUF012 - the base declares no ClassVar


@blueprint.post("/models", summary="Register a model that is served elsewhere", responses={201: None})
def add_model(body: ModelBody) -> tuple[Response, int]:
    registry: Registry = current_app.extensions["registry"]
    title = body.title or body.name
    model = Model(body.name, title, body.task, registry.clock.now(), headline_metric=body.headline_metric)
    created = registry.add_model(model)
    return jsonify({"model": body.name, "title": title, "task": body.task, "created": created}), 201 if created else 200


@blueprint.put(
    "/models/<model_id>/reference",
    summary="Give the reference sample of a model served elsewhere",
    responses={201: None},
)
def put_reference(path: ModelPath, raw: ReferenceTable) -> tuple[Response, int]:
    upload = upload_reference(current_app.extensions["registry"], path.model_id, read_csv_body())
    return jsonify(_upload_json(upload)), 201 if upload.created else 200


@blueprint.post("/predictions", summary="Log predictions made elsewhere")
def add_predictions(body: PredictionsBody) -> Response:
    posted = [PostedPrediction(**dict(item)) for item in body.predictions]
    ids, receipt = _recorder().record_predictions(body.model, body.version, posted)
    return jsonify({**_receipt_json(receipt), "prediction_ids": ids})


def add_truths_of_table() -> Response:
    return jsonify(_receipt_json(_recorder().record_truth_lines(read_truths(Table(read_csv_body())))))


@blueprint.post(
    "/ground-truth",
    summary="Log true values, by prediction id or by series and time",
    description="Takes text/csv too, with the columns model, prediction_id, value or series, valid_time, value.",
)
@or_csv(add_truths_of_table)
def add_truths(body: TruthsBody) -> Response:
    posted = [PostedTruth(**dict(item)) for item in body.ground_truths]
    return jsonify(_receipt_json(_recorder().record_truths(body.model, posted)))


def _recorder() -> Recorder:
    recorder: Recorder = current_app.extensions["recorder"]
    return recorder


def _upload_json(upload: Upload) -> dict[str, Any]:
    version = upload.version
    return {
        "model": version.model,
        "version": version.number,
        "stage": upload.model.stage_of(version.number),
        "created": upload.created,
        "sent_rows": upload.sent_rows,
        "reference_rows": version.reference_rows,
        "features": [{"name": feature.name, "kind": feature.kind} for feature in version.features],
        "notes": list(upload.notes),
    }


def _receipt_json(receipt: Receipt) -> dict[str, Any]:
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "spooled": receipt.spooled,
        "rejected": [asdict(rejection) for rejection in receipt.rejected],
    }
