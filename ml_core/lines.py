"""Lines of JSON that carry their own checksum, in files that are only ever appended to.

A line is a JSON object whose last key ``crc`` is the CRC-32C of the line without it, so ``jq`` and ``cat`` still work.
A writer that was killed leaves at most one line without its end: readers pass over it, the next writer cuts it off.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import crc32c
import orjson

log = logging.getLogger(__name__)
_SUFFIX_LENGTH = len(b',"crc":"00000000"}')


def encode_line(row: dict[str, Any]) -> bytes:
    """Return the line of a row, with its checksum and line break.

    The row must hold at least one key. Arrays of numpy become lists, in which null stands for NaN and infinities.
    """
    body = orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY)
    return b'%b,"crc":"%08x"}\n' % (body[:-1], crc32c.crc32c(body))


def decode_line(line: bytes) -> dict[str, Any] | None:
    """Return the row of a line without its line break, or None if it is not as it was written."""
    if not is_whole(line):
        return None
    row: dict[str, Any] = orjson.loads(line[:-_SUFFIX_LENGTH] + b"}")
    return row


def is_whole(line: bytes) -> bool:
    """Return whether a line, without its break, is as it was written."""
    body = line[:-_SUFFIX_LENGTH] + b"}"
    return line[-_SUFFIX_LENGTH:] == b',"crc":"%08x"}' % crc32c.crc32c(body)


def cut_torn_tail(descriptor: int, path: Path) -> int:
    """Cut what a killed writer left behind the last line break; return the length of the file then."""
    length = end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(0, end - 65536)
        block = os.pread(descriptor, end - start, start)
        found = block.rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < length:
        log.warning("%s: cut %d bytes of a line that was never finished", path, length - end)
        os.ftruncate(descriptor, end)
    os.lseek(descriptor, end, os.SEEK_SET)
    return end


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of ``content``, however often the system takes only a part; raise ``OSError``."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
