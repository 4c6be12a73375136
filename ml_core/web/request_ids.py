"""An id for every request: taken from ``X-Request-ID`` or made here, sent back, and written on each log line."""

from __future__ import annotations

import logging
import re
import time

from flask import Flask, Response, g, request

from ml_core.clock import Clock
from ml_core.ids import new_id
from ml_core.logs import current_id

log = logging.getLogger(__name__)
ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def init_app(app: Flask, clock: Clock) -> None:
    """Give each request its id, and log it when it is done."""

    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        current_id.set(given if ACCEPTABLE.fullmatch(given) else new_id(clock.now()))
        g.started = time.perf_counter()

    def finish(response: Response) -> Response:
        response.headers["X-Request-ID"] = current_id.get()
        if "started" in g:
            milliseconds = (time.perf_counter() - g.started) * 1000
            log.info("%s %s %d %.1f ms", request.method, request.path, response.status_code, milliseconds)
        return response

    def end(error: BaseException | None) -> None:
        current_id.set("-")  # the thread lives on, and what it logs between requests belongs to none

    app.before_request(begin)
    app.after_request(finish)
    app.teardown_request(end)
