"""The addresses of the anomaly app, with the shapes of the first system."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
from flask import Response, current_app, jsonify, request

from anomaly_api import refusals
from anomaly_api.bodies import (
    BodyRefused,
    PredictionBody,
    PredictionsBody,
    encode_answer,
    encode_answers,
    problem,
    read_prediction,
    read_predictions,
)
from anomaly_api.champion import Champion
from anomaly_api.explaining import explain
from anomaly_api.metrics import PredictionMetrics
from anomaly_api.predictor import Predictor
from ml_core.errors import BodyTooLarge, MalformedBody, UnsupportedMediaType
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.json_bodies import SuiteRequest

blueprint = create_api_blueprint("anomaly", __name__, "Anomaly predictions")
refusals.init_blueprint(blueprint)
View = TypeVar("View", bound=Callable[..., Any])
_JSON = "application/json"


def documented(body: type) -> Callable[[View], View]:
    """Return a decorator that documents a view's body, which the view reads itself, faster than it would be read."""

    def decorate(view: View) -> View:
        view.__annotations__["body"] = body
        view.__delay_validate_request__ = True  # type: ignore[attr-defined] # flask-openapi3's own mark
        return view

    return decorate


@blueprint.post("/prediction", summary="Say of one row whether it is an anomaly")
@documented(PredictionBody)
def predict() -> Response:
    body = read_prediction(_read_body())
    predictor: Predictor = current_app.extensions["predictor"]
    metrics: PredictionMetrics = current_app.extensions["prediction_metrics"]
    champion = predictor.champion()
    if len(body.feature_vector) != len(champion.names):
        raise _wrong_length(champion, ["body", "feature_vector"], body.feature_vector)
    explanation = explain(champion, body.feature_vector) if body.explain else None
    began = time.perf_counter()
    answer = predictor.predict(champion, body.feature_vector)
    metrics.count_one(answer.is_inlier, answer.score, body.score, time.perf_counter() - began)
    content = encode_answer(answer, with_score=body.score)
    if explanation is None:
        return Response(content, mimetype=_JSON)
    return jsonify({**msgspec.json.decode(content), "explanation": explanation})


@blueprint.post("/predictions", summary="Say of each of many rows whether it is an anomaly")
@documented(PredictionsBody)
def predict_many() -> Response:
    body = read_predictions(_read_body())
    predictor: Predictor = current_app.extensions["predictor"]
    metrics: PredictionMetrics = current_app.extensions["prediction_metrics"]
    champion = predictor.champion()
    rows = _rows(champion, body.feature_vectors)
    answers = predictor.predict_many(champion, rows)
    metrics.count_many(answers.is_inlier, answers.scores)
    return Response(encode_answers(answers, with_score=body.score), mimetype=_JSON)


@blueprint.get("/model_information", summary="The parameters of the model that is served")
def model_information() -> Response:
    predictor: Predictor = current_app.extensions["predictor"]
    parameters = dict(predictor.champion().parameters)
    current_app.extensions["prediction_metrics"].model_info_requests.inc()
    return jsonify(parameters)


def _read_body() -> bytes:
    if not request.is_json:
        raise UnsupportedMediaType("send the body as JSON, with the header Content-Type: application/json")
    try:
        return cast(SuiteRequest, request).read_body("a JSON object", cache=False)
    except MalformedBody as error:  # there is none
        raise BodyRefused([problem(["body"], error.message, "missing")]) from None


def _rows(champion: Champion, vectors: Sequence[Sequence[float]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    most = current_app.extensions["settings"].limits.batch_rows
    if len(vectors) > most:
        raise BodyTooLarge(f"{len(vectors)} rows came at once; at most {most} are taken")
    if not vectors:
        raise BodyRefused([problem(["body", "feature_vectors"], "expected at least one row", "too_short")])
    width = len(champion.names)
    wrong = next((index for index, length in enumerate(map(len, vectors)) if length != width), None)
    if wrong is not None:
        raise _wrong_length(champion, ["body", "feature_vectors", wrong], vectors[wrong])
    return np.array(vectors, dtype=np.float64)


def _wrong_length(champion: Champion, location: Sequence[int | str], vector: Sequence[float]) -> BodyRefused:
    expected = f"expected {len(champion.names)} numbers ({', '.join(champion.names)}), not {len(vector)}"
    return BodyRefused([problem(location, expected, "wrong_length")])
