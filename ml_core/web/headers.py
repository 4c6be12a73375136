"""Headers that tell a browser what pages of ours may do: nothing from elsewhere, no inline script."""

from __future__ import annotations

from flask import Flask, Response, request

_PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI starts itself by an inline script; its pages hold nothing of a user's.
_SWAGGER = _PAGES.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")


def init_app(app: Flask) -> None:
    """Add the headers to every answer that has not set its own."""

    def add(response: Response) -> Response:
        policy = _SWAGGER if request.path.startswith("/openapi/") else _PAGES
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    app.after_request(add)
