"""The notice of an embedded store that holds more than it is made for."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.records import Prediction
from ml_core.store.json_notices import MANY_RECORDS, RecordEstimate, outgrown
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_prediction, a_truth, an_observation

MODEL = "housing_price"
DAY = timedelta(days=1)
MANY = 2000


def some_predictions(count: int, first_day: int = 0) -> list[Prediction]:
    return [a_prediction(NOON - (first_day + number % 5) * DAY) for number in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> JsonStore:
    """A store that is made for little."""
    return JsonStore(tmp_path / "store", many_records=MANY)


def fresh(store: JsonStore) -> int:
    """Return the estimate of now."""
    return RecordEstimate(store.folder / "records", timedelta(0)).count()


def test_a_store_that_holds_more_than_it_is_made_for_says_so_and_what_to_do(store: JsonStore) -> None:
    store.record_predictions(MODEL, some_predictions(MANY + 200), new_ids=True)
    (notice,) = store.notices()
    assert notice == (
        "the embedded store holds about 2,200 records, and is made for up to 2,000:"
        " copy it to mysql+pymysql://user:password@host/database with `python -m ml_core.store copy`,"
        " and set ML_STORE_URL to that"
    )


def test_a_store_that_holds_less_says_nothing(store: JsonStore, json_store: JsonStore) -> None:
    assert store.notices() == []
    store.record_predictions(MODEL, some_predictions(MANY - 200), new_ids=True)
    assert JsonStore(store.folder, many_records=MANY).notices() == []
    assert json_store.notices() == []
    assert outgrown(MANY_RECORDS, MANY_RECORDS) is None
    assert outgrown(MANY_RECORDS + 1, MANY_RECORDS) is not None


@pytest.mark.parametrize("packed", [False, True])
def test_the_estimate_is_near_whatever_the_records_and_whether_they_are_packed(store: JsonStore, packed: bool) -> None:
    store.record_predictions(MODEL, some_predictions(3000), new_ids=True)
    long = [a_prediction(NOON, features={"note": "x" * 2000}) for _ in range(500)]
    store.record_predictions("wine", long, new_ids=True)
    store.record_predictions("iris", [a_prediction(prediction_id=f"order-{number}") for number in range(1000)])
    store.record_truths(MODEL, [a_truth(f"order-{number}") for number in range(1500)])
    lease = store.claim_run("nightly", NOON, now=NOON, lease=DAY, holder="me")
    assert lease is not None
    if packed:
        store.compact(NOON - DAY, lambda line: None)
        store.compact(NOON + DAY, lambda line: None)
        store.record_predictions(MODEL, some_predictions(500), new_ids=True)
    expected = 6000 + 500 * packed
    assert 0.9 * expected < fresh(store) < 1.1 * expected


def test_the_estimate_is_kept_for_a_while(store: JsonStore) -> None:
    assert store.notices() == []
    store.record_predictions(MODEL, some_predictions(MANY + 200), new_ids=True)
    assert store.notices() == []
    assert fresh(store) > MANY
    assert len(JsonStore(store.folder, many_records=MANY).notices()) == 1


def test_an_estimate_reads_a_sample_and_not_everything(store: JsonStore) -> None:
    store.record_predictions(MODEL, some_predictions(20_000), new_ids=True)
    stored = sum(path.stat().st_size for path in store.folder.rglob("*.jsonl"))

    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().splitlines()[0].removeprefix("rchar: "))

    before = bytes_read()
    assert fresh(store) > 15_000
    assert bytes_read() - before < stored / 10


def test_files_of_which_nothing_is_left_count_nothing(store: JsonStore) -> None:
    store.record_predictions(MODEL, some_predictions(10), new_ids=True)
    for path in store.folder.rglob("records/*/*/*.jsonl"):
        path.write_bytes(b"")
        path.with_name(f"{path.name}.gz").write_bytes(b"")
    assert fresh(store) == 0


def test_records_that_cannot_be_read_are_a_notice_too(store: JsonStore) -> None:
    store.record_predictions(MODEL, some_predictions(10), new_ids=True)
    path = next(store.folder.rglob("records/*/*/*.jsonl"))
    for each in path.parent.glob("*.jsonl"):
        each.unlink()
    path.mkdir()
    (notice,) = store.notices()
    assert re.fullmatch(r"cannot read .*records: Is a directory", notice)


def test_records_of_a_series_with_a_long_name_count(tmp_path: Path) -> None:
    store = JsonStore(tmp_path, many_records=99)
    store.record_observations("🏠" * 60, [an_observation(NOON + number * DAY) for number in range(100)])
    assert len(store.notices()) == 1
