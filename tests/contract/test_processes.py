"""What every store promises to several processes that use it at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.records import StageChange
from ml_core.store.base import Store
from tests.contract import processes as work
from tests.contract.processes import MODEL, ProcessGroup
from tests.factories import NOON, a_model

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("prepared", [False, True], ids=["first use", "known store"])
def test_a_model_is_new_to_exactly_one_process(
    processes: ProcessGroup, store: Store, store_url: str, prepared: bool
) -> None:
    if prepared:
        store.check()
    models = [a_model(title=str(number)) for number in range(8)]
    assert sorted(processes.run(store_url, work.put_model, models)) == [False] * 7 + [True]
    assert len(store.list_models()) == 1


def test_versions_added_by_eight_processes_have_distinct_numbers_without_gaps(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    store.put_model(a_model())
    numbers = processes.run(store_url, work.add_versions, [5] * 8)
    assert all(mine == sorted(mine) for mine in numbers)
    assert sorted(number for mine in numbers for number in mine) == list(range(1, 41))
    assert [version.number for version in store.list_versions(MODEL)] == list(range(1, 41))


def test_of_eight_processes_that_promote_over_the_same_champion_exactly_one_wins(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    store.put_model(a_model())
    for previous in (None, 1):
        changes = [
            StageChange(NOON, "promote", 1 if previous is None else version, previous) for version in range(2, 10)
        ]
        won = processes.run(store_url, work.change_stage, changes)
        assert won.count(True) == 1
        model = store.get_model(MODEL)
        assert model is not None
        assert model.champion == changes[won.index(True)].version


def test_stage_changes_of_processes_that_read_again_are_all_kept(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    store.put_model(a_model())
    processes.run(store_url, work.promote_on_top, range(1, 9))
    model = store.get_model(MODEL)
    assert model is not None
    assert sorted(change.version for change in model.stage_changes) == list(range(1, 9))
    assert [change.previous for change in model.stage_changes] == [None, *model.champions()[:-1]]


def test_four_processes_with_500_predictions_each_leave_2000_distinct_ones(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_new_predictions, [10] * 4)
    assert [receipt.accepted for receipt in receipts] == [500] * 4
    assert store.predictions(MODEL, NOON, NOON + HOUR)["prediction_id"].nunique() == 2000
    assert store.count_predictions(MODEL, NOON, NOON + HOUR, HOUR) == {NOON: 2000}


def test_one_batch_sent_by_eight_processes_is_stored_once(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_foreign_ids, [1] * 8)
    assert sum(receipt.accepted for receipt in receipts) == 100
    assert sum(receipt.duplicates for receipt in receipts) == 700
    assert len(store.predictions(MODEL, NOON, NOON + HOUR)) == 100


def test_of_eight_batches_with_the_same_ids_but_another_content_one_is_stored(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_foreign_ids, range(1, 9))
    assert sorted(receipt.accepted for receipt in receipts) == [0] * 7 + [100]
    assert sum(len(receipt.rejected) for receipt in receipts) == 700
    frame = store.predictions(MODEL, NOON, NOON + HOUR)
    assert len(frame) == 100
    assert frame["version"].nunique() == 1


def test_of_eight_batches_with_the_same_ids_but_another_time_one_is_stored(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_foreign_ids_later, range(8))
    assert sorted(receipt.accepted for receipt in receipts) == [0] * 7 + [100]
    assert sum(len(receipt.rejected) for receipt in receipts) == 700
    assert len(store.predictions(MODEL, NOON, NOON + HOUR)) == 100


def test_of_eight_processes_with_different_truths_one_is_right(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    receipts = processes.run(store_url, work.record_truths, [float(number) for number in range(8)])
    assert sorted(receipt.accepted for receipt in receipts) == [0] * 7 + [100]
    winner = [receipt.accepted for receipt in receipts].index(100)
    work.record_foreign_ids(store, 1)
    assert set(store.scored(MODEL, NOON, NOON + HOUR)["truth"]) == {float(winner)}


def test_corrections_by_eight_processes_are_all_accepted_and_one_stays_in_force(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    work.record_truths(store, 100.0)
    receipts = processes.run(store_url, work.correct_truths, [float(number) for number in range(8)])
    assert [receipt.accepted for receipt in receipts] == [100] * 8
    work.record_foreign_ids(store, 1)
    truths = store.scored(MODEL, NOON, NOON + HOUR)["truth"]
    assert truths.nunique() == 1
    assert truths[0] in range(8)
