"""The check of packed days: their lines are looked at, and a bit that flipped anywhere in an archive is reported."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.lines import encode_line
from ml_core.store.json_archives import Archive, encode_head, encode_members
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from tests.factories import NOON, a_prediction, an_observation
from tests.snapshots import everything, fill

MODEL = "housing_price"
DAY = timedelta(days=1)
ARCHIVE = f"records/predictions/{MODEL}/2026-11-19.jsonl.gz"


@pytest.fixture
def packed(json_store: JsonStore) -> JsonStore:
    """A store with some of all kinds, all days of which are packed."""
    fill(json_store)
    json_store.compact(NOON + 60 * DAY, lambda line: None)
    return json_store


def found(store: JsonStore) -> list[tuple[str, str]]:
    problems = store.verify(no_progress).problems
    return [(each.where.removeprefix(f"{store.folder}/"), each.found) for each in problems]


def lines_of(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return Archive(file.fileno()).read(0).splitlines(keepends=True)


def test_lines_of_archives_are_counted_like_others(json_store: JsonStore) -> None:
    fill(json_store)
    before = json_store.verify(no_progress)
    json_store.compact(NOON + 60 * DAY, lambda line: None)
    assert list(json_store.folder.rglob("*.jsonl.gz"))
    assert json_store.verify(no_progress) == before


def test_both_forms_of_a_day_are_looked_at(packed: JsonStore) -> None:
    before = packed.verify(no_progress).checked
    packed.record_predictions(MODEL, [a_prediction(NOON - DAY, prediction_id="order-late")])
    after = packed.verify(no_progress)
    assert after.problems == ()
    # The row itself, and where it lies.
    lines, files = (int(word) for word in before.split() if word.isdigit())
    assert after.checked == f"{lines + 2} lines in {files + 1} files"


def test_a_flipped_bit_in_an_archive_is_reported_wherever_it_is(packed: JsonStore) -> None:
    path, chance = packed.folder / ARCHIVE, random.Random(20261120)
    whole, before = path.read_bytes(), everything(packed)
    for bit in chance.sample(range(len(whole) * 8), 150):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        assert found(packed), f"bit {bit}"
    path.write_bytes(whole)
    assert found(packed) == []
    assert everything(packed) == before


def test_a_damaged_part_is_named_by_file_and_bytes(packed: JsonStore) -> None:
    path = packed.folder / ARCHIVE
    head, content = len(encode_head(b"x")), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    where = f"{ARCHIVE}, bytes {head} to {len(content) - 1}"
    assert found(packed) == [(where, "not as it was written: some of its lines may be lost")]


def test_an_archive_that_was_cut_short_is_named(packed: JsonStore) -> None:
    path = packed.folder / ARCHIVE
    path.write_bytes(path.read_bytes()[:-5])
    ((where, _),) = found(packed)
    assert where.startswith(f"{ARCHIVE}, bytes ")


def test_a_file_that_is_no_archive_is_named_and_the_rest_is_looked_at(packed: JsonStore) -> None:
    (packed.folder / ARCHIVE).write_bytes(b"no gzip at all")
    ((where, _),) = found(packed)
    assert where == f"{ARCHIVE}, bytes 0 to 13"


def test_a_damaged_line_that_was_packed_is_named_by_its_number(packed: JsonStore) -> None:
    path = packed.folder / ARCHIVE
    (line,) = lines_of(path)
    path.write_bytes(encode_head(b"") + encode_members(line + line.replace(b"value", b"walue")))
    assert found(packed) == [(f"{ARCHIVE}, line 2", "not as it was written: the checksum differs")]


def test_a_packed_row_of_another_day_is_named(packed: JsonStore) -> None:
    path = packed.folder / ARCHIVE
    path.rename(path.with_name("2026-10-19.jsonl.gz"))
    ((where, message),) = found(packed)
    assert where == f"records/predictions/{MODEL}/2026-10-19.jsonl.gz, line 1"
    assert "lies in the file of another day" in message


def test_a_series_may_have_the_name_of_a_segment(json_store: JsonStore) -> None:
    for series in ("2026-11-20.jsonl", "🏠" * 60):
        json_store.record_observations(series, [an_observation()])
    before = everything(json_store)
    assert found(json_store) == []
    assert json_store.compact(NOON + DAY, lambda line: None).parts == 2
    assert found(json_store) == []
    assert everything(json_store) == before
    segment = json_store.folder / "records" / "observations" / "2026-11-20.jsonl" / "2026-11-20.jsonl"
    segment.write_bytes(encode_line({"time": "wrong"}).replace(b"wrong", b"wrung"))
    ((where, _),) = found(json_store)
    assert where == "records/observations/2026-11-20.jsonl/2026-11-20.jsonl, line 1 (byte 0)"
