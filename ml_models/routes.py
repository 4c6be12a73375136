"""The addresses of the registry and serving app, beside the seed's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, jsonify
from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from ml_core.clock import format_time
from ml_core.records import Model, ModelVersion
from ml_core.registry import Registry
from ml_core.retraining import asking
from ml_core.traffic.records import TrafficForecast, Window
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.json_bodies import body_may_be_missing
from ml_core.web.shapes import AskingBody, Body, FeatureRowsField, ModelPath, TimeField
from ml_models.forecasting import TrafficServer
from ml_models.window_bodies import ShortName, Values

blueprint = create_api_blueprint("models", __name__, "Registry and serving")


class WindowItem(Body):
    """The newest traffic of a link, oldest first; ``time`` is that of the last values."""

    link: ShortName
    location: ShortName
    time: TimeField
    rx_gbs: Values
    tx_gbs: Values


class PredictBody(Body):
    """One row of named features, or a list of rows; for a model of links' traffic, windows in their place."""

    windows: list[WindowItem] | None = Field(None, min_length=1)
    features: FeatureRowsField | None = Field(None, validate_default=True)

    @field_validator("features", mode="before")
    @classmethod
    def _check_one(cls, value: Any, info: ValidationInfo) -> Any:
        has_windows = info.data.get("windows", ()) is not None  # of windows that do not fit their own errors tell
        if value is None and not has_windows:
            raise ValueError("missing; expected features, or windows")
        if value is not None and info.data.get("windows"):
            raise ValueError("expected either features or windows")
        return value


class PromoteBody(AskingBody):
    """The version to make the champion; who does it, and why."""

    version: int = Field(ge=1, strict=True)


class RollBackBody(AskingBody):
    """Who goes back, and why; it may be missing, as it was in the first version of this address."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]


@blueprint.get("/", summary="The app's name, as in the first system", doc_ui=False)
def index() -> Response:
    return Response("ML-Models", mimetype="text/plain")


@blueprint.post("/models/<model_id>/predictions", summary="Predict one or many rows, and log the answers")
def predict(path: ModelPath, body: PredictBody) -> Response:
    if body.windows is not None:
        server: TrafficServer = current_app.extensions["traffic_server"]
        forecasts = server.forecast(path.model_id, [Window(**dict(item)) for item in body.windows])
        return jsonify(_forecasts_json(forecasts))
    answer = current_app.extensions["server"].predict(path.model_id, body.features)
    predictions = [
        {"prediction_id": row.prediction_id, "value": row.value, "score": row.score}
        | ({} if row.scores is None else {"scores": dict(row.scores)})
        for row in answer.predictions
    ]
    return jsonify({"model": answer.model, "version": answer.version, "predictions": predictions})


@blueprint.get("/models/<model_id>/versions", summary="All versions of a model, newest first")
def versions(path: ModelPath) -> Response:
    registry = _registry()
    model = registry.find(path.model_id)
    found = registry.store.list_versions(model.name)
    return jsonify({**_model_json(model), "versions": [_version_json(model, version) for version in reversed(found)]})


@blueprint.post("/models/<model_id>/promotions", summary="Make a version the champion")
def promote(path: ModelPath, body: PromoteBody) -> Response:
    after = asking.promote(_registry(), path.model_id, body.version, author=body.author, reason=body.reason)
    return jsonify(_model_json(after))


@blueprint.post("/models/<model_id>/rollbacks", summary="Go back to the champion before")
@body_may_be_missing
def roll_back(path: ModelPath, body: RollBackBody) -> Response:
    after = asking.roll_back(_registry(), path.model_id, author=body.author, reason=body.reason)
    return jsonify(_model_json(after))


def _registry() -> Registry:
    registry: Registry = current_app.extensions["registry"]
    return registry


def _forecasts_json(forecasts: Sequence[TrafficForecast]) -> dict[str, Any]:
    return {
        "model": forecasts[0].model,
        "version": forecasts[0].version,
        "forecasts": [
            {
                "forecast_id": each.forecast_id,
                "link": each.window.link,
                "location": each.window.location,
                "issue_time": format_time(each.issue_time),
                "times": [format_time(time) for time in each.times],
                "rx_gbs": each.rx_gbs,
                "tx_gbs": each.tx_gbs,
            }
            for each in forecasts
        ],
    }


def _model_json(model: Model) -> dict[str, Any]:
    return {"model": model.name, "seed_id": model.seed_id, "title": model.title, "champion": model.champion}


def _version_json(model: Model, version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "stage": model.stage_of(version.number),
        "created_time": format_time(version.created_time),
        "metrics": version.metrics,
        "features": [{"name": feature.name, "kind": feature.kind} for feature in version.features],
        "parameters": version.parameters,
        "lineage": version.lineage,
        "reference_rows": version.reference_rows,
    }
