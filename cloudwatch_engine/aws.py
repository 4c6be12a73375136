"""The clients of AWS, made in one place, and what their errors mean. boto3 is loaded when the first one is made."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cloudwatch_engine.errors import CloudWatchRefused, CloudWatchUnavailable
from ml_core.settings import CloudWatchSettings

Result = TypeVar("Result")

_BUSY = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestThrottled",
        "InternalServiceError",
        "InternalServiceFault",
        "InternalFailure",
        "ServiceUnavailable",
    }
)
_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "AuthFailure",
        "OptInRequired",
    }
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is made, and how long is waited in between: twice as long each time, give or take a half.

    The pauses differ by chance so that many engines that were throttled together do not all come back together.
    """

    attempts: int = 6
    pause_seconds: float = 0.5
    longest_seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int) -> None:
        """Wait after the failed ``attempt``, counted from 1."""
        pause = min(self.longest_seconds, self.pause_seconds * 2.0 ** (attempt - 1))
        self.sleep(pause * random.uniform(0.5, 1.5))


def new_client(settings: CloudWatchSettings) -> Any:
    """Return a CloudWatch client as the settings say; raise ``CloudWatchRefused`` if a region or profile is missing.

    Repetition is ours (``Patience``), since botocore would not repeat an answer that is partial.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
        return session.client("cloudwatch", endpoint_url=settings.endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:  # ValueError: a region that makes no address
        raise CloudWatchRefused(
            f"AWS cannot be called: {error}; see the settings cloudwatch.*, or aws configure"
        ) from None


def patiently(patience: Patience, what: str, call: Callable[[], Result]) -> Result:
    """Return what ``call`` returns, made again while CloudWatch is busy or away.

    Raises ``CloudWatchUnavailable`` when patience is at its end, and ``CloudWatchRefused`` at once.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

    reason = ""
    for attempt in range(1, patience.attempts + 1):
        try:
            return call()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _REFUSED or status in (401, 403):
                raise CloudWatchRefused(f"{what} is not allowed ({code}): the role needs this permission") from None
            if code not in _BUSY and status < 500:
                raise CloudWatchRefused(f"{what} was refused ({code}): {_said(error)}") from None
            reason = code or f"status {status}"
        except (HTTPClientError, ConnectionError) as error:
            reason = type(error).__name__
        except BotoCoreError as error:  # no credentials, a parameter that the model of the API does not know
            raise CloudWatchRefused(f"{what} is not possible: {error}") from None
        if attempt < patience.attempts:
            patience.wait(attempt)
    raise CloudWatchUnavailable(f"{what} failed {patience.attempts} times, at last with {reason}")


def _said(error: Any) -> str:
    message = str(error.response.get("Error", {}).get("Message", ""))
    return message.splitlines()[0][:300] if message else "no reason given"
