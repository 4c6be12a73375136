"""What clients send: read by msgspec on the road, explained by pydantic where it does not fit.

Nothing is coerced: a number in quotes, true or null is no number. A refusal has the shape that clients of the first
system know, ``{"detail": [{"loc", "msg", "type"}]}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anomaly_api.predictor import Answer, Answers
from ml_core.errors import FieldError, InvalidInput
from ml_core.web.shapes import Body, NumberField


class Prediction(msgspec.Struct, forbid_unknown_fields=True):
    """One row, as ``PredictionBody`` describes it."""

    feature_vector: list[float]
    score: bool = False
    explain: bool = False


class Predictions(msgspec.Struct, forbid_unknown_fields=True):
    """Many rows, as ``PredictionsBody`` describes them."""

    feature_vectors: list[list[float]]
    score: bool = False


class _Answer(msgspec.Struct):
    is_inlier: int
    prediction_id: str


class _ScoredAnswer(msgspec.Struct):
    is_inlier: int
    anomaly_score: float
    prediction_id: str


class PredictionBody(Body):
    """One row of features in the order of the model's columns, such as the mean and standard deviation of a window."""

    model_config = ConfigDict(json_schema_extra={"example": {"feature_vector": [194, 167], "score": False}})

    feature_vector: list[NumberField]
    score: bool = Field(False, strict=True, description="whether to answer the anomaly score too")
    explain: bool = Field(False, strict=True, description="whether to answer what each feature adds to the score")


class PredictionsBody(Body):
    """Many rows of features."""

    model_config = ConfigDict(json_schema_extra={"example": {"feature_vectors": [[194, 167], [2100, 900]]}})

    feature_vectors: list[list[NumberField]] = Field(min_length=1)
    score: bool = Field(False, strict=True, description="whether to answer the anomaly scores too")


class BodyRefused(InvalidInput):
    """The body does not fit; ``problems`` are as the first system's clients know them."""

    def __init__(self, problems: Sequence[Mapping[str, Any]]) -> None:
        details = [FieldError(_path(problem), problem["msg"]) for problem in problems]
        super().__init__(f"the request does not fit: {', '.join(dict.fromkeys(d.field for d in details[:5]))}", details)
        self.problems = problems


_one = msgspec.json.Decoder(Prediction)
_many = msgspec.json.Decoder(Predictions)
_encode = msgspec.json.Encoder().encode
_MOST_PROBLEMS = 100


def read_prediction(raw: bytes) -> Prediction:
    """Return the body of one row; raise ``BodyRefused``."""
    try:
        return _one.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise explain(raw, PredictionBody) from None


def encode_answer(answer: Answer, *, with_score: bool) -> bytes:
    """Return the answer for one row as JSON."""
    if with_score:
        return _encode(_ScoredAnswer(answer.is_inlier, answer.score, answer.prediction_id))
    return _encode(_Answer(answer.is_inlier, answer.prediction_id))


def encode_answers(answers: Answers, *, with_score: bool) -> bytes:
    """Return the answers for many rows as JSON, in columns."""
    columns: dict[str, Any] = {"is_inlier": answers.is_inlier}
    if with_score:
        columns["anomaly_score"] = answers.scores
    columns["prediction_id"] = answers.prediction_ids
    return orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY)


def read_predictions(raw: bytes) -> Predictions:
    """Return the body of many rows; raise ``BodyRefused``."""
    try:
        return _many.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise explain(raw, PredictionsBody) from None


def explain(raw: bytes, shape: type[BaseModel]) -> BodyRefused:
    """Return what is wrong with a body that was refused."""
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return BodyRefused([problem(["body", error.pos], f"the body is not JSON: {error.msg}", "json_invalid")])
    try:
        shape.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_PROBLEMS]
        return BodyRefused([problem(["body", *each["loc"]], each["msg"], each["type"]) for each in found])
    # Read by two parsers, of which the stricter decides.
    return BodyRefused([problem(["body"], "a number or a text in it cannot be read", "value_error")])


def problem(location: Sequence[int | str], message: str, kind: str) -> dict[str, Any]:
    """Return one problem of a body, where it is and what was expected."""
    message = message.removeprefix("Value error, ")
    return {"loc": list(location), "msg": message, "type": kind}


def _path(problem: Mapping[str, Any]) -> str:
    path = ""
    for part in () if problem["type"] == "json_invalid" else problem["loc"][1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"
