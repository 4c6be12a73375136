"""What the forms of pages share: their fields, and the way back to the page once they have done what was asked."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Response, redirect, request

from ml_core.errors import FieldError, InvalidInput


def text_field(name: str, *, is_required: bool = False, most: int = 100) -> str:
    """Return a field of a form without blanks at its ends; raise ``InvalidInput`` that names it."""
    value = request.form.get(name, "").strip()
    if is_required and not value:
        raise _refused(name, "expected some text")
    if len(value) > most:
        raise _refused(name, f"expected at most {most} characters, not {len(value)}")
    return value


def done(path: str, what: str) -> Response:
    """Lead back to a page, which says what was done. A second load of it sends nothing again."""
    response = redirect(f"{quote(path)}?{urlencode({**request.args, 'done': what})}", 303)
    assert isinstance(response, Response)
    return response


def what_was_done() -> str:
    """Return what the form said that led here."""
    return request.args.get("done", "")


def _refused(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", [FieldError(name, message)])
