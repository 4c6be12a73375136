"""What a process knows of a database from its own attempts, so that not every caller waits to learn that it is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from ml_core.clock import Clock
from ml_core.errors import StoreUnavailable

_RETRY_SECONDS = 2.0
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when a database is away, and what the newest attempt said."""

    since_time: datetime
    message: str


class DatabaseWatch:
    """Counts attempts on a database; one object is shared by all threads of a process.

    An attempt may take as long as the driver's time-outs. While one has already taken two seconds, or the database is
    known to be away and one attempt is under way or has just failed, others need not try: it is in doubt.
    """

    def __init__(self, clock: Clock, timer: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._timer = timer
        self._guard = Lock()
        self._running: dict[int, float] = {}
        self._numbers = 0
        self._succeeded = self._failed = float("-inf")
        self._absence: Absence | None = None

    @property
    def absence(self) -> Absence | None:
        """Since when the database is away; None if it answered the newest attempt, or none was made."""
        return self._absence

    @property
    def is_in_doubt(self) -> bool:
        """Whether an attempt would probably end in a wait and a failure."""
        with self._guard:
            now, started = self._timer(), min(self._running.values(), default=None)
            if self._absence is not None:
                return started is not None or now - self._failed < _RETRY_SECONDS
            return started is not None and started > self._succeeded and now - started > _PATIENCE_SECONDS

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Watch one attempt: it failed if it raises ``StoreUnavailable``, and succeeded if it raises nothing."""
        with self._guard:
            self._numbers += 1
            number = self._numbers
            self._running[number] = self._timer()
        try:
            yield
        except StoreUnavailable as error:
            self.failed(error)
            raise
        else:
            self.succeeded()
        finally:
            with self._guard:
                del self._running[number]

    def succeeded(self) -> None:
        """Note that the database answers."""
        with self._guard:
            self._succeeded, self._absence = self._timer(), None

    def failed(self, error: StoreUnavailable) -> None:
        """Note that the database does not answer, and why."""
        with self._guard:
            since = self._absence.since_time if self._absence else self._clock.now()
            self._failed, self._absence = self._timer(), Absence(since, error.message)
