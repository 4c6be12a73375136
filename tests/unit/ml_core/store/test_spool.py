"""The files of the spool: what was acknowledged waits in its order, whoever is killed and whatever is damaged."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from ml_core.records import GroundTruth, Prediction
from ml_core.store import spool
from ml_core.store.companions import shadow_name
from ml_core.store.poison import poisoned
from ml_core.store.spool import Spool, spool_folder
from ml_core.store.spool_lines import Position, read_row
from tests.factories import NOON, a_prediction, a_truth, some_predictions

MODEL = "housing_price"


@pytest.fixture
def waiting(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool", 1_000_000)


def files(waiting: Spool) -> list[Path]:
    return sorted((waiting.folder / "waiting").glob("*.jsonl"))


def ids(waiting: Spool) -> list[str]:
    window = waiting.next_window()
    return [record.row["prediction_id"] for record in window.records] if window else []


def take(waiting: Spool) -> list[Prediction | GroundTruth]:
    """Replay all to nowhere; return what came, in its order."""
    taken: list[Prediction | GroundTruth] = []
    while window := waiting.next_window():
        taken += [read_row(record.kind, record.row) for record in window.records]
        waiting.advance(window.end, NOON)
    return taken


def test_rows_come_back_as_they_were_and_in_their_order(waiting: Spool) -> None:
    rows = [
        a_prediction(NOON + timedelta(microseconds=1), value="cat", score=0.25, features=MappingProxyType({"a": 1})),
        a_prediction(NOON, prediction_id="Straße 5", value=-1e300, version=None, features={"b": None, "c": 2.0}),
    ]
    truths = [a_truth("Straße 5", "Hund"), a_truth("Straße 5", 0.1, correct=True)]
    assert waiting.append("predictions", MODEL, rows, NOON)
    assert waiting.append("ground_truths", MODEL, truths, NOON)
    assert take(waiting) == [*rows, *truths]
    assert not waiting.holds_records()


def test_a_spool_that_nothing_ever_waited_in_is_empty_and_makes_no_files(waiting: Spool) -> None:
    assert not waiting.holds_records()
    assert waiting.next_window() is None
    assert waiting.status().records == waiting.status().bytes == waiting.status().poisoned == 0
    assert waiting.poisoned() == []
    assert not waiting.folder.exists()


def test_the_status_tells_how_much_waits_and_since_when(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(3), NOON)
    waiting.append("predictions", "churn", some_predictions(2), NOON + timedelta(hours=1))
    status = waiting.status()
    assert (status.records, status.oldest_time) == (5, NOON)
    assert status.bytes == files(waiting)[0].stat().st_size
    window = waiting.next_window()
    assert window is not None
    third = window.records[:3]
    waiting.advance(Position(1, sum(record.size for record in third), 3), NOON)
    assert (waiting.status().records, waiting.status().oldest_time) == (2, NOON + timedelta(hours=1))
    assert waiting.status().bytes == status.bytes - sum(record.size for record in third)


def test_another_process_goes_on_from_the_position_that_the_first_one_left(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(3), NOON)
    window = waiting.next_window()
    assert window is not None
    waiting.advance(Position(1, window.records[0].size, 1), NOON)
    again = Spool(waiting.folder, 1_000_000)
    assert ids(again) == ["order-1", "order-2"]
    assert again.status().records == 2


def test_replayed_files_are_removed_and_their_numbers_are_not_used_again(
    waiting: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_FILE_BYTES", 1000)
    for first in range(0, 30, 3):
        waiting.append("predictions", MODEL, some_predictions(3, first), NOON)
    assert len(files(waiting)) > 3
    assert [row.prediction_id for row in take(waiting)] == [f"order-{number}" for number in range(30)]
    assert files(waiting) == []
    last = waiting._saved_position().file
    waiting.append("predictions", MODEL, some_predictions(1, 99), NOON)
    assert [path.stem for path in files(waiting)] == [f"{last + 1:012d}"]
    assert ids(waiting) == ["order-99"]


def test_a_process_killed_after_it_moved_the_position_leaves_a_file_that_is_then_removed(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    (path,) = files(waiting)
    content = path.read_bytes()
    take(waiting)
    path.write_bytes(content)
    assert take(waiting) == []
    assert not waiting.holds_records()


def test_rows_that_come_while_others_are_replayed_are_not_lost(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(2), NOON)
    window = waiting.next_window()
    assert window is not None
    waiting.append("predictions", MODEL, some_predictions(1, 2), NOON)
    waiting.advance(window.end, NOON)
    assert ids(waiting) == ["order-2"]


def test_only_behind_what_waits_means_not_at_all_when_nothing_waits(waiting: Spool) -> None:
    assert not waiting.append("predictions", MODEL, some_predictions(1), NOON, only_behind=True)
    assert not waiting.holds_records()
    waiting.append("predictions", MODEL, some_predictions(1), NOON)
    assert waiting.append("predictions", MODEL, some_predictions(1, 1), NOON, only_behind=True)
    assert ids(waiting) == ["order-0", "order-1"]


def test_writers_in_many_threads_lose_nothing(waiting: Spool) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 20):
            waiting.append("predictions", MODEL, some_predictions(1, number), NOON)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 100, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.prediction_id for row in take(waiting)) == sorted(f"order-{number}" for number in range(100))


def test_a_window_holds_a_bounded_number_of_bytes(tmp_path: Path) -> None:
    waiting = Spool(tmp_path / "spool", 100_000_000)
    big = {"note": "x" * 60_000}
    rows = [a_prediction(NOON, prediction_id=f"order-{number}", features=big) for number in range(100)]
    waiting.append("predictions", MODEL, rows, NOON)
    window = waiting.next_window()
    assert window is not None
    assert len(window.records) == 67  # the first that pass 4 MB
    assert not window.is_last
    assert len(take(waiting)) == 100


# What was set apart


def test_a_record_set_apart_twice_is_there_once_with_its_newest_reason(waiting: Spool) -> None:
    row = {"prediction_id": "order-1", "value": 1.0}
    first, second = (poisoned("predictions", MODEL, row, reason, NOON) for reason in ("too long", "too wide"))
    waiting.set_apart([first])
    waiting.set_apart([poisoned("predictions", MODEL, {**row, "value": 2.0}, "too long", NOON), second])
    assert [(each.row["value"], each.reason) for each in waiting.poisoned()] == [(1.0, "too wide"), (2.0, "too long")]
    assert waiting.status().poisoned == 2
    assert first.poison_id == second.poison_id


def test_a_record_that_is_put_back_waits_at_the_end_and_is_no_longer_apart(waiting: Spool) -> None:
    row, other = some_predictions(2)
    waiting.append("predictions", MODEL, [row], NOON)
    window = waiting.next_window()
    assert window is not None
    record = window.records[0]
    apart = poisoned(record.kind, record.model, record.row, "too long", NOON)
    waiting.set_apart([apart])
    waiting.advance(window.end, NOON)
    waiting.append("predictions", MODEL, [other], NOON)
    assert waiting.requeue([apart.poison_id, "unknown"], NOON) == 1
    assert waiting.poisoned() == []
    assert take(waiting) == [other, row]


def test_a_damaged_line_cannot_be_put_back_and_stays(waiting: Spool) -> None:
    waiting.append("predictions", MODEL, some_predictions(1), NOON)
    (path,) = files(waiting)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    take(waiting)
    (apart,) = waiting.poisoned()
    assert waiting.requeue([apart.poison_id], NOON) == 0
    assert waiting.poisoned() == [apart]


def test_forgetting_a_prediction_takes_what_is_apart_of_it(waiting: Spool) -> None:
    waiting.set_apart([poisoned("predictions", MODEL, {"prediction_id": f"order-{n}"}, "why", NOON) for n in range(3)])
    hidden = shadow_name(MODEL, 3)
    waiting.set_apart([poisoned("predictions", hidden, {"prediction_id": "order-1"}, "why", NOON)])
    assert waiting.forget(MODEL, ["order-1", "order-9"]) == ({"order-1"}, 2)
    assert waiting.forget("churn", ["order-2"]) == (set(), 0)
    assert [each.row["prediction_id"] for each in waiting.poisoned()] == ["order-0", "order-2"]


# The folder


def test_each_database_has_a_folder_of_its_own_whatever_user_and_password(tmp_path: Path) -> None:
    folder = spool_folder(tmp_path, "mysql+pymysql://one:secret@db.internal/suite")
    assert folder.parent == tmp_path
    assert folder == spool_folder(tmp_path, "mysql+pymysql://other:secret2@DB.internal:3306/suite")
    others = [
        spool_folder(tmp_path, f"mysql+pymysql://one:secret@{place}")
        for place in ("db.internal/other", "db.internal:3307/suite", "db2.internal/suite")
    ]
    assert len({folder, *others}) == 4
