"""The errors of the suite, as a tree. Each knows the HTTP status and the code that a client sees.

SuiteError (500)
├── ConfigurationError      the settings are wrong: the start is refused
├── InvalidInput (422)      well-formed, but not what was expected
│   ├── MalformedBody (400)         not JSON at all
│   ├── BodyTooLarge (413)
│   └── UnsupportedMediaType (415)
├── Unauthorized (401)      no token, or an unknown one
├── Forbidden (403)         the token lacks the scope
├── NotFound (404)
│   ├── ModelNotFound
│   └── VersionNotFound
├── Conflict (409)          true once, but no longer
├── TooManyTries (429)      a token was guessed wrong too often
├── ArtifactError (503)     a model's files cannot be used
├── Unavailable (503)       a part is away for now: try again after a while
│   ├── StoreUnavailable
│   └── WorkerUnavailable
└── DeliveryFailed (502)    a mail or a webhook was not taken by its receiver
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input: ``field`` is its path, such as ``predictions[3].value``."""

    field: str
    message: str


class SuiteError(Exception):
    """Base of all errors that the suite raises on purpose; ``message`` is fit to be shown to a user."""

    status = 500
    code = "internal_error"

    def __init__(self, message: str, details: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)


class ConfigurationError(SuiteError):
    """A setting is unknown, missing or wrong; the process must not start."""

    code = "configuration_error"


class InvalidInput(SuiteError):
    """The input has the right form but not the expected content; ``details`` names each field."""

    status = 422
    code = "invalid_input"


class MalformedBody(InvalidInput):
    """The body could not be parsed."""

    status = 400
    code = "malformed_body"


class BodyTooLarge(InvalidInput):
    """The body is longer than the setting ``limits.body_bytes``."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaType(InvalidInput):
    """The body is of a type that this address does not take."""

    status = 415
    code = "unsupported_media_type"


class Unauthorized(SuiteError):
    """No bearer token came, or one that is not configured."""

    status = 401
    code = "unauthorized"


class Forbidden(SuiteError):
    """The token is known but lacks the scope that this address asks for."""

    status = 403
    code = "forbidden"


class NotFound(SuiteError):
    """The named thing does not exist."""

    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    """No model of this name (or seed id) is registered."""

    def __init__(self, model: str) -> None:
        super().__init__(f"no model {model!r} is registered; GET /models lists those that are")
        self.model = model


class VersionNotFound(NotFound):
    """The model has no such version."""

    def __init__(self, model: str, version: object) -> None:
        super().__init__(f"model {model!r} has no version {version}; GET /models/{model}/versions lists its versions")
        self.model = model
        self.version = version


class Conflict(SuiteError):
    """What the caller went by has changed meanwhile; read again and decide anew."""

    status = 409
    code = "conflict"


class TooManyTries(SuiteError):
    """A caller has given too many wrong tokens; ``retry_after_seconds`` says when the next try is heard."""

    status = 429
    code = "too_many_tries"
    retry_after_seconds = 60

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ArtifactError(SuiteError):
    """A model's files are missing, damaged, of an untrusted type, or made by another library version."""

    status = 503
    code = "artifact_error"


class Unavailable(SuiteError):
    """A part the request needs is away for now; ``retry_after_seconds`` says when to try again."""

    status = 503
    code = "unavailable"
    retry_after_seconds = 5


class StoreUnavailable(Unavailable):
    """The store cannot be read or written: permissions, a full disk, a database that is away."""

    code = "store_unavailable"


class WorkerUnavailable(Unavailable):
    """The process that holds the model ended or did not answer in time."""

    code = "worker_unavailable"


class DeliveryFailed(SuiteError):
    """A notification was not taken by its receiver, after repetitions."""

    status = 502
    code = "delivery_failed"
