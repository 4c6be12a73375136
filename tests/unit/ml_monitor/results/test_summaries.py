from __future__ import annotations

from dataclasses import replace

from ml_core.store.json_store import JsonStore
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.results.summaries import (
    MOST_CHUNKS,
    ChunkSummary,
    ColumnChange,
    Summary,
    read_summaries,
    read_summary,
    update_summary,
)
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY

START = NOON.replace(hour=0) - 60 * DAY
CHANGE = ColumnChange("income", 0.7, Change("median", 33_000.0, 4_000.0))


def a_chunk(day: int, *drifted: str, **changes: object) -> ChunkSummary:
    values: dict[str, object] = {
        "start_time": START + day * DAY,
        "end_time": START + (day + 1) * DAY,
        "rows": 100,
        "truths": 90,
        "realised": 0.7,
        "estimated": None,
        "state": "ok",
        "columns": 5,
        "drifted": drifted,
    }
    return ChunkSummary(**values | changes)  # type: ignore[arg-type]


def a_summary(*chunks: ChunkSummary, model: str = "fraud") -> Summary:
    return Summary(model, NOON, "accuracy", 0.71, chunks)


def kept(store: JsonStore, model: str = "fraud") -> Summary:
    found = read_summary(store, model)
    assert found is not None
    return found


def test_a_summary_comes_back_as_it_was_written(json_store: JsonStore) -> None:
    chunks = (a_chunk(0, estimated=0.72, realised=None), a_chunk(1, "income", changes=(CHANGE,)))
    update_summary(json_store, a_summary(*chunks))
    found = kept(json_store)
    assert found.chunks == chunks
    assert (found.model, found.checked_time, found.metric, found.reference) == ("fraud", NOON, "accuracy", 0.71)
    assert read_summary(json_store, "other") is None


def test_a_chunk_that_was_measured_again_replaces_itself(json_store: JsonStore) -> None:
    update_summary(json_store, a_summary(a_chunk(0), a_chunk(1)))
    update_summary(json_store, a_summary(a_chunk(1, realised=0.5), a_chunk(2)))
    assert [chunk.realised for chunk in kept(json_store).chunks] == [0.7, 0.5, 0.7]


def test_the_newest_chunks_are_kept_and_words_for_the_newest_alone(json_store: JsonStore) -> None:
    update_summary(json_store, a_summary(*(a_chunk(day, changes=(CHANGE,)) for day in range(MOST_CHUNKS + 5))))
    found = kept(json_store)
    assert len(found.chunks) == MOST_CHUNKS
    assert found.chunks[0].start_time == START + 5 * DAY
    assert [bool(chunk.changes) for chunk in found.chunks[-4:]] == [False, True, True, True]


def test_all_summaries_are_read_by_model_and_follow_changes(json_store: JsonStore) -> None:
    for model in ("fraud", "churn"):
        update_summary(json_store, a_summary(a_chunk(0), model=model))
    assert sorted(read_summaries(json_store)) == ["churn", "fraud"]
    assert read_summaries(json_store)["fraud"] is read_summaries(json_store)["fraud"]  # nothing was parsed again
    update_summary(json_store, a_summary(a_chunk(1)))
    assert len(read_summaries(json_store)["fraud"].chunks) == 2


def test_a_column_drifts_since_the_first_of_its_newest_run_of_chunks() -> None:
    runs = {"income": "--xx-xx", "age": "xx---xx", "country": "xxx----", "rooms": "------x"}
    chunks = [
        a_chunk(day, *(name for name, run in runs.items() if run[day] == "x")) for day in range(len(runs["income"]))
    ]
    summary = a_summary(*chunks)
    assert summary.drifting_since("income") == START + 2 * DAY  # one day in between is no break
    assert summary.drifting_since("age") == START + 5 * DAY
    assert summary.drifting_since("country") is None
    assert summary.drifting_since("rooms") == START + 6 * DAY
    assert replace(summary, chunks=()).drifting_since("income") is None
