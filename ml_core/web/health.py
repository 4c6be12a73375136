"""``/healthz``: the process answers. ``/readyz``: what it needs is there too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flask import Flask, Response, jsonify

from ml_core.errors import SuiteError

Check = Callable[[], None]
Notices = Callable[[], Sequence[str]]


def init_app(app: Flask, checks: Mapping[str, Check], notices: Notices = list) -> None:
    """Add both addresses; a check returns if the app can work and raises a ``SuiteError`` that says what is missing.

    ``notices`` are what an operator should know all the same, such as records that wait for a database.
    """

    def healthz() -> Response:
        return jsonify({"status": "ok"})

    def readyz() -> Response:
        results = {name: _result(check) for name, check in checks.items()}
        ready = all(result == "ok" for result in results.values())
        response = jsonify({"status": "ready" if ready else "not ready", "checks": results, "notices": list(notices())})
        response.status_code = 200 if ready else 503
        return response

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def _result(check: Check) -> str:
    try:
        check()
    except SuiteError as error:
        return error.message
    return "ok"
