"""Headers that tell a browser what pages of ours may do: nothing from elsewhere, no inline script."""

from __future__ import annotations

from flask import Flask, Response, request

_PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI starts itself by an inline script; its pages hold nothing of a user's.
_SWAGGER = _PAGES.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")

HEADERS = (
    ("Content-Security-Policy", _PAGES),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
)


def init_app(app: Flask) -> None:
    """Add the headers to every answer that has not set its own."""

    def add(response: Response) -> Response:
        for name, value in HEADERS:
            if name == "Content-Security-Policy" and request.path.startswith("/openapi/"):
                value = _SWAGGER
            response.headers.setdefault(name, value)
        return response

    app.after_request(add)
