"""Data sets in requests: a form's field ``file``, as old clients send it, or a body of JSON or CSV."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import cast

from flask import request

from ml_core.errors import FieldError, InvalidInput, MalformedBody, NotFound, UnsupportedMediaType
from ml_core.files import file_trouble, replace_file
from ml_core.web.json_bodies import SuiteRequest

FIELD = "file"
UPLOADS = "uploads"
"""The folder below the engine's own in which data sets wait for their job."""
_FORM = "multipart/form-data"
_BODIES = ("application/json", "text/csv", "text/plain", "application/octet-stream")


def read_upload() -> bytes | None:
    """Return the data set of the request, or None if it has none.

    Raises ``InvalidInput`` for a form without the field ``file``, ``MalformedBody`` for an empty one, and
    ``UnsupportedMediaType`` for a body of another type.
    """
    if request.mimetype == _FORM:
        sent = request.files.get(FIELD)
        if sent is None:
            message = "expected a file of CloudWatch JSON or CSV"
            raise InvalidInput(f"{FIELD}: {message}", [FieldError(FIELD, message)])
        with sent.stream as stream:
            content: bytes = stream.read()
        if not content:
            raise MalformedBody("file is empty; expected CloudWatch JSON or CSV")
        return content
    if request.content_length == 0 or (request.content_length is None and not request.mimetype):
        return None
    if request.mimetype not in _BODIES:
        raise UnsupportedMediaType("send CloudWatch JSON (application/json), CSV (text/csv) or a form's field file")
    return cast(SuiteRequest, request).read_body("CloudWatch JSON or CSV")


def require_upload() -> bytes:
    """Return the data set of the request; raise as ``read_upload``, and ``MalformedBody`` if there is none."""
    content = read_upload()
    if content is None:
        raise MalformedBody("expected a data set: CloudWatch JSON or CSV, as the body or as a form's field file")
    return content


def keep_upload(folder: Path, content: bytes) -> str:
    """Write a data set where a job of this machine finds it, and return its name there; raise ``StoreUnavailable``."""
    name = f"{uuid.uuid4().hex}.dataset"
    path = folder / UPLOADS / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise file_trouble("write", path, error, "ML_CLOUDWATCH__FOLDER") from error
    return name


def take_upload(folder: Path, name: str) -> bytes:
    """Return a kept data set and remove it; raise ``NotFound`` if it is gone."""
    path = folder / UPLOADS / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("the data set of this job is gone; send it again") from None
    path.unlink()
    return content
