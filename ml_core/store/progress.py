"""How far long work has come: told by kind of record, to a terminal about once a second, to a log now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[str, int, int | None], None]
"""Called with a kind of record, how many are done, and how many there are in all (None: not known)."""

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 10.0


def no_progress(kind: str, done: int, total: int | None) -> None:
    """Tell nobody."""


class ShownProgress:
    """Writes ``predictions: 20,000 of 1,000,000`` to a stream.

    A terminal gets one line a kind, which is written over; any other stream gets a line every ten seconds. What takes
    less than that is not worth a line. A kind that got one gets another when it is done, or how far it came.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._seconds = TERMINAL_SECONDS if self._is_terminal else LOG_SECONDS
        self._kind: str | None = None
        self._line = ""
        self._shown = ""
        self._next_time = clock() + self._seconds

    def __call__(self, kind: str, done: int, total: int | None) -> None:
        if kind != self._kind:
            self.close()
            self._kind = kind
        self._line = f"{kind}: {done:,}" if total is None else f"{kind}: {done:,} of {total:,}"
        if self._clock() >= self._next_time:
            self._show()

    def close(self) -> None:
        """Write how far the last kind came, and end its line."""
        if self._shown:
            self._show()
            if self._is_terminal:
                self._stream.write("\n")
        self._kind, self._shown = None, ""

    def _show(self) -> None:
        self._next_time = self._clock() + self._seconds
        if self._line == self._shown:
            return
        if self._is_terminal:
            self._stream.write("\r" + self._line.ljust(len(self._shown)))
        else:
            self._stream.write(self._line + "\n")
        self._stream.flush()
        self._shown = self._line
