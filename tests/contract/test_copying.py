"""What every store promises of being read whole, and what a copy between any two of them keeps."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.ids import new_id
from ml_core.records import GroundTruth, JobRun, Prediction
from ml_core.store.base import Store
from ml_core.store.copying import copy_store
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store
from ml_core.store.progress import no_progress
from tests.factories import NOON, a_prediction, a_truth
from tests.mariadb import MariaDbServer
from tests.snapshots import everything, fill, histories

MODEL = "housing_price"
DAY = timedelta(days=1)
MANY = 12_345


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """An empty embedded store beside the one under test."""
    with closing(JsonStore(tmp_path / "other")) as opened:
        yield opened


# Reading everything


def test_every_prediction_is_read_oldest_day_first(store: Store) -> None:
    rows = [a_prediction(NOON - day * DAY, prediction_id=f"order-{day}", value="ja", score=0.1) for day in range(400)]
    store.record_predictions(MODEL, rows)
    assert list(store.each_prediction(MODEL)) == rows[::-1]
    assert list(store.each_prediction("unknown")) == []


def test_thousands_of_one_moment_are_read_each_once(store: Store) -> None:
    batch = new_id(NOON)
    rows = [a_prediction(NOON, prediction_id=f"{batch}-{number}", value=float(number)) for number in range(MANY)]
    store.record_predictions(MODEL, rows, new_ids=True)
    store.record_truths(MODEL, [a_truth(row.prediction_id, row.value) for row in rows])
    assert sorted(row.value for row in store.each_prediction(MODEL)) == [float(number) for number in range(MANY)]
    assert sum(1 for _ in store.truth_history(MODEL)) == MANY
    some = [row.prediction_id for row in rows[::3]]
    assert {row.prediction_id for row in store.truth_history(MODEL, some)} == set(some)


@pytest.mark.parametrize("an_id", ["order-1", new_id(NOON), f"{new_id(NOON)}-3"])
def test_a_truth_is_read_with_all_its_values_in_the_order_they_came(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth("order-0", "x"), a_truth(an_id, 1.0), a_truth("zebra", 3.0)])
    for hour, value in enumerate((2.0, 1.0), start=2):
        store.record_truths(MODEL, [a_truth(an_id, value, correct=True, received_time=NOON + timedelta(hours=hour))])
    expected = [
        GroundTruth(an_id, 1.0, NOON + timedelta(hours=1), False),
        GroundTruth(an_id, 2.0, NOON + timedelta(hours=2), True),
        GroundTruth(an_id, 1.0, NOON + timedelta(hours=3), True),
    ]
    assert histories(store, MODEL)[an_id] == expected
    assert list(store.truth_history(MODEL, [an_id, "unknown", "", "\ud800"])) == expected
    assert len(list(store.truth_history(MODEL))) == 5


def test_what_is_left_of_a_forgotten_history_begins_it(store: Store) -> None:
    store.record_truths(MODEL, [a_truth("order-1", 1.0, received_time=NOON - 9 * DAY)])
    store.record_truths(MODEL, [a_truth("order-1", 2.0, correct=True)])
    store.drop_before(NOON - DAY)
    assert [(row.value, row.correct) for row in store.truth_history(MODEL)] == [(2.0, False)]


def test_runs_are_put_as_they_are_and_in_the_place_of_others(store: Store) -> None:
    running = JobRun("check", NOON, 1, "me", "running", NOON, NOON + DAY)
    done = JobRun("check", NOON, 2, "you", "done", NOON, NOON + DAY, NOON + DAY / 2, "güt", "a\nb")
    later = JobRun("check", NOON + 40 * DAY, 1, "me", "failed", NOON, NOON + DAY, NOON + DAY, None, "")
    store.put_runs("check", [later, done, running])
    assert store.list_runs("check", newest=9) == [running, done, later]
    ended = JobRun("check", NOON, 1, "me", "failed", NOON, NOON + 2 * DAY, NOON + DAY, "lost", "c")
    for _ in range(2):
        store.put_runs("check", [ended])
        assert store.list_runs("check", newest=9) == [ended, done, later]
    assert store.list_jobs() == ["check"]


# Copying


def test_a_copy_holds_everything_and_a_second_one_adds_nothing(store: Store, other: Store) -> None:
    fill(other)
    report = copy_store(other, store, no_progress)
    assert everything(store) == everything(other)
    assert report.conflicts == ()
    again = copy_store(other, store, no_progress)
    assert everything(store) == everything(other)
    assert set(again.copied.values()) == {0}
    assert again.already_there == report.copied


def test_a_copy_of_this_store_can_be_used_as_the_store_was(store: Store, other: Store) -> None:
    fill(store)
    copy_store(store, other, no_progress)
    assert everything(other) == everything(store)
    start, end = NOON - 100 * DAY, NOON + 100 * DAY
    for one in (store, other):
        one.record_truths(MODEL, [a_truth("order-1", 7.0, correct=True, received_time=NOON + DAY)])
        assert one.record_predictions(MODEL, [a_prediction(NOON.replace(day=2), prediction_id="order-1")]).duplicates
    assert store.scored(MODEL, start, end).equals(other.scored(MODEL, start, end))


# Odd values

IDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40),
    st.sampled_from(["a", "A", "ä", "a b", "a%", "'\"\\", "order-1", "x" * 255, "😀", "0" * 36]),
    st.builds(lambda days: new_id(NOON - days * DAY), st.integers(0, 60)),
    st.builds(lambda row: f"{new_id(NOON)}-{row}", st.integers(0, 9999)),
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number) > 1e-300 or number == 0)
LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FEATURES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.one_of(NUMBERS, LABELS, st.booleans(), st.none(), st.integers(-(2**53), 2**53)),
    max_size=5,
)
TIMES = st.datetimes(datetime(1990, 1, 1), NOON.replace(tzinfo=None) + DAY).map(lambda time: time.replace(tzinfo=UTC))
PREDICTIONS = st.builds(
    Prediction, IDS, TIMES, FEATURES, st.one_of(NUMBERS, LABELS), st.none() | NUMBERS, st.none() | st.integers(1, 9)
)
TRUTHS = st.tuples(IDS, st.lists(st.one_of(NUMBERS, LABELS), min_size=1, max_size=4))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    predictions=st.lists(PREDICTIONS, max_size=15),
    truths=st.lists(TRUTHS, max_size=10),
    late=st.lists(st.integers(0, 14), max_size=5),
)
def test_from_json_to_mariadb_and_back_nothing_changes(
    mariadb_server: MariaDbServer, predictions: list[Prediction], truths: list[Any], late: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, back = JsonStore(Path(folder) / "first"), JsonStore(Path(folder) / "back")
        first.record_predictions(MODEL, predictions)
        late_truths = [(predictions[place].prediction_id, [1.0, "later"]) for place in late if place < len(predictions)]
        minutes = itertools.count()
        for an_id, values in [*truths, *late_truths]:
            for value in values:
                received = NOON + next(minutes) * timedelta(microseconds=1)
                first.record_truths(MODEL, [GroundTruth(an_id, value, received, correct=True)])
        with closing(open_store(mariadb_server.new_database())) as database:
            for source, target in ((first, database), (database, back)):
                assert copy_store(source, target, no_progress).conflicts == ()
                assert everything(target) == everything(first)
            assert database.verify(no_progress).problems == ()
        assert back.verify(no_progress).problems == ()
