"""Log lines with the id of the request or job run that they belong to."""

from __future__ import annotations

import logging
import sys
import textwrap
from contextvars import ContextVar
from datetime import UTC, datetime

current_id: ContextVar[str] = ContextVar("current_id", default="-")
"""The request id or run id of the code that runs now; the web base and the job runner set it."""

# In a message these would let a client forge log lines, or command the terminal that shows them.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def one_line(text: str) -> str:
    """Return a text with what could break its line, or command a terminal, written out."""
    return text.translate(_CONTROLS)


def with_traceback(line: str, record: logging.LogRecord) -> str:
    """Return a record's line and, indented since its last lines hold the exception's text, the traceback below it."""
    if not record.exc_info:
        return line
    traceback = logging.Formatter().formatException(record.exc_info).translate(_CONTROLS | {ord("\n"): "\n"})
    return f"{line}\n{textwrap.indent(traceback, '    ')}"


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = one_line(record.getMessage())
        return with_traceback(f"{time} {record.levelname} [{current_id.get()}] {record.name}: {message}", record)


def configure(level: str) -> None:
    """Send log records of ``level`` and above to standard error, one line each; replaces earlier handlers.

    A traceback follows its line, indented.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
