"""Copies that were interrupted, that meet other content, and what they tell of themselves."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import Conflict, StoreUnavailable
from ml_core.records import GroundTruth, JobRun, Prediction, Receipt, StageChange
from ml_core.store import copying
from ml_core.store.copying import copy_store
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction, a_truth, a_version
from tests.snapshots import everything, fill

MODEL = "housing_price"
HOUR = timedelta(hours=1)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store of another kind than the source."""
    with closing(SqlStore(f"sqlite:///{tmp_path / 'target.db'}")) as opened:
        yield opened


class FailingStore(SqlStore):
    """A store that goes away after so many writes."""

    def __init__(self, url: str, writes: int) -> None:
        super().__init__(url)
        self.writes = writes

    def _count(self) -> None:
        if self.writes == 0:
            raise StoreUnavailable("gone")
        self.writes -= 1

    def put_model(self, *arguments: Any) -> bool:
        self._count()
        return super().put_model(*arguments)

    def add_version(self, *arguments: Any) -> Any:
        self._count()
        return super().add_version(*arguments)

    def change_stage(self, *arguments: Any) -> bool:
        self._count()
        return super().change_stage(*arguments)

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        self._count()
        return super().record_predictions(model, rows, new_ids=new_ids)

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        self._count()
        return super().record_truths(model, rows)

    def put_runs(self, job: str, runs: Sequence[JobRun]) -> None:
        self._count()
        super().put_runs(job, runs)


