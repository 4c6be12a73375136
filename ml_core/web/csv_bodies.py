"""CSV bodies: who sends ``Content-Type: text/csv`` to a view that takes both JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request
from flask_openapi3 import validate_request

from ml_core.errors import UnsupportedMediaType
from ml_core.web.json_bodies import SuiteRequest

CSV = "text/csv"
View = TypeVar("View", bound=Callable[..., Any])


def is_csv() -> bool:
    """Return whether the request says that its body is CSV."""
    return request.mimetype == CSV


def or_csv(csv_view: Callable[[], Any]) -> Callable[[View], View]:
    """Return a decorator by which a view of JSON leaves CSV to ``csv_view``."""

    def decorate(view: View) -> View:
        # Else flask-openapi3 would read the body as JSON before anything here could look at its type.
        checked: Callable[..., Any] = validate_request()(view)  # type: ignore[no-untyped-call]

        @wraps(checked)
        def dispatch(**arguments: Any) -> Any:
            return csv_view() if is_csv() else checked(**arguments)

        return cast(View, dispatch)

    return decorate


def read_csv_body() -> bytes:
    """Return the body of a request that must be CSV; raise ``UnsupportedMediaType`` and ``MalformedBody``."""
    if not is_csv():
        raise UnsupportedMediaType("send the body as CSV, with the header Content-Type: text/csv")
    return cast(SuiteRequest, request).read_body("CSV with a header line")
