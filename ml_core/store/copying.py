"""Copies one store into another, of any kinds: what is there already is left alone, so a copy may be repeated.

Each kind of record has one function in ``KINDS``. Rows pass through in batches, so memory does not grow with the store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import TypeVar

from ml_core.errors import Conflict
from ml_core.records import GroundTruth, JobRun
from ml_core.store.base import Store
from ml_core.store.comparing import check_models
from ml_core.store.copying_series import SERIES_KINDS
from ml_core.store.progress import Progress

_T = TypeVar("_T")

BATCH_ROWS = 10_000
MOST_CONFLICTS = 100
"""Of so many a report names each; of the rest it tells the number."""
_ALL_RUNS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy came to, by kind. ``conflicts`` name what the target holds with another content; it was kept."""

    copied: Mapping[str, int]
    already_there: Mapping[str, int]
    conflicts: tuple[str, ...]
    conflict_count: int


@dataclass
class _Copy:
    """A copy that is under way."""

    source: Store
    target: Store
    progress: Progress
    records: Mapping[str, Mapping[str, int]]
    totals: Mapping[str, int]
    copied: Counter[str] = field(default_factory=Counter)
    already_there: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)
    conflict_count: int = 0

    def add(self, kind: str, copied: int, already_there: int) -> None:
        self.copied[kind] += copied
        self.already_there[kind] += already_there

    def tell(self, kind: str, done: int) -> None:
        self.progress(kind, done, self.totals.get(kind))

    def conflict(self, message: str) -> None:
        self.conflict_count += 1
        if len(self.conflicts) < MOST_CONFLICTS:
            self.conflicts.append(message)


def copy_store(source: Store, target: Store, progress: Progress) -> CopyReport:
    """Copy all that ``source`` holds into ``target``; neither may be written to by others meanwhile.

    Raises ``Conflict``, with nothing written, if a model or version of the target differs. A single row that differs is
    in the report, and the rest is copied.
    """
    check_models(source, target)
    records = source.count_records()
    work = _Copy(source, target, progress, records, _count_kinds(source, records))
    for copy_kind in KINDS:
        copy_kind(work)
    return CopyReport(dict(work.copied), dict(work.already_there), tuple(work.conflicts), work.conflict_count)


def count_kinds(store: Store) -> dict[str, int]:
    """Return how many records of each kind a store holds; a corrected truth is one."""
    return _count_kinds(store, store.count_records())


def _count_kinds(store: Store, records: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    models = store.list_models()
    return {
        "models": len(models),
        "versions": sum(len(store.list_versions(model.name)) for model in models),
        **{kind: sum(rows.values()) for kind, rows in records.items()},
        "job_runs": sum(len(store.list_runs(job, newest=_ALL_RUNS)) for job in store.list_jobs()),
        "documents": sum(len(store.list_documents(kind)) for kind in store.document_kinds()),
    }


def _copy_models(work: _Copy) -> None:
    """Copy models with their versions first and their stage changes last, so that a champion is always there."""
    for done, model in enumerate(work.source.list_models(), start=1):
        there = work.target.get_model(model.name)
        if there is None:
            work.target.put_model(replace(model, stage_changes=()))
        work.add("models", copied=int(there is None), already_there=int(there is not None))
        known = len(work.target.list_versions(model.name))
        for version in work.source.list_versions(model.name):
            is_new = version.number > known
            if is_new and work.target.add_version(version).number != version.number:
                raise _changed(f"version {version.number} of model {model.name!r}")
            work.add("versions", copied=int(is_new), already_there=int(not is_new))
        there = work.target.get_model(model.name)
        changes = model.stage_changes[len(there.stage_changes) if there else 0 :]
        if not all(work.target.change_stage(model.name, change) for change in changes):
            raise _changed(f"the champion of model {model.name!r}")
        work.tell("models", done)


def _copy_predictions(work: _Copy) -> None:
    done = 0
    for model in sorted(work.records["predictions"]):  # they need not be registered
        for rows in _batches(work.source.each_prediction(model)):
            receipt = work.target.record_predictions(model, rows)
            for rejection in receipt.rejected:
                row = rows[rejection.index]
                work.conflict(f"prediction {row.prediction_id!r} of model {model!r}: {rejection.message}")
            done += len(rows)
            work.add("predictions", receipt.accepted, receipt.duplicates)
            work.tell("predictions", done)


def _copy_truths(work: _Copy) -> None:
    done = 0
    for model in sorted(work.records["ground_truths"]):
        histories = (list(rows) for _, rows in groupby(work.source.truth_history(model), lambda row: row.prediction_id))
        for some in _batches(histories):
            done += len(some)
            _copy_histories(work, model, some)
            work.tell("ground_truths", done)


def _copy_histories(work: _Copy, model: str, histories: Sequence[list[GroundTruth]]) -> None:
    """Copy the histories of some ids; of one that is there in part, what follows it."""
    known: defaultdict[str, list[GroundTruth]] = defaultdict(list)
    for row in work.target.truth_history(model, [history[0].prediction_id for history in histories]):
        known[row.prediction_id].append(row)
    missing: list[GroundTruth] = []
    already_there = 0
    for history in histories:
        there = known[history[0].prediction_id]
        if _facts(history) == _facts(there[-len(history) :]):
            already_there += 1  # the target may hold older values, which the source has forgotten
        elif _facts(history[: len(there)]) == _facts(there):
            missing += history[len(there) :]
        else:
            values = ", ".join(repr(row.value) for row in there)
            message = f"the target holds another history, with the values {values}"
            work.conflict(f"the truth of prediction {history[0].prediction_id!r} of model {model!r}: {message}")
    receipt = work.target.record_truths(model, missing)
    for rejection in receipt.rejected:
        row = missing[rejection.index]
        work.conflict(f"the truth of prediction {row.prediction_id!r} of model {model!r}: {rejection.message}")
    work.add("ground_truths", len({row.prediction_id for row in missing}) - len(receipt.rejected), already_there)


def _copy_runs(work: _Copy) -> None:
    done = 0
    for job in work.source.list_jobs():
        known = {(run.slot, run.fence): run for run in work.target.list_runs(job, newest=_ALL_RUNS)}
        for runs in _batches(work.source.list_runs(job, newest=_ALL_RUNS)):
            missing = []
            for run in runs:
                there = known.get((run.slot, run.fence))
                if there is None or (there != run and _may_become(there, run)):
                    missing.append(run)
                elif there != run:
                    slot = f"the run of job {job!r} for {run.slot:%Y-%m-%d %H:%M} UTC with fence {run.fence}"
                    work.conflict(f"{slot}: the target holds another one, by {there.holder}, {there.state}")
            if missing:
                work.target.put_runs(job, missing)
            done += len(runs)
            equal = sum(known.get((run.slot, run.fence)) == run for run in runs)
            work.add("job_runs", len(missing), equal)
            work.tell("job_runs", done)


KINDS: tuple[Callable[[_Copy], None], ...] = (
    _copy_models,
    _copy_predictions,
    _copy_truths,
    _copy_runs,
    *SERIES_KINDS,
)


def _may_become(there: JobRun, run: JobRun) -> bool:
    """Return whether the target's run is this one at an earlier time: copied while it was at work."""
    return there.state == "running" and (there.holder, there.started_time) == (run.holder, run.started_time)


def _facts(history: Sequence[GroundTruth]) -> list[object]:
    return [(row.value, row.received_time) for row in history]


def _batches(rows: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def _changed(what: str) -> Conflict:
    return Conflict(f"{what} was changed in the target meanwhile: let nothing else write to it, and copy again")
