"""Hands rows to the monitor over HTTP, and understands what it says of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
import requests

from ml_core.errors import DeliveryFailed
from ml_core.http_client import new_session
from ml_core.outbox.batches import Addressee, Kind

_PATHS: dict[Kind, str] = {"predictions": "/predictions", "ground_truths": "/ground-truth"}
_ROW = re.compile(r"(?:predictions|ground_truths)\[(\d+)\](?:\.(.+))?")
_REFUSED = (400, 404, 409, 413, 415, 422)
"""What sending again does not mend. All else, such as a wrong token, may be mended at the monitor: rows wait for it."""
_LONGEST_RETRY_AFTER = 300.0


class TryLater(Exception):
    """The monitor is away, busy, or does not let this client in; ``after_seconds`` is what it asked for."""

    def __init__(self, reason: str, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_seconds = after_seconds


@dataclass(slots=True)
class Delivery:
    """What became of rows: how many were taken or known already, and which were refused, each with the reason."""

    accepted: int = 0
    duplicates: int = 0
    refused: list[tuple[dict[str, Any], str]] = field(default_factory=list)


class PostOffice:
    """Sends rows to one monitor. Every call bears being repeated: rows are told apart by their ids."""

    def __init__(self, url: str, token: str | None, timeout_seconds: float) -> None:
        self.url = url
        self._timeout_seconds = timeout_seconds
        # Repetitions are for whoever calls, who can wait without holding up an end of the process.
        self._session = new_session(retries=0)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def deliver(self, to: Addressee, items: Sequence[dict[str, Any]]) -> Delivery:
        """Send rows of one addressee; raise ``TryLater``, after which the same rows are to be sent again.

        Rows that the monitor names as wrong are refused, and the rest is sent without them. A body that is too large
        is halved. A watched model that nobody has registered is registered.
        """
        delivery = Delivery()
        self._deliver(to, list(items), delivery, may_register=to.task is not None)
        return delivery

    def call(self, method: str, path: str, body: bytes, content_type: str = "application/json") -> requests.Response:
        """Return the monitor's answer, whatever it is; raise ``TryLater`` if there is none."""
        try:
            return self._session.request(
                method,
                f"{self.url}{path}",
                data=body,
                headers={"Content-Type": content_type},
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise TryLater(f"{self.url} cannot be reached: {type(error).__name__}") from None

    def ask(self, method: str, path: str, body: bytes, content_type: str) -> None:
        """Make one call that must succeed; raise ``DeliveryFailed`` that says why it has not."""
        try:
            answer = self.call(method, path, body, content_type)
        except TryLater as error:
            raise DeliveryFailed(error.reason) from None
        if answer.status_code not in (200, 201):
            message, _ = _read_error(answer)
            raise DeliveryFailed(f"{self.url}{path} answered {answer.status_code}: {message}")

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    def _register(self, to: Addressee) -> bool:
        """Register a model that nobody knows; return whether it was not there and is now.

        One that is there is left as it is: its owner may have given it a title, and it is something else that the
        monitor has not found, such as a version.
        """
        if self.call("GET", f"/models/{quote(to.model)}/performance", b"").status_code != 404:
            return False
        body = orjson.dumps({"name": to.model, "task": to.task})
        return self.call("POST", "/models", body).status_code in (200, 201)

    def _deliver(self, to: Addressee, items: list[dict[str, Any]], delivery: Delivery, *, may_register: bool) -> None:
        while items:
            body: dict[str, Any] = {"model": to.model, to.kind: items}
            if to.version is not None:
                body["version"] = to.version
            answer = self.call("POST", _PATHS[to.kind], orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
            status = answer.status_code
            if status == 200:
                _note_receipt(answer, items, delivery)
                return
            message, wrong = _read_error(answer)
            if status == 404 and may_register:
                may_register = False
                if self._register(to):
                    continue
            if status not in _REFUSED:
                raise TryLater(f"{self.url} answered {status}: {message}", _retry_after(answer))
            if status == 413 and len(items) > 1:
                half = len(items) // 2
                self._deliver(to, items[:half], delivery, may_register=may_register)
                items = items[half:]
            elif wrong and set(wrong) <= set(range(len(items))):
                delivery.refused += [(items[place], reason) for place, reason in sorted(wrong.items())]
                items = [item for place, item in enumerate(items) if place not in wrong]
            else:
                delivery.refused += [(item, message) for item in items]
                return


def _note_receipt(answer: requests.Response, items: Sequence[dict[str, Any]], delivery: Delivery) -> None:
    try:
        receipt = orjson.loads(answer.content)
        refused = [(items[row["index"]], f"{row['field']}: {row['message']}") for row in receipt["rejected"]]
        delivery.accepted += receipt["accepted"]
        delivery.duplicates += receipt["duplicates"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        raise TryLater("what answers there is not the monitor: expected its receipt as JSON") from None
    delivery.refused += refused


def _read_error(answer: requests.Response) -> tuple[str, dict[int, str]]:
    """Return what the monitor said, and by row what is wrong with it, where it names rows."""
    try:
        error = orjson.loads(answer.content)["error"]
        wrong: dict[int, str] = {}
        for detail in error["details"]:
            named = _ROW.match(detail["field"])
            if named:
                wrong.setdefault(int(named[1]), f"{named[2] or 'row'}: {detail['message']}")
        return str(error["message"]), wrong
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return answer.reason or "no reason given", {}


def _retry_after(answer: requests.Response) -> float | None:
    try:
        return min(max(0.0, float(answer.headers["Retry-After"])), _LONGEST_RETRY_AFTER)
    except (KeyError, ValueError):  # none, or a date, which nobody sends us
        return None
