"""A store in a database that takes in predictions and ground truths, and names known models, also while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ml_core.clock import Clock, format_time
from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth, Model, ModelVersion, Prediction, Receipt, SpoolStatus
from ml_core.store.deciding import decide_predictions, decide_truths
from ml_core.store.erasure import Erasure
from ml_core.store.model_memory import ModelMemory
from ml_core.store.replayer import Replayer
from ml_core.store.spool import Spool
from ml_core.store.sql_store import SqlStore
from ml_core.store.watching import DatabaseWatch

log = logging.getLogger(__name__)
_T = TypeVar("_T")


class SpooledSqlStore(SqlStore):
    """As ``SqlStore``; while the database is away records wait in ``spool``, and are replayed when it is back.

    What was accepted into the spool was checked on its own, and is compared with what is stored only when it is
    replayed: a record that contradicts a stored one is then set apart. While the spool holds records, new ones go
    behind them, so that truths keep their order, and nobody waits for a database that is away. Models and versions are
    those that the database last named. All else raises ``StoreUnavailable``.
    """

    def __init__(self, url: str, spool: Spool, clock: Clock) -> None:
        super().__init__(url)
        self._spool = spool
        self._clock = clock
        self._watch = DatabaseWatch(clock)
        self._memory = ModelMemory(spool.folder / "models.json", spool.locked)
        self._replayer = Replayer(spool, partial(SqlStore, url), self._watch, clock)
        self._spool_trouble: str | None = None
        self._knows_models = False

    def check(self) -> None:
        """Return if records can be accepted: by the database, or by the spool while it is away."""
        trouble = None
        try:
            self._spool.check()
        except StoreUnavailable as error:
            trouble = error.message
        self._spool_trouble = trouble
        try:
            self._ask(super().check)
            self._learn_models_once()
        except StoreUnavailable as error:
            if trouble is not None:
                raise StoreUnavailable(f"{error.message}; {trouble}") from None
        self.replay_what_waits()

    def replay_what_waits(self) -> None:
        """Begin to replay what waits, if anything does; returns at once."""
        if self._spool.holds_records():
            self._replayer.wake()

    def close(self) -> None:
        self._replayer.stop()
        super().close()

    def notices(self) -> list[str]:
        try:
            status = self._spool.status()
        except StoreUnavailable as error:
            return [error.message]
        absence, waiting = self._watch.absence, _waiting(status)
        found = [self._spool_trouble] if self._spool_trouble else []
        if absence is not None:
            since = f"{self.place} is away since {format_time(absence.since_time)}"
            found.append(f"{since}: {waiting or 'nothing waits in the spool'} ({absence.message})")
        elif waiting:
            found.append(f"{waiting}, until {self.place} has taken them")
        if status.poisoned:
            verb = "record is" if status.poisoned == 1 else "records are"
            found.append(f"{status.poisoned:,} {verb} set apart: python -m ml_core.store poisoned")
        return found

    def spool_status(self) -> SpoolStatus:
        return self._spool.status()

    def get_model(self, name: str) -> Model | None:
        return self._read(
            partial(super().get_model, name),
            lambda found: self._memory.learn_model(name, found),
            lambda: self._memory.model(name),
        )

    def list_models(self) -> list[Model]:
        return self._read(super().list_models, self._memory.learn_models, self._memory.models)

    def list_versions(self, model: str) -> list[ModelVersion]:
        return self._read(
            partial(super().list_versions, model),
            lambda found: self._memory.learn_versions(model, found),
            lambda: self._memory.versions(model),
        )

    def get_version(self, model: str, number: int) -> ModelVersion | None:
        return self._read(
            partial(super().get_version, model, number),
            self._memory.learn_version,
            lambda: self._memory.version(model, number),
        )

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        def append(only_behind: bool) -> Receipt | None:
            fit, receipt = decide_predictions(rows, {})
            now = self._clock.now()
            is_in = self._spool.append("predictions", model, fit, now, new_ids=new_ids, only_behind=only_behind)
            return replace(receipt, spooled=receipt.accepted) if is_in else None

        return self._record(partial(super().record_predictions, model, rows, new_ids=new_ids), append)

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        def append(only_behind: bool) -> Receipt | None:
            fit, receipt = decide_truths(rows, {})
            is_in = self._spool.append("ground_truths", model, fit, self._clock.now(), only_behind=only_behind)
            return replace(receipt, spooled=receipt.accepted) if is_in else None

        return self._record(partial(super().record_truths, model, rows), append)

    def erase(self, model: str, prediction_ids: Collection[str]) -> Erasure:
        """As in every store, and in what was set apart; not while records wait, for they would come back."""
        if self._spool.holds_records():
            raise StoreUnavailable(
                "records wait in the spool, and these may be among them: run python -m ml_core.store replay, then erase"
            )
        apart, records = self._spool.forget(model, prediction_ids)
        gone = replace(super().erase(model, apart), found=len(apart), set_apart=records)
        return gone + super().erase(model, [each for each in prediction_ids if each not in apart])

    def _learn_models_once(self) -> None:
        """Ask for all models and their champions, lest an outage comes before the first request does."""
        if self._knows_models:
            return
        for model in self.list_models():
            if model.champion is not None:
                self.get_version(model.name, model.champion)
        self._knows_models = True

    def _record(self, write: Callable[[], Receipt], append: Callable[[bool], Receipt | None]) -> Receipt:
        """Return the receipt of the database, or of the spool if records wait there or the database does not answer.

        ``append(only_behind)`` puts the batch into the spool; it returns None if it is to go behind others and none
        waits any more.
        """
        try:
            if self._spool.holds_records():
                receipt = append(True)
                if receipt is not None:
                    return receipt
            try:
                return self._ask(write)
            except StoreUnavailable as error:
                log.warning("a batch waits in the spool: %s", error.message)
                receipt = append(False)
                assert receipt is not None
                return receipt
        finally:
            self.replay_what_waits()

    def _ask(self, work: Callable[[], _T]) -> _T:
        """Return the database's answer; raise ``StoreUnavailable`` at once if it would probably not come."""
        if self._watch.is_in_doubt:
            absence = self._watch.absence
            raise StoreUnavailable(absence.message if absence else f"{self.place} does not answer")
        with self._watch.attempt():
            return work()

    def _read(self, ask: Callable[[], _T], learn: Callable[[_T], None], remember: Callable[[], _T]) -> _T:
        try:
            found = self._ask(ask)
        except StoreUnavailable:
            try:
                return remember()
            except LookupError:
                pass
            raise
        learn(found)
        return found


def _waiting(status: SpoolStatus) -> str:
    if not status.records:
        return ""
    verb = "record waits" if status.records == 1 else "records wait"
    size = f"{status.bytes / 1e6:,.1f} MB"
    since = f", the oldest since {format_time(status.oldest_time)}" if status.oldest_time else ""
    return f"{status.records:,} {verb} in the spool ({size}){since}"
