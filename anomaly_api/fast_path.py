"""The short road of ``POST /prediction``: what is right is answered before Flask, anything else is left to it.

Flask and the hooks before and after each view take several times as long as all the rest together. This answers only
if everything is as it should be, with the same checks and headers, the same metrics and the same log; whatever is not
(a body that does not fit, a missing token, no champion, a full disk) takes the whole road, where it is explained. A
request answered here leaves no line in the log unless its level is DEBUG: at thousands a second the metrics tell more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from anomaly_api.bodies import encode_answer, read_prediction
from anomaly_api.metrics import PredictionMetrics
from anomaly_api.predictor import Predictor
from ml_core.web.headers import HEADERS
from ml_core.web.metrics import AppMetrics
from ml_core.web.request_ids import ACCEPTABLE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
PATH = "/prediction"


class FastPath:
    """A WSGI application around another one."""

    def __init__(
        self,
        inner: WSGIApplication,
        predictor: Predictor,
        metrics: PredictionMetrics,
        app_metrics: AppMetrics,
        *,
        may_pass: Callable[[Mapping[str, Any]], bool],
        body_bytes: int,
    ) -> None:
        self._inner = inner
        self._predictor = predictor
        self._metrics = metrics
        self._requests = app_metrics.requests.labels("POST", PATH, "200")
        self._durations = app_metrics.durations.labels(PATH)
        self._may_pass = may_pass
        self._body_bytes = body_bytes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._inner(environ, start_response)
        began = time.perf_counter()
        answered = self._answer(environ)
        if answered is None:
            return self._inner(environ, start_response)
        content, prediction_id = answered
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if given and ACCEPTABLE.fullmatch(given) else prediction_id
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(content))),
                ("X-Request-ID", request_id),
                *HEADERS,
            ],
        )
        seconds = time.perf_counter() - began
        self._requests.inc()
        self._durations.observe(seconds)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("POST %s 200 %.1f ms as %s", PATH, seconds * 1000, request_id)
        return (content,)

    def _answer(self, environ: WSGIEnvironment) -> tuple[bytes, str] | None:
        """Return the answer and its id, or None if the request is to take the whole road; its body is there again."""
        length = environ.get("CONTENT_LENGTH", "")
        if (
            environ.get("CONTENT_TYPE") != "application/json"
            or not (length.isascii() and length.isdigit() and len(length) < 10)
            or int(length) > self._body_bytes
            or "HTTP_TRANSFER_ENCODING" in environ
            or not self._may_pass(environ)
        ):
            return None
        raw = environ["wsgi.input"].read(int(length))
        answered = self._predict(raw)
        if answered is None:
            environ["wsgi.input"] = BytesIO(raw)
        return answered

    def _predict(self, raw: bytes) -> tuple[bytes, str] | None:
        try:
            body = read_prediction(raw)
            champion = self._predictor.champion()
            if body.explain or len(body.feature_vector) != len(champion.names):
                return None
            began = time.perf_counter()
            answer = self._predictor.predict(champion, body.feature_vector)
        except Exception:  # whatever it is comes up again on the whole road, which has an answer and a log line for it
            return None
        self._metrics.count_one(answer.is_inlier, answer.score, body.score, time.perf_counter() - began)
        return encode_answer(answer, with_score=body.score), answer.prediction_id
