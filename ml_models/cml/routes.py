"""The addresses that scripts written for CML call, with CML's names and shapes."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify

from ml_core.errors import Conflict, FieldError, InvalidInput, ModelNotFound
from ml_core.tracking.aggregates import TrackedAggregate
from ml_core.tracking.names import milliseconds_of
from ml_core.tracking.predictions import NewLine, TrackedPrediction
from ml_core.traffic.records import Window
from ml_core.traffic.times import read_time, write_like
from ml_core.web.blueprints import create_api_blueprint
from ml_models.cml.bodies import AggregateBody, DelayedBody, ModelBody, ReadBody, TrackBody
from ml_models.cml.deployments import Deployments
from ml_models.cml.tracking import Tracking
from ml_models.forecasting import TrafficServer

blueprint = create_api_blueprint("cml", __name__, "The calls of scripts that were written for CML")
_NO_MODEL = "Model not found in the specified directory."


@blueprint.post("/model", summary="Forecast the traffic of a link")
def predict(body: ModelBody) -> Response:
    server: TrafficServer = current_app.extensions["traffic_server"]
    deployments: Deployments = current_app.extensions["deployments"]
    sent = body.request
    time = sent.time[0]
    window = Window(sent.link[0], sent.location[0], read_time(time), sent.rx_gbs, sent.tx_gbs)
    try:
        (forecast,) = server.forecast(deployments.model_of_key(body.accessKey), [window])
    except (ModelNotFound, Conflict):
        return jsonify({"error": _NO_MODEL})  # with 200, as whatever a deployed function returns
    except InvalidInput as error:
        raise _as_sent(error) from error
    prediction = {
        "rx_bytes": forecast.rx_gbs,
        "tx_bytes": forecast.tx_gbs,
        "time": [write_like(each, time) for each in forecast.times],
    }
    return jsonify({"response": {"prediction": prediction, "uuid": forecast.forecast_id}})


@blueprint.post("/track-metrics", summary="Track metrics of a prediction")
def track(body: TrackBody) -> Response:
    line = NewLine(body.predictionUuid, body.startTimestampMs, body.endTimestampMs, body.metrics)
    _tracking().track(body.modelDeploymentCrn, line)
    return jsonify({"predictionUuid": body.predictionUuid})


@blueprint.post("/track-delayed-metrics", summary="Track what became known later of a prediction")
def track_delayed(body: DelayedBody) -> Response:
    truths = _tracking().track_delayed(body.modelDeploymentCrn, body.predictionUuid, body.metrics)
    return jsonify({"predictionUuid": body.predictionUuid, "groundTruths": truths})


@blueprint.post("/track-aggregate-metrics", summary="Set metrics over a window of time")
def track_aggregate(body: AggregateBody) -> Response:
    changed = _tracking().track_aggregate(
        body.modelDeploymentCrn, body.startTimestampMs, body.endTimestampMs, body.metrics
    )
    return jsonify({"changed": changed})


@blueprint.post("/read-metrics", summary="All tracked metrics of a range of time")
def read(body: ReadBody) -> Response:
    found = _tracking().read(
        body.modelDeploymentCrn, body.startTimestampMs, body.endTimestampMs, body.knownAtTimestampMs
    )
    deployment = body.modelDeploymentCrn or current_app.extensions["deployments"].default
    items = [_prediction_json(deployment, each) for each in found.predictions]
    items += [_aggregate_json(deployment, each, with_history=body.withHistory) for each in found.aggregates]
    return jsonify({"metrics": sorted(items, key=lambda item: (item["startTimestampMs"], item["endTimestampMs"]))})


def _tracking() -> Tracking:
    tracking: Tracking = current_app.extensions["tracking"]
    return tracking


def _as_sent(error: InvalidInput) -> InvalidInput:
    """Return an error of the only window with the names of the fields that were sent."""

    def renamed(text: str) -> str:
        return text.replace("windows[0]", "request")

    details = [FieldError(renamed(detail.field), renamed(detail.message)) for detail in error.details]
    return InvalidInput(renamed(error.message), details)


def _prediction_json(deployment: str, tracked: TrackedPrediction) -> dict[str, Any]:
    return {
        "modelDeploymentCrn": deployment,
        "startTimestampMs": tracked.start_ms,
        "endTimestampMs": tracked.end_ms,
        "predictionUuid": tracked.prediction_id,
        "metrics": tracked.metrics,
    }


def _aggregate_json(deployment: str, tracked: TrackedAggregate, *, with_history: bool) -> dict[str, Any]:
    history = {
        name: [{"knownTimestampMs": milliseconds_of(each.known_time), "value": each.value} for each in values]
        for name, values in tracked.history.items()
    }
    return {
        "modelDeploymentCrn": deployment,
        "startTimestampMs": tracked.start_ms,
        "endTimestampMs": tracked.end_ms,
        "metrics": tracked.metrics,
    } | ({"history": history} if with_history else {})
