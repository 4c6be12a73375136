"""Posts JSON to a webhook, signed so that the receiver can tell that it comes from here and was not changed.

With a secret three headers go along: ``X-ML-Delivery``, which stays the same when a post is repeated,
``X-ML-Timestamp`` (seconds since the epoch) and ``X-ML-Signature``, which is ``sha256=`` and the HMAC-SHA256 (RFC 2104)
of ``<timestamp>.<body>`` in hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from ml_core.errors import DeliveryFailed
from ml_core.ids import new_id

if TYPE_CHECKING:
    import requests

_ANSWER_SECONDS = 10.0


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``X-ML-Signature`` for a body sent at ``timestamp``."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (timestamp, body), hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def is_signed(secret: str, timestamp: int, body: bytes, signature: str) -> bool:
    """Return whether a signature is that of a body: what a receiver written in Python may call."""
    return hmac.compare_digest(sign(secret, timestamp, body), signature)


def post(
    url: str,
    content: Mapping[str, Any],
    now: datetime,
    *,
    secret: str | None = None,
    session: requests.Session | None = None,
) -> None:
    """Post ``content`` as JSON; raise ``DeliveryFailed`` if nobody took it, after repetitions.

    The message of the error names the host alone, since the path of a webhook often is its password.
    """
    import requests  # 5 MB that a dashboard, which posts nothing, need not hold

    from ml_core.http_client import new_session

    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    headers = {"Content-Type": "application/json", "X-ML-Delivery": new_id(now)}
    if secret is not None:
        timestamp = int(now.timestamp())
        headers |= {"X-ML-Timestamp": str(timestamp), "X-ML-Signature": sign(secret, timestamp, body)}
    host = urlsplit(url).hostname
    try:
        with session or new_session() as opened:
            answer = opened.post(url, data=body, headers=headers, timeout=_ANSWER_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise DeliveryFailed(f"the webhook at {host} could not be reached: {type(error).__name__}") from None
    if not 200 <= answer.status_code < 300:
        raise DeliveryFailed(f"the webhook at {host} answered {answer.status_code}")
