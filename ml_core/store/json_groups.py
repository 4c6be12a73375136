"""Group commit: threads that write to one folder at the same time share its lock, and a write and an fsync a file.

The first thread to come is the leader. Once it holds the folder's lock it takes all that wait by then, decides each in
the order of arrival, appends what is to be stored in one go, and wakes them; who came meanwhile form the next group,
led by the first of them. So nobody waits for company, and nothing is acknowledged before it is durable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Generic, TypeVar

from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth, Prediction, Receipt
from ml_core.store.json_segments import append_together, segment_lock

Row = TypeVar("Row", Prediction, GroundTruth)


@dataclass(frozen=True, slots=True)
class Decided(Generic[Row]):
    """What becomes of a batch: the rows to store, the same as lines by the name of their segment, and the receipt.

    All batches name the segments whose lines must be durable before those of others first.
    """

    rows: Sequence[Row]
    contents: Mapping[str, bytes]
    receipt: Receipt


Decide = Callable[[Mapping[str, Row]], Decided[Row]]
"""Decides a batch under the folder's lock, given the rows by id that the group stores but that are not on disk yet."""


class _Request(Generic[Row]):
    """A batch that waits; ``woken`` is set when it has its outcome, or is to lead."""

    def __init__(self, work: Decided[Row] | Decide[Row]) -> None:
        self.work: Decided[Row] | Decide[Row] = work
        self.woken = Event()
        self.receipt: Receipt | None = None
        self.error: Exception | None = None


class WriteGroups(Generic[Row]):
    """The writers of one process, by folder."""

    def __init__(self) -> None:
        self._guard = Lock()
        # Who waits, by folder; a folder that has an entry has a leader.
        self._waiting: dict[Path, list[_Request[Row]]] = {}

    def record(self, folder: Path, work: Decided[Row] | Decide[Row]) -> Receipt:
        """Store a batch durably and return its receipt.

        A batch that is decided already need not be looked up, and costs the others nothing but its lines. Raises
        ``StoreUnavailable`` if the group could not be stored, and then nothing of it is; what deciding this batch
        raises concerns this one alone.
        """
        request = _Request(work)
        with self._guard:
            leads = folder not in self._waiting
            self._waiting.setdefault(folder, []).append(request)
        if not leads:
            try:
                request.woken.wait()
            except BaseException:  # a signal: those who wait behind must not wait for this thread to lead
                self._leave(folder, request)
                raise
        if request.receipt is None and request.error is None:
            self._lead(folder)
        if request.error is not None:
            raise request.error
        assert request.receipt is not None
        return request.receipt

    def _lead(self, folder: Path) -> None:
        group: list[_Request[Row]] = []
        try:
            with segment_lock(folder):
                group = self._take(folder)
                _commit(folder, group)
        except BaseException as error:
            # Those who wait must be told whatever it is, and who still queues would wait for the lock in vain too.
            message = error.message if isinstance(error, StoreUnavailable) else f"cannot write {folder}: interrupted"
            group = group or self._take(folder)
            for request in group:
                request.receipt = None
                request.error = request.error or StoreUnavailable(message)
            if not isinstance(error, StoreUnavailable):
                raise
        finally:
            for request in group:
                request.woken.set()
            self._hand_over(folder)

    def _take(self, folder: Path) -> list[_Request[Row]]:
        with self._guard:
            group, self._waiting[folder] = self._waiting[folder], []
            return group

    def _hand_over(self, folder: Path) -> None:
        with self._guard:
            self._wake_next(folder)

    def _leave(self, folder: Path, request: _Request[Row]) -> None:
        with self._guard:
            if request in self._waiting.get(folder, ()):
                self._waiting[folder].remove(request)
                if request.woken.is_set():
                    self._wake_next(folder)

    def _wake_next(self, folder: Path) -> None:
        if self._waiting[folder]:
            self._waiting[folder][0].woken.set()
        else:
            del self._waiting[folder]


def _commit(folder: Path, group: Sequence[_Request[Row]]) -> None:
    contents: defaultdict[str, list[bytes]] = defaultdict(list)
    earlier: dict[str, Row] = {}
    unseen: list[Sequence[Row]] = []
    for request in group:
        try:
            if isinstance(request.work, Decided):
                decided = request.work
            else:
                earlier.update((row.prediction_id, row) for rows in unseen for row in rows)
                unseen.clear()
                decided = request.work(earlier)
        except Exception as error:  # raised again in the thread whose batch it is
            request.error = error
            continue
        request.receipt = decided.receipt
        unseen.append(decided.rows)
        for name, content in decided.contents.items():
            contents[name].append(content)
    append_together(folder, {name: b"".join(parts) for name, parts in contents.items()})
