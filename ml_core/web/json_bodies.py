"""Strict JSON for requests and answers, by orjson: NaN, infinities, 1e400 and deep nesting are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import flask
import orjson
from flask.json.provider import JSONProvider
from werkzeug.exceptions import RequestEntityTooLarge

from ml_core.errors import FieldError, InvalidInput, MalformedBody, UnsupportedMediaType

View = TypeVar("View", bound=Callable[..., object])
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def body_may_be_missing(view: View) -> View:
    """Have an address take a request without a body for one with an empty object."""
    view.body_may_be_missing = True  # type: ignore[attr-defined]
    return view


class OrjsonProvider(JSONProvider):
    """Flask's ``jsonify`` by orjson. Keys keep their order: Bokeh draws nothing from sorted ones."""

    sort_keys: ClassVar[bool] = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj, option=_OPTIONS).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        body = orjson.dumps(self._prepare_response_obj(args, kwargs), option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)
        return flask.Response(body, mimetype="application/json")


class SuiteRequest(flask.Request):
    """A request whose JSON body must be an object.

    flask-openapi3 asks for the body silently and would take a broken one for None, answer 422 and let NaN pass, so
    ``get_json`` raises here whatever its arguments are.
    """

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        if self._may_be_missing() and not self.get_data(cache=cache):
            return {}
        if not self.is_json:
            raise UnsupportedMediaType("send the body as JSON, with the header Content-Type: application/json")
        raw = self.read_body("a JSON object", cache=cache)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise MalformedBody(f"the body is not JSON: {error.msg} ({where})") from None
        if not isinstance(body, dict):
            message = "expected a JSON object"
            raise InvalidInput(f"body: {message}", [FieldError("body", message)])
        return body

    def _may_be_missing(self) -> bool:
        view = flask.current_app.view_functions.get(self.endpoint or "")
        return getattr(view, "body_may_be_missing", False)

    def read_body(self, expected: str, *, cache: bool = True) -> bytes:
        """Return the body whole; raise ``RequestEntityTooLarge``, and ``MalformedBody`` for none at all.

        Raises ``UnsupportedMediaType`` for a packed one: how large it is would be known only when it is unpacked.
        """
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise UnsupportedMediaType("send the body unpacked, without the header Content-Encoding")
        raw = self.get_data(cache=cache)
        limit = self.max_content_length
        if self.content_length is None and limit is not None and len(raw) >= limit:
            raise RequestEntityTooLarge  # werkzeug cuts a chunked body at the limit without a word
        if not raw:
            raise MalformedBody(f"the body is empty; expected {expected}")
        return raw
