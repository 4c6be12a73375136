"""Finding rows by id: right whatever was appended, rewritten or damaged, and without reading it all each time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.records import Receipt
from ml_core.store.json_ids import IdIndex, IdIndexes
from ml_core.store.json_segments import append_to_segment, read_segment, rewrite_segment
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_prediction, a_row, a_truth, some_rows

MODEL = "housing_price"
MANY = 20_000
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ids-0.jsonl"


def found(index: IdIndex, *prediction_ids: str) -> list[float]:
    return [row["value"] for row in index.find(prediction_ids)]


def bytes_read(work: Callable[[], object]) -> int:
    """Return how many bytes this process reads from files while it works."""

    def count() -> int:
        name, _, number = Path("/proc/self/io").read_text().splitlines()[0].partition(": ")
        assert name == "rchar"
        return int(number)

    before = count()
    work()
    return count() - before


# What is found


def test_all_lines_of_an_id_are_found_in_their_order(path: Path) -> None:
    index = IdIndex(path)
    assert found(index, "order-1") == []
    for value in (1.0, 2.0, 3.0):
        append_to_segment(path, [a_row(1) | {"value": value}, a_row(2)])
    assert found(index, "order-1") == [1.0, 2.0, 3.0]
    assert [row["prediction_id"] for row in index.find(["order-2", "order-1", "order-7"])] == ["order-1", "order-2"] * 3
    assert index.find([]) == []
    assert len(index) == 6


@settings(max_examples=50)
@given(ids=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=30), batches=st.integers(1, 5))
def test_it_finds_what_reading_everything_finds(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], batches: int
) -> None:
    path = tmp_path_factory.mktemp("ids") / "ids-0.jsonl"
    index = IdIndex(path)
    for batch in range(batches):
        append_to_segment(path, [{"prediction_id": each, "value": float(batch)} for each in ids])
        for wanted in ({ids[0]}, set(ids), {'"', "\\", *ids[::2]}):
            assert index.find(wanted) == [row for row in read_segment(path)[0] if row["prediction_id"] in wanted]


def test_thousands_that_come_bit_by_bit_are_all_found(path: Path) -> None:
    index = IdIndex(path)
    for first in range(0, 5000, 250):
        append_to_segment(path, [a_row(number) for number in range(first, first + 250)])
        assert len(index.find([f"order-{first}", "order-0", "order-249"])) == (2 if first == 0 else 3)
    assert index.find([f"order-{number}" for number in range(5000)]) == some_rows(5000)
    assert len(index) == 5000


def test_a_line_longer_than_what_is_read_at_once_is_found(path: Path) -> None:
    rows = [a_row(number) | {"note": "x" * 5000} for number in range(50)]
    append_to_segment(path, rows)
    index = IdIndex(path)
    assert index.find(["order-7"]) == [rows[7]]
    assert index.find([f"order-{number}" for number in range(50)]) == rows


# What others do meanwhile


def test_what_was_rewritten_is_found_where_it_lies_now(path: Path) -> None:
    index = IdIndex(path)
    append_to_segment(path, some_rows(3000))
    assert len(index.find(["order-5", "order-2999"])) == 2
    rewrite_segment(path, lambda row: row["prediction_id"] not in ("order-0", "order-5"))
    assert index.find(["order-5", "order-2999"]) == [a_row(2999)]
    append_to_segment(path, [a_row(5)])
    assert index.find(["order-5"]) == [a_row(5)]
    rewrite_segment(path, lambda row: False)
    assert index.find(["order-5", "order-2999"]) == []


def test_a_line_without_its_end_is_found_when_it_is_whole(path: Path) -> None:
    index = IdIndex(path)
    append_to_segment(path, some_rows(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert index.find(["order-0", "order-1"]) == [a_row(0)]
    path.write_bytes(whole)
    assert index.find(["order-1"]) == [a_row(1)]


def test_a_damaged_line_is_logged_and_takes_no_other_with_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    append_to_segment(path, some_rows(3))
    index = IdIndex(path)
    path.write_bytes(path.read_bytes().replace(b'"value":1.7', b'"value":9.7'))
    assert index.find(["order-0", "order-1", "order-2"]) == [a_row(0), a_row(2)]
    place = path.read_bytes().index(b"\n") + 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: the line at byte {place} is damaged and was passed over"
    ]


def _tell(folder: Path, value: float) -> None:
    JsonStore(folder).record_truths(MODEL, [a_truth("order-1", value, correct=True)])


def _erase(folder: Path, value: float) -> None:
    JsonStore(folder).erase(MODEL, ["order-1"])


def test_what_another_process_tells_or_erases_is_seen_at_the_next_look(json_store: JsonStore) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "ml_core.store.json_store"])
    json_store.record_truths(MODEL, [a_truth("order-1", 1.0)])
    for work, value, expected in (
        (_tell, 2.0, Receipt(duplicates=1)),
        (_erase, 0.0, Receipt(accepted=1)),
        (_tell, 4.0, Receipt(duplicates=1)),
    ):
        process = context.Process(target=work, args=(json_store.folder, value))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        process.close()
        assert json_store.record_truths(MODEL, [a_truth("order-1", value)]) == expected


# What it costs


@pytest.mark.parametrize("foreign", [True, False], ids=["foreign ids", "ids of one day"])
def test_a_small_batch_of_truths_does_not_read_what_the_one_before_it_has_read(
    json_store: JsonStore, foreign: bool
) -> None:
    ids = [f"order-{number}" if foreign else a_prediction().prediction_id for number in range(MANY)]
    writer = JsonStore(json_store.folder)
    writer.record_truths(MODEL, [a_truth(each, 5.0) for each in ids])
    stored = sum(path.stat().st_size for path in json_store.folder.rglob("records/**/*.jsonl"))
    receipts: list[Receipt] = []

    def tell(first: int) -> None:
        receipts.append(json_store.record_truths(MODEL, [a_truth(each, 5.0) for each in ids[first : first + 200]]))

    assert bytes_read(lambda: tell(0)) > stored / 2
    writer.record_truths(MODEL, [a_truth("order-new", 1.0)])
    assert bytes_read(lambda: tell(1000)) < stored / 4
    assert [receipt.duplicates for receipt in receipts] == [200, 200]


def test_scoring_a_few_predictions_does_not_read_all_truths_again(json_store: JsonStore) -> None:
    json_store.record_predictions(MODEL, [a_prediction(prediction_id=f"order-{number}") for number in range(20)])
    json_store.record_truths(MODEL, [a_truth(f"order-{number}", float(number)) for number in range(MANY)])
    stored = sum(path.stat().st_size for path in json_store.folder.rglob("records/ground_truths/**/*.jsonl"))

    def score() -> list[float]:
        return sorted(json_store.scored(MODEL, NOON, NOON + HOUR)["truth"].to_list())

    assert score() == [float(number) for number in range(20)]
    assert bytes_read(score) < stored / 20


def test_the_segments_asked_for_last_are_those_that_are_kept(tmp_path: Path) -> None:
    indexes = IdIndexes(most_lines=2500)
    paths = [tmp_path / f"ids-{number}.jsonl" for number in range(3)]
    for path in paths:
        append_to_segment(path, some_rows(1000))
        assert indexes.find(path, ["order-1"]) == [a_row(1)]
    kept = {path: bytes_read(lambda path=path: indexes.find(path, ["order-1"])) < 50_000 for path in reversed(paths)}  # type: ignore[misc]
    assert kept == {paths[2]: True, paths[1]: True, paths[0]: False}
    assert indexes.find(paths[0], ["order-999"]) == [a_row(999)]


def test_one_segment_that_is_larger_than_all_that_may_be_kept_is_kept_alone(tmp_path: Path) -> None:
    indexes = IdIndexes(most_lines=10)
    append_to_segment(tmp_path / "ids-0.jsonl", some_rows(1000))
    for _ in range(2):
        assert indexes.find(tmp_path / "ids-0.jsonl", ["order-7"]) == [a_row(7)]
    assert bytes_read(lambda: indexes.find(tmp_path / "ids-0.jsonl", ["order-7"])) < 10_000