def test_a_copy_that_was_interrupted_anywhere_is_finished_by_another(
    json_store: JsonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH_ROWS", 7)
    fill(json_store)
    writes = 0
    while True:
        url = f"sqlite:///{tmp_path / f'{writes}.db'}"
        with closing(FailingStore(url, writes)) as failing:
            try:
                copy_store(json_store, failing, no_progress)
            except StoreUnavailable:
                interrupted = True
            else:
                interrupted = False
        with closing(SqlStore(url)) as target:
            assert copy_store(json_store, target, no_progress).conflicts == ()
            assert everything(target) == everything(json_store)
        if not interrupted:
            break
        writes += 1
    assert writes > 15


def test_a_history_that_was_copied_in_part_is_completed(json_store: JsonStore, target: SqlStore) -> None:
    for number, value in enumerate((1.0, 2.0, 1.0, 3.0)):
        truth = a_truth("order-1", value, correct=True, received_time=NOON + number * HOUR)
        json_store.record_truths(MODEL, [truth])
        if number < 2:
            target.record_truths(MODEL, [truth])
    assert copy_store(json_store, target, no_progress).copied["ground_truths"] == 1
    assert everything(target) == everything(json_store)


def test_a_history_of_which_the_source_has_forgotten_the_beginning_is_there(
    json_store: JsonStore, target: SqlStore
) -> None:
    for store in (json_store, target):
        for day, value in enumerate((1.0, 2.0)):
            received = NOON + timedelta(days=day)
            store.record_truths(MODEL, [a_truth("order-1", value, correct=True, received_time=received)])
    json_store.drop_before(NOON + timedelta(days=1))
    report = copy_store(json_store, target, no_progress)
    assert (report.copied["ground_truths"], report.already_there["ground_truths"], report.conflicts) == (0, 1, ())


def test_what_the_target_holds_otherwise_is_named_and_kept_and_the_rest_is_copied(
    json_store: JsonStore, target: SqlStore
) -> None:
    rows = [a_prediction(prediction_id=f"order-{number}") for number in range(3)]
    json_store.record_predictions(MODEL, rows)
    target.record_predictions(MODEL, [replace(rows[1], value=7.0)])
    json_store.record_truths(MODEL, [a_truth("order-1", 1.0), a_truth("order-2", 2.0)])
    target.record_truths(MODEL, [a_truth("order-2", "other")])
    run = JobRun("check", NOON, 1, "me", "done", NOON, NOON + HOUR, NOON)
    json_store.put_runs("check", [run])
    target.put_runs("check", [replace(run, holder="you")])
    before = everything(target)["runs"]
    report = copy_store(json_store, target, no_progress)
    expected = "this id is stored already with another content: value 7.0, not 250000.0"
    assert report.conflicts == (
        f"prediction 'order-1' of model 'housing_price': {expected}",
        "the truth of prediction 'order-2' of model 'housing_price': "
        "the target holds another history, with the values 'other'",
        "the run of job 'check' for 2026-11-20 12:00 UTC with fence 1: the target holds another one, by you, done",
    )
    assert report.conflict_count == 3
    assert report.copied == {"predictions": 2, "ground_truths": 1, "job_runs": 0}
    assert sorted(row.value for row in target.each_prediction(MODEL)) == [7.0, 250_000.0, 250_000.0]
    assert everything(target)["runs"] == before


def test_of_many_conflicts_a_hundred_are_named_and_all_are_counted(json_store: JsonStore, target: SqlStore) -> None:
    rows = [a_prediction(prediction_id=f"order-{number}") for number in range(150)]
    json_store.record_predictions(MODEL, rows)
    target.record_predictions(MODEL, [replace(row, value=7.0) for row in rows])
    report = copy_store(json_store, target, no_progress)
    assert (len(report.conflicts), report.conflict_count) == (100, 150)


def test_a_run_that_was_copied_while_it_was_at_work_is_brought_up_to_date(
    json_store: JsonStore, target: SqlStore
) -> None:
    lease = json_store.claim_run("check", NOON, now=NOON, lease=HOUR, holder="me")
    assert lease is not None
    copy_store(json_store, target, no_progress)
    json_store.finish_run(lease, now=NOON + HOUR / 2, state="done")
    assert copy_store(json_store, target, no_progress).copied["job_runs"] == 1
    assert target.list_runs("check", newest=1) == json_store.list_runs("check", newest=1)


# Models that differ

DIFFERENCES: list[tuple[str, Callable[[SqlStore], object]]] = [
    ("model 'housing_price': title is 'Other' there", lambda store: store.put_model(a_model(title="Other"))),
    (
        "model 'housing_price': created_time is",
        lambda store: store.put_model(a_model(created_time=NOON)),
    ),
    ("it has 2 versions there, 1 here", lambda store: [store.add_version(a_version()) for _ in range(2)]),
    (
        "version 1 of model 'housing_price': metrics is {} there",
        lambda store: store.add_version(a_version(metrics={})),
    ),
    (
        "its stage changes are not those of the source",
        lambda store: store.change_stage(MODEL, StageChange(NOON + HOUR, "promote", 1, None)),
    ),
    (
        "the seed id 'model1' of model 'housing_price' is that of model 'wine' there",
        lambda store: store.put_model(a_model("wine", seed_id="model1")),
    ),
]


@pytest.mark.parametrize(("expected", "change"), DIFFERENCES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_model_that_differs_in_the_target_is_named_and_nothing_is_written(
    json_store: JsonStore, target: SqlStore, expected: str, change: Callable[[SqlStore], object]
) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    json_store.add_version(a_version())
    json_store.change_stage(MODEL, StageChange(NOON, "promote", 1, None))
    json_store.put_model(a_model("another"))
    json_store.record_predictions(MODEL, [a_prediction()])
    if "created_time" not in expected:
        target.put_model(a_model(seed_id=None if "wine" in expected else "model1"))
    change(target)
    before = everything(target)
    with pytest.raises(Conflict) as refused:
        copy_store(json_store, target, no_progress)
    assert refused.value.message.startswith("nothing was copied, since the target differs: ")
    assert expected in refused.value.message
    assert everything(target) == before


# What it costs and tells


def test_memory_does_not_grow_with_the_number_of_predictions(
    json_store: JsonStore, target: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH_ROWS", 500)

    def peak(rows: int) -> int:
        json_store.record_predictions(MODEL, [a_prediction() for _ in range(rows)], new_ids=True)
        tracemalloc.start()
        for _ in copying._batches(json_store.each_prediction(MODEL)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(2_000)
    assert peak(18_000) < 1.5 * few


def test_progress_is_told_by_kind_and_ends_at_the_total(
    json_store: JsonStore, target: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH_ROWS", 10)
    fill(json_store)
    told: dict[str, list[tuple[int, int | None]]] = {}
    copy_store(json_store, target, lambda kind, done, total: told.setdefault(kind, []).append((done, total)))
    assert told == {
        "models": [(1, 2), (2, 2)],
        "predictions": [(10, 22), (20, 22), (21, 22), (22, 22)],
        "ground_truths": [(1, 10), (10, 10)],
        "job_runs": [(3, 3)],
        "metric_points": [(6, 6)],
        "observations": [(1, 10), (10, 10)],
        "forecasts": [(3, 36), (6, 36), (36, 36)],
        "documents": [(1, 1)],
    }
