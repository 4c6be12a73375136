"""One JSON shape for every error: ``{"error": {"code", "message", "details", "request_id"}}``.

People who open a page in a browser get the same as a small page. No answer holds a traceback or repeats the input.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from flask import Flask, Response, jsonify, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ml_core.errors import BodyTooLarge, FieldError, InvalidInput, SuiteError, TooManyTries, Unavailable
from ml_core.logs import current_id
from ml_core.problems import said_of
from ml_core.web.forms import FORM_TYPE

log = logging.getLogger(__name__)
ErrorPage = Callable[[int, str, str], str]
_MESSAGES = {
    404: "there is no such address; /docs lists those that are",
    405: "this address does not take this method; /docs lists those that it takes",
}


class ErrorDetail(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorContent(BaseModel):
    """The content of an error answer."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str


class ErrorBody(BaseModel):
    """The shape of every error answer."""

    error: ErrorContent


def init_app(app: Flask, page: ErrorPage | None = None) -> None:
    """Turn every exception into an answer; ``page(status, message, request_id)`` renders HTML for browsers.

    ``extensions["answer_error"]`` gives the answer to a ``SuiteError``, for addresses that have more to say.
    """

    def answer(status: int, code: str, message: str, details: Sequence[FieldError] = ()) -> Response:
        request_id = current_id.get()
        accepts = request.accept_mimetypes
        is_seen = request.method in ("GET", "HEAD") or request.mimetype == FORM_TYPE
        if page and is_seen and accepts["text/html"] > accepts["application/json"]:
            response = Response(page(status, message, request_id), mimetype="text/html")
        else:
            content = {
                "code": code,
                "message": message,
                "details": [{"field": detail.field, "message": detail.message} for detail in details],
                "request_id": request_id,
            }
            response = jsonify({"error": content})
        response.status_code = status
        return response

    def on_suite_error(error: SuiteError) -> Response:
        if error.status >= 500:
            log.error("%s: %s", error.code, error.message)
        response = answer(error.status, error.code, error.message, error.details)
        if isinstance(error, (Unavailable, TooManyTries)):
            response.headers["Retry-After"] = str(error.retry_after_seconds)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer, Basic realm="a token as the password"'
        return response

    def on_too_large(error: RequestEntityTooLarge) -> Response:
        limit = app.config["MAX_CONTENT_LENGTH"]
        return on_suite_error(BodyTooLarge(f"the body is too large; at most {limit} bytes are taken at once"))

    def on_http_exception(error: HTTPException) -> Response:
        if isinstance(error.response, Response):  # an answer made elsewhere and thrown to get here
            return app.make_response(error.response)
        status = error.code or 500
        message = _MESSAGES.get(status) or error.description or error.name
        response = answer(status, error.name.lower().replace(" ", "_"), message)
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers[name] = value
        return response

    def on_any_other(error: Exception) -> Response:
        log.error("unhandled %s on %s %s", type(error).__name__, request.method, request.path, exc_info=error)
        return answer(500, "internal_error", "an error of ours; the log has the details under this request id")

    app.extensions["answer_error"] = on_suite_error
    app.register_error_handler(SuiteError, on_suite_error)
    app.register_error_handler(RequestEntityTooLarge, on_too_large)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(Exception, on_any_other)


def raise_invalid_input(error: ValidationError) -> Response:
    """Raise ``InvalidInput`` that names each field of a pydantic error: flask-openapi3's validation callback."""
    details = [
        FieldError(_field_path(problem["loc"]), said_of(problem))
        for problem in error.errors(include_url=False, include_input=False)
    ]
    fields = ", ".join(dict.fromkeys(detail.field for detail in details[:5]))
    raise InvalidInput(f"the request does not fit: {fields}", details[:100])


def _field_path(location: Sequence[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"
