"""The thread that brings what waits in a spool to its database: one a process, one at work a machine."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import closing

from ml_core.clock import Clock
from ml_core.errors import StoreUnavailable
from ml_core.store.replaying import Replay
from ml_core.store.spool import Spool
from ml_core.store.sql_store import SqlStore
from ml_core.store.watching import DatabaseWatch

log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0
_STOP_SECONDS = 2.0


class Replayer:
    """Runs while its spool holds records, tries less often while the database stays away, and ends by itself.

    The thread is a daemon, and may be killed with its process at any moment.
    """

    def __init__(self, spool: Spool, open_target: Callable[[], SqlStore], watch: DatabaseWatch, clock: Clock) -> None:
        self._spool = spool
        self._open_target = open_target
        self._watch = watch
        self._clock = clock
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def wake(self) -> None:
        """See to it that what waits is replayed; returns at once."""
        with self._guard:
            if self._stopping.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="replayer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread for good; one that waits for the database is left to end by itself."""
        self._stopping.set()
        with self._guard:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        with closing(self._open_target()) as target:
            while not self._stopping.is_set():
                if self._replay(target):
                    if self._is_over():
                        return
                    pause = _FIRST_PAUSE_SECONDS
                else:
                    # Jitter, so that processes and machines do not all come at once when the database is back.
                    self._stopping.wait(pause * random.uniform(0.5, 1))
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _replay(self, target: SqlStore) -> bool:
        """Replay what waits; return whether all of it was."""
        try:
            with self._spool.replaying() as is_mine:
                if not is_mine:  # another process does
                    return not self._spool.holds_records()
                replay = Replay(self._spool, target, self._clock)
                for _ in replay.run(self._stopping.is_set):
                    self._watch.succeeded()
            log.info("replayed what waited: %s", replay.done)
            return True
        except StoreUnavailable as error:
            if self._watch.absence is None:
                log.error("what waits cannot be replayed: %s", error.message)
            self._watch.failed(error)
            return False
        except Exception:  # nobody else would hear of it, and the thread must try again: what waits was acknowledged
            log.exception("what waits cannot be replayed, for a fault of ours")
            return False

    def _is_over(self) -> bool:
        """Whether nothing waits any more; a thread that is to be woken is not taken for one that still runs."""
        with self._guard:
            if self._spool.holds_records():
                return False
            self._thread = None
            return True
