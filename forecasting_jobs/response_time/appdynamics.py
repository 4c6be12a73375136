"""The client of an AppDynamics controller: metric data over its REST API, with tokens that it renews.

A controller has few threads for questions, so ``connections`` of them are asked at once at most, all servers of a
metric by one question. What is busy, slow or half an answer is asked again, with pauses that double.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
import requests

from forecasting_jobs.response_time.controller_config import ControllerConfig
from forecasting_jobs.response_time.errors import ControllerFault, ControllerRefused, ControllerUnavailable
from forecasting_jobs.response_time.metric_data import hourly_values, read_answer
from forecasting_jobs.response_time.metric_details import read_details
from forecasting_jobs.response_time.metrics import metric_path
from forecasting_jobs.response_time.sources import Hours, Question
from ml_core.errors import SuiteError
from ml_core.http_client import new_session

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_ATTEMPTS = 3
_MOST_BYTES = 64_000_000
_EARLY_SECONDS = 30.0  # a token is renewed so long before its end, that none runs out on its way


class Controller:
    """Asks a controller; one for a process, fit to be used by several threads."""

    def __init__(self, config: ControllerConfig, *, pause_seconds: float = 0.5) -> None:
        self._config = config
        self._pause = pause_seconds
        self._session = new_session(retries=_ATTEMPTS - 1, pause_seconds=pause_seconds)
        self._session.verify = config.verify
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def hours(self, application: str, questions: Sequence[Question]) -> list[Hours | SuiteError]:
        """Return the hours of each question, or why there are none; see ``Source``.

        Minutes become hours as they come, so that those of all metrics are never in memory at once.
        """
        return self.ask_many([partial(self._hours, application, question) for question in questions])

    def metric_data(self, application: str, path: str, start: datetime, end: datetime) -> list[Any]:
        """Return what the controller has of the metrics that match ``path`` with ``start <= time < end``, as it came.

        How far apart the points are is the controller's choice: a minute for a day, ten up to 49 hours, else an hour.
        Raises ``ControllerUnavailable``, ``ControllerRefused`` and ``ControllerFault``.
        """
        address = f"{self._config.url}/controller/rest/applications/{quote(application, safe='')}/metric-data"
        question = {
            "metric-path": path,
            "time-range-type": "BETWEEN_TIMES",
            "start-time": str(round(start.timestamp() * 1000)),
            "end-time": str(round(end.timestamp() * 1000)),
            "rollup": "false",
            "output": "JSON",
        }
        content = self._repeated(lambda: self._read(self._ask(address, question)))
        if not isinstance(content, list):
            raise ControllerFault("the controller answered JSON that is not a list of metrics")
        return content

    def ask_many(self, questions: Iterable[Callable[[], _T]]) -> list[_T | SuiteError]:
        """Return the answers to questions, a few at a time; a failure takes the place of its answer."""

        def answer(question: Callable[[], _T]) -> _T | SuiteError:
            try:
                return question()
            except SuiteError as error:
                return error

        with ThreadPoolExecutor(self._config.connections, thread_name_prefix="controller") as pool:
            return list(pool.map(answer, questions))

    def _hours(self, application: str, question: Question) -> Hours:
        pattern = self._config.metric_paths[question.metric]
        content = self.metric_data(application, metric_path(pattern), question.start, question.end)
        answer = read_answer(content, pattern)
        values = {}
        for server, points in answer.points.items():
            found = hourly_values(points, question.end)
            values[server] = {time: value for time, value in found.items() if time >= question.start}
        details = read_details(content, pattern, values) if question.in_detail else {}
        return Hours(values, answer.faults, details)

    def _ask(self, address: str, question: dict[str, str]) -> requests.Response:
        for is_second in (False, True):
            token = self._valid_token()
            response = self._send("GET", address, params=question, headers={"Authorization": f"Bearer {token}"})
            if response.status_code != 401:
                return response
            response.close()
            if not is_second:
                self._forget(token)
        raise ControllerRefused("the controller does not accept the tokens that it gives: may this client read?")

    def _valid_token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._renew()
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:  # or another thread has renewed it meanwhile
                self._good_until = 0.0

    def _renew(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
        }
        asked = time.monotonic()
        response = self._send("POST", self._config.token_url, data=form)
        if response.status_code in (400, 401, 403):
            response.close()
            raise ControllerRefused("the controller gives no token: check client_id and client_secret")
        content = self._read(response)
        token = content.get("access_token") if isinstance(content, dict) else None
        seconds = content.get("expires_in") if isinstance(content, dict) else None
        if not isinstance(token, str) or not isinstance(seconds, (int, float)):
            raise ControllerFault("the controller answered without access_token and expires_in")
        self._token = token
        self._good_until = asked + max(seconds - _EARLY_SECONDS, seconds / 2)

    def _send(self, method: str, address: str, **more: Any) -> requests.Response:
        try:
            return self._session.request(
                method, address, timeout=self._config.timeout_seconds, allow_redirects=False, stream=True, **more
            )
        except requests.exceptions.SSLError as error:
            raise ControllerRefused("the controller's certificate is not trusted: see response_time.ca_file") from error
        except requests.RequestException as error:
            raise ControllerUnavailable(f"the controller cannot be reached at {self._config.url}") from error

    def _read(self, response: requests.Response) -> Any:
        with response:
            if response.status_code >= 500 or response.status_code == 429:
                raise ControllerUnavailable(f"the controller is busy or broken: it answered {response.status_code}")
            if response.status_code != 200:
                raise ControllerRefused(
                    f"the controller answered {response.status_code}: check the application's name and geturl"
                )
            try:
                body = response.raw.read(_MOST_BYTES + 1, decode_content=True)
            except Exception as error:  # urllib3's own tree: a body that is cut off, or does not go on
                raise _Torn("the controller's answer was cut off") from error
        if len(body) > _MOST_BYTES:
            raise ControllerFault(f"the controller answered more than {_MOST_BYTES:,} bytes: ask for less at once")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            if body.lstrip().startswith(b"<"):
                raise ControllerFault("the controller answered XML or HTML where JSON was asked for") from None
            raise _Torn("the controller's answer is not whole JSON") from error

    def _repeated(self, work: Callable[[], _T]) -> _T:
        for attempt in range(_ATTEMPTS - 1):
            try:
                return work()
            except _Torn as error:
                log.warning("%s; it is asked again", error.message)
                time.sleep(self._pause * 2**attempt)
        return work()


class _Torn(ControllerFault):
    """An answer of which a part is missing: worth another try."""
