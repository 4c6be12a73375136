"""Counts wrong tries, so that a token cannot be guessed by trying many."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from ml_core.clock import Clock
from ml_core.errors import TooManyTries

_MOST_CALLERS = 10_000


class Tries:
    """At most ``most`` wrong tries in ``within``, by caller; each process counts for itself."""

    def __init__(self, clock: Clock, *, most: int = 10, within: timedelta = timedelta(minutes=5)) -> None:
        self._clock = clock
        self._most = most
        self._within = within
        self._wrong: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def check(self, caller: str) -> None:
        """Raise ``TooManyTries`` if a caller must wait before the next try."""
        now = self._clock.now()
        with self._lock:
            times = self._recent(caller, now)
            if len(times) >= self._most:
                wait = int((times[0] + self._within - now).total_seconds()) + 1
                raise TooManyTries(f"too many wrong tries; wait {wait} seconds", wait)

    def note_wrong(self, caller: str) -> None:
        """Count a wrong try."""
        now = self._clock.now()
        with self._lock:
            if len(self._wrong) >= _MOST_CALLERS:
                self._wrong = {name: times for name in list(self._wrong) if (times := self._recent(name, now))}
            self._wrong.setdefault(caller, deque(maxlen=self._most)).append(now)

    def forget(self, caller: str) -> None:
        """Count no wrong try of a caller any more, who has just given a right one."""
        with self._lock:
            self._wrong.pop(caller, None)

    def _recent(self, caller: str, now: datetime) -> deque[datetime]:
        times = self._wrong.get(caller, deque())
        while times and now - times[0] >= self._within:
            times.popleft()
        return times
