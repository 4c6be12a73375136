"""The worker's wire: messages of JSON, each after its length as four bytes, over the two ends of a pipe."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import orjson

MODEL_FAILED = "model_failed"
"""The ``error`` of a reply if the model itself raised on the rows; any other says that it cannot be used at all."""
_LENGTH = struct.Struct(">I")
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def write_message(pipe: BinaryIO, message: Any) -> None:
    """Write one message and flush it."""
    content = orjson.dumps(message, option=_OPTIONS)
    pipe.write(_LENGTH.pack(len(content)) + content)
    pipe.flush()


def read_message(pipe: BinaryIO) -> Any | None:
    """Read one message, waiting for it; None at the end of the pipe."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = pipe.read(length)
    return orjson.loads(content) if len(content) == length else None
