"""Sends what waits in a spool to its database, oldest first, and each record once however often it is begun anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from ml_core.clock import Clock
from ml_core.records import GroundTruth, Prediction, Receipt
from ml_core.store.poison import PoisonedRecord, damaged_line, poisoned
from ml_core.store.spool import Spool
from ml_core.store.spool_lines import Kind, WaitingRecord, Window, read_row
from ml_core.store.sql_engine import PartitionMissing

_BATCH_ROWS = 1000
_BATCH_BYTES = 1_000_000  # well below what a server takes as one packet

# What the database says of a row that it will never take; waiting would not help.
_REFUSALS = (DataError, IntegrityError, ProgrammingError, PartitionMissing, ValueError)

_Item = tuple[WaitingRecord, Prediction | GroundTruth]


class Target(Protocol):
    """Where records are replayed to. What is there already must count as a duplicate."""

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        """Store predictions once per id; with ``new_ids`` none is there but those that were replayed before."""

    def replay_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        """Store ground truths, each of them once."""


@dataclass
class Replayed:
    """What became of records that waited: now stored, stored already, set apart."""

    stored: int = 0
    duplicates: int = 0
    set_apart: int = 0

    def __str__(self) -> str:
        return f"{self.stored:,} stored, {self.duplicates:,} stored already, {self.set_apart:,} set apart"


class Replay:
    """One replay of a spool, by the one who holds its lock for replaying."""

    def __init__(self, spool: Spool, target: Target, clock: Clock) -> None:
        self.done = Replayed()
        self._spool = spool
        self._target = target
        self._clock = clock

    def run(self, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[Replayed]:
        """Replay until nothing waits, yielding what was done so far after each step; raise ``StoreUnavailable``.

        Records are looked up by their keys in the transaction that stores them; predictions with new ids only after
        their key has shown that they are there. Whatever the database will not take is set apart with the reason, and
        the rest goes on.
        """
        while not is_stopped():
            window = self._spool.next_window()
            if window is None:
                return
            if window.is_last and self.done != Replayed():
                # The database has just answered, so what comes while the last records are sent waits for that moment.
                # Otherwise there would always be something new behind them, and the spool would never be empty.
                with self._spool.locked():
                    self._send(self._spool.next_window() or window)
            else:
                self._send(window)
            yield self.done

    def _send(self, window: Window) -> None:
        groups: defaultdict[tuple[Kind, str, bool], list[_Item]] = defaultdict(list)
        apart = [damaged_line(line, self._clock.now()) for line in window.damaged]
        for record in window.records:
            try:
                row = read_row(record.kind, record.row)
                groups[record.kind, record.model, record.new_id].append((record, row))
            except (KeyError, TypeError, ValueError) as error:
                apart.append(self._poisoned(record, f"not a record that this version knows: {error}"))
        for items in groups.values():
            for batch in _batches(items):
                apart += self._store(batch)
        self._spool.set_apart(apart)
        self.done.set_apart += len(apart)
        self._spool.advance(window.end, self._clock.now())

    def _store(self, batch: Sequence[_Item]) -> list[PoisonedRecord]:
        """Store records of one kind and model; return those that are to be set apart."""
        try:
            receipt = self._record(batch)
        except _REFUSALS as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                return [*self._store(batch[:middle]), *self._store(batch[middle:])]
            return [self._poisoned(batch[0][0], _reason(error))]
        self.done.stored += receipt.accepted
        self.done.duplicates += receipt.duplicates
        return [self._poisoned(batch[each.index][0], f"{each.field}: {each.message}") for each in receipt.rejected]

    def _record(self, batch: Sequence[_Item]) -> Receipt:
        model, new_ids = batch[0][0].model, batch[0][0].new_id
        predictions = [row for _, row in batch if isinstance(row, Prediction)]
        if predictions:
            return self._target.record_predictions(model, predictions, new_ids=new_ids)
        return self._target.replay_truths(model, [row for _, row in batch if isinstance(row, GroundTruth)])

    def _poisoned(self, record: WaitingRecord, reason: str) -> PoisonedRecord:
        return poisoned(record.kind, record.model, record.row, reason, self._clock.now())


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    start = size = 0
    for place, (record, _) in enumerate(items):
        size += record.size
        if place > start and (size > _BATCH_BYTES or place - start == _BATCH_ROWS):
            yield items[start:place]
            start, size = place, record.size
    if items:
        yield items[start:]


def _reason(error: Exception) -> str:
    """Return what the database or we say of a row, without the statement and its values."""
    if isinstance(error, PartitionMissing):
        return "time: no partition could be made for this day"
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(cause).__name__}: {cause}"
