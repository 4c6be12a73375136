"""The addresses of the engine: those of the first system, with ours beside them in the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, jsonify, request
from pydantic import BaseModel, Field

from cloudwatch_engine import asked_jobs
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.history import read_history
from cloudwatch_engine.job_starter import JobStarter
from cloudwatch_engine.metric_data import read_dataset
from cloudwatch_engine.models import ENSEMBLE, find_name, quick_names
from cloudwatch_engine.names import INSTANCE_NAME
from cloudwatch_engine.predictions import choose_instance, read_comparison, read_predictions
from cloudwatch_engine.questions import Questions
from cloudwatch_engine.uploads import keep_upload, read_upload, require_upload
from ml_core.errors import FieldError, InvalidInput
from ml_core.web.blueprints import create_api_blueprint

blueprint = create_api_blueprint("forecasts", __name__, "Forecasts of CPU, what they are worth, and training")


class JobPath(BaseModel):
    """Which job."""

    job_id: str = Field(description="the id in the answer of POST /train")


class InstanceQuery(BaseModel):
    """Which instance; a form's field of this name counts too."""

    instance: str | None = Field(None, description="such as i-0abc; else the first")


class ModelQuery(BaseModel):
    """Which models; a form's field of this name counts too."""

    model: str | None = Field(None, description="one or several names, separated by commas")


class BothQuery(InstanceQuery, ModelQuery):
    """Which instance and which models."""


@blueprint.get("/", summary="The app's name", doc_ui=False)
def index() -> Response:
    return Response("CloudWatch-Engine", mimetype="text/plain")


@blueprint.get("/predictions", summary="The newest forecast; with a data set, its forecast")
def predictions(query: BothQuery) -> Response:
    # Old clients send their data set with either method.
    content = read_upload()
    if content is not None:
        return _forecast(content)
    return jsonify(read_predictions(_engine(), query.instance))


@blueprint.post("/predictions", summary="The forecast of a data set: CloudWatch JSON or CSV")
def predict(query: ModelQuery) -> Response:
    return _forecast(require_upload())


@blueprint.get("/compare", summary="What all models are worth, and what the best has said of what came")
def compare(query: InstanceQuery) -> Response:
    return jsonify(read_comparison(_engine(), query.instance))


@blueprint.get("/history", summary="The scores of a model from training to training")
def history(query: BothQuery) -> Response:
    return _history()


@blueprint.post("/history", summary="As GET /history, for old clients")
def posted_history(query: BothQuery) -> Response:
    return _history()


@blueprint.get("/evaluate", summary="As POST /evaluate, for old clients, which send the data set with GET too")
def evaluate_by_get(query: ModelQuery) -> Response:
    return _evaluate()


@blueprint.post("/evaluate", summary="What a model is worth on a data set, in the old shape with ours beside it")
def evaluate(query: ModelQuery) -> Response:
    return _evaluate()


@blueprint.post("/validate", summary="Try one or several models on a data set: their scores, and true against said")
def validate(query: ModelQuery) -> Response:
    names = _asked_models() or [_engine().config.MODEL.lower()]
    return jsonify(_questions().validate(read_dataset(require_upload()), names))


@blueprint.post("/train", summary="Train all models anew, on a data set if one is sent; answers with a job's address")
def train(query: BothQuery) -> Response:
    engine = _engine()
    content, instance, models = read_upload(), request.values.get("instance"), _asked_models()
    if instance is not None and not INSTANCE_NAME.fullmatch(instance):
        message = "expected 1 to 60 letters, digits, '_', '.' or '-', such as i-0abc"
        raise InvalidInput(f"instance: {message}", [FieldError("instance", message)])
    if content is None and instance is not None:
        choose_instance(engine, instance)
    file = None
    if content is not None:
        dataset = read_dataset(content)
        named, _ = dataset.cpu()
        instance = instance or named
        file = keep_upload(engine.folder, content)
    job = asked_jobs.ask(engine.store, engine.clock, instance=instance, file=file, models=models)
    starter: JobStarter = current_app.extensions["job_starter"]
    starter.start()
    address = f"/jobs/{job['job']}"
    response = jsonify({**_job_json(job), "address": address})
    response.status_code = 202
    response.headers["Location"] = address
    return response


@blueprint.get("/jobs", summary="The newest jobs, newest first")
def jobs() -> Response:
    engine = _engine()
    return jsonify({"jobs": [_job_json(job) for job in asked_jobs.newest(engine.store, engine.clock.now())]})


@blueprint.get("/jobs/<job_id>", summary="How far a job is, and what came of it")
def job(path: JobPath) -> Response:
    engine = _engine()
    return jsonify(_job_json(asked_jobs.read(engine.store, path.job_id, engine.clock.now())))


def _forecast(content: bytes) -> Response:
    names = _asked_models() or [*quick_names(), ENSEMBLE]
    return jsonify(_questions().forecast(read_dataset(content), names))


def _history() -> Response:
    engine = _engine()
    (name,) = _asked_models(most=1) or [engine.config.MODEL.lower()]
    return jsonify(read_history(engine, choose_instance(engine, request.values.get("instance")), name))


def _evaluate() -> Response:
    (name,) = _asked_models(most=1) or [_engine().config.MODEL.lower()]
    return jsonify(_questions().evaluate(read_dataset(require_upload()), name))


def _asked_models(most: int = 20) -> Sequence[str]:
    """Return the models that ``?model=`` (or a form's field) names, separated by commas; raise ``InvalidInput``."""
    text = request.values.get("model", "")
    try:
        names = [find_name(part) for part in text.split(",") if part.strip()]
        if len(names) > most:
            raise ValueError(f"expected at most {most}")
    except ValueError as error:
        raise InvalidInput(f"model: {error}", [FieldError("model", str(error))]) from None
    return list(dict.fromkeys(names))


def _job_json(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in ("file", "host")}


def _engine() -> Engine:
    engine: Engine = current_app.extensions["engine"]
    return engine


def _questions() -> Questions:
    questions: Questions = current_app.extensions["questions"]
    return questions
