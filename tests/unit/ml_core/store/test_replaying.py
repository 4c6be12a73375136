"""Replaying: what is sent in which pieces, what is set apart, and that a replay begun anew sends nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DataError

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth, Prediction, Receipt, Value
from ml_core.store.deciding import decide_predictions, decide_replayed_truths
from ml_core.store.json_segments import append_to_segment
from ml_core.store.replaying import Replay, Replayed
from ml_core.store.spool import Spool
from ml_core.store.spool_lines import Kind, Position
from ml_core.store.sql_engine import PartitionMissing
from tests.factories import NOON, a_prediction, a_truth, some_predictions

MODEL = "housing_price"


class Shelf:
    """A target in memory that decides as a store does, and refuses or is away when it is told to."""

    def __init__(self) -> None:
        self.predictions: dict[str, Prediction] = {}
        self.truths: dict[str, list[GroundTruth]] = {}
        self.looked_up = 0
        self.batches: list[tuple[Kind, str, int]] = []
        self.refused: dict[str, Exception] = {}
        self.away_after: int | None = None

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        self.looked_up += 0 if new_ids else len(rows)
        self._begin("predictions", model, rows)
        new, receipt = decide_predictions(rows, self.predictions)
        self.predictions |= {row.prediction_id: row for row in new}
        return receipt

    def replay_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        self._begin("ground_truths", model, rows)
        history = {key: [(each.received_time, each.value) for each in found] for key, found in self.truths.items()}
        new, receipt = decide_replayed_truths(rows, history)
        for row in new:
            self.truths.setdefault(row.prediction_id, []).append(row)
        return receipt

    def values(self, prediction_id: str) -> list[Value]:
        """Return all revisions of a truth, oldest first."""
        return [each.value for each in self.truths[prediction_id]]

    def _begin(self, kind: Kind, model: str, rows: Sequence[Prediction] | Sequence[GroundTruth]) -> None:
        if self.away_after is not None and len(self.batches) >= self.away_after:
            raise StoreUnavailable("the shelf is away")
        self.batches.append((kind, model, len(rows)))
        for row in rows:
            if row.prediction_id in self.refused:
                raise self.refused[row.prediction_id]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 100_000_000)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def replay(spool: Spool, shelf: Shelf) -> Replayed:
    going = Replay(spool, shelf, FixedClock(NOON))
    for _ in going.run():
        pass
    return going.done


class Killed(Spool):
    """A spool whose position never moves: who replays from it is always killed before."""

    def advance(self, end: Position, now: object) -> None:
        raise KeyboardInterrupt


def replay_and_be_killed(spool: Spool, shelf: Shelf) -> None:
    with pytest.raises(KeyboardInterrupt):
        replay(Killed(spool.folder, spool.max_bytes), shelf)


def test_batches_hold_one_kind_and_model_and_at_most_a_thousand_rows(spool: Spool, shelf: Shelf) -> None:
    rows = some_predictions(1600)
    for start in range(0, 1600, 100):
        spool.append("predictions", MODEL, rows[start : start + 100], NOON)
        spool.append("predictions", "churn", some_predictions(10, 5000 + start), NOON)
    spool.append("ground_truths", MODEL, [a_truth("order-1")], NOON)
    assert replay(spool, shelf).stored == 1600 + 160 + 1
    assert shelf.batches == [
        ("predictions", MODEL, 1000),
        ("predictions", MODEL, 600),
        ("predictions", "churn", 160),
        ("ground_truths", MODEL, 1),
    ]
    assert list(shelf.predictions)[:1600] == [row.prediction_id for row in rows]
    assert not spool.holds_records()


def test_rows_whose_ids_were_vouched_to_be_new_need_no_look_up_and_keep_apart_from_others(
    spool: Spool, shelf: Shelf
) -> None:
    spool.append("predictions", MODEL, some_predictions(3), NOON, new_ids=True)
    spool.append("predictions", MODEL, some_predictions(2, 3), NOON)
    spool.append("predictions", MODEL, some_predictions(3, 5), NOON, new_ids=True)
    assert replay(spool, shelf).stored == 8
    assert shelf.batches == [("predictions", MODEL, 6), ("predictions", MODEL, 2)]
    assert shelf.looked_up == 2


def test_batches_stay_below_what_a_server_takes_at_once(spool: Spool, shelf: Shelf) -> None:
    rows = [replace(row, features={"note": "x" * 300_000}) for row in some_predictions(7)]
    spool.append("predictions", MODEL, rows, NOON)
    replay(spool, shelf)
    assert [rows for _, _, rows in shelf.batches] == [3, 3, 1]
    assert len(shelf.predictions) == 7


def test_nothing_is_sent_twice_however_often_the_replayer_is_killed(spool: Spool, shelf: Shelf) -> None:
    spool.append("predictions", MODEL, some_predictions(5), NOON)
    for _ in range(3):
        replay_and_be_killed(spool, shelf)
    assert replay(spool, shelf) == Replayed(stored=0, duplicates=5)
    assert len(shelf.predictions) == 5


def test_truths_keep_their_order_and_history_however_often_the_replayer_is_killed(spool: Spool, shelf: Shelf) -> None:
    later = [NOON + timedelta(hours=hour) for hour in range(4)]
    spool.append("ground_truths", MODEL, [a_truth("order-1", 1.0, received_time=later[0])], NOON)
    spool.append("ground_truths", MODEL, [a_truth("order-1", 1.0, received_time=later[1])], NOON)
    spool.append("ground_truths", MODEL, [a_truth("order-1", 2.0, received_time=later[2], correct=True)], NOON)
    spool.append("ground_truths", MODEL, [a_truth("order-1", 1.0, received_time=later[3], correct=True)], NOON)
    for _ in range(3):
        replay_and_be_killed(spool, shelf)
        assert shelf.values("order-1") == [1.0, 2.0, 1.0]
    assert replay(spool, shelf) == Replayed(duplicates=4)
    assert spool.poisoned() == []


def test_a_store_that_is_away_keeps_the_rest_waiting(spool: Spool, shelf: Shelf) -> None:
    spool.append("predictions", MODEL, some_predictions(2500), NOON)
    shelf.away_after = 1
    with pytest.raises(StoreUnavailable):
        replay(spool, shelf)
    assert spool.status().records == 2500
    shelf.away_after = None
    assert replay(spool, shelf) == Replayed(stored=1500, duplicates=1000)


@pytest.mark.parametrize(
    "error", [ValueError("naive"), DataError("INSERT", {}, Exception("too long")), PartitionMissing()]
)
def test_rows_that_are_refused_are_found_by_halving_and_the_rest_is_stored(
    spool: Spool, shelf: Shelf, error: Exception
) -> None:
    spool.append("predictions", MODEL, some_predictions(1000), NOON)
    shelf.refused = {"order-17": error, "order-730": error}
    assert replay(spool, shelf) == Replayed(stored=998, set_apart=2)
    assert [each.row["prediction_id"] for each in spool.poisoned()] == ["order-17", "order-730"]
    assert len(shelf.batches) <= 1 + 2 * 2 * 10  # a pair of halves for each level of 1,000 and each poisoned row
    assert "INSERT" not in "".join(each.reason for each in spool.poisoned())


def test_rows_that_contradict_what_is_stored_are_set_apart_with_the_reason(spool: Spool, shelf: Shelf) -> None:
    shelf.record_predictions(MODEL, some_predictions(1))
    shelf.replay_truths(MODEL, [a_truth("order-0", 1.0)])
    spool.append("predictions", MODEL, [a_prediction(NOON, prediction_id="order-0", value=9.0)], NOON)
    spool.append("predictions", MODEL, some_predictions(1, 1), NOON)
    late = a_truth("order-0", 2.0, received_time=NOON + timedelta(hours=2))
    spool.append("ground_truths", MODEL, [late, a_truth("order-1", 5.0)], NOON)
    assert replay(spool, shelf) == Replayed(stored=2, set_apart=2)
    first, second = spool.poisoned()
    assert first.reason.startswith("prediction_id: this id is stored already with another content: value 250000.0, not")
    assert second.reason.startswith("value: the truth 1.0 is stored already, not 2.0")
    assert (second.kind, second.model, second.row["prediction_id"]) == ("ground_truths", MODEL, "order-0")


def test_a_poisoned_row_is_set_apart_once_however_often_the_replayer_is_killed(spool: Spool, shelf: Shelf) -> None:
    spool.append("predictions", MODEL, some_predictions(3), NOON)
    shelf.refused = {"order-1": ValueError("no")}
    for _ in range(3):
        replay_and_be_killed(spool, shelf)
        assert len(spool.poisoned()) == 1
    replay(spool, shelf)
    assert len(spool.poisoned()) == 1
    shelf.refused = {}
    assert spool.requeue([spool.poisoned()[0].poison_id], NOON) == 1
    assert replay(spool, shelf) == Replayed(stored=1)
    assert set(shelf.predictions) == {"order-0", "order-1", "order-2"}


def test_damaged_lines_and_records_of_another_shape_are_set_apart(spool: Spool, shelf: Shelf) -> None:
    spool.append("predictions", MODEL, some_predictions(3), NOON)
    (path,) = (spool.folder / "waiting").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"order-1", b"order-7"))
    append_line_of_a_later_version(spool)
    assert replay(spool, shelf) == Replayed(stored=2, set_apart=2)
    damaged, unknown = spool.poisoned()
    assert damaged.is_damaged
    assert "order-7" in damaged.row["line"]
    assert unknown.reason.startswith("not a record that this version knows")


def append_line_of_a_later_version(spool: Spool) -> None:
    line = {"kind": "predictions", "model": MODEL, "row": {"time": NOON, "colour": "red"}, "spooled_time": NOON}
    append_to_segment(spool.folder / "waiting" / f"{1:012d}.jsonl", [line])


def test_what_comes_while_the_last_records_are_sent_waits_for_that_moment(spool: Spool, shelf: Shelf) -> None:
    """Otherwise a spool into which rows come all the time would never be empty."""
    spool.append("predictions", MODEL, some_predictions(2500), NOON)
    going = Replay(spool, shelf, FixedClock(NOON)).run()
    next(going)
    came = Spool(spool.folder, spool.max_bytes)
    assert came.append("predictions", MODEL, some_predictions(1, 9000), NOON, only_behind=True)
    next(going)
    assert "order-9000" in shelf.predictions
    assert not came.append("predictions", MODEL, some_predictions(1, 9001), NOON, only_behind=True)
    assert list(going) == []


def test_a_replay_that_is_told_to_stop_ends_between_two_windows(spool: Spool, shelf: Shelf) -> None:
    spool.append("predictions", MODEL, some_predictions(7000), NOON)
    steps = list(Replay(spool, shelf, FixedClock(NOON)).run(lambda: bool(shelf.batches)))
    assert len(steps) == 1
    assert spool.status().records == 5000
