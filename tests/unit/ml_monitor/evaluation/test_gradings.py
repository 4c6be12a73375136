"""Estimates are graded once truth is there, each by its chunking and metric, and muted ones bear a note."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from ml_monitor.evaluation.gradings import MUTED, Gradings
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.results.results_store import Result
from tests.factories import NOON

DAY = timedelta(days=1)


def results(day: int, realised: Number, *, coverage: Number = 1.0, chunk: str = "day", **more: Any) -> list[Result]:
    """Return a day whose AUC is estimated at 0.8, give or take 0.04."""
    start = NOON + day * DAY

    def one(group: Any, name: str, value: Number, error: float | None = None, segment: str = "") -> Result:
        return Result(chunk, group, name, "", segment, start, start + DAY, 400, value, error)

    return [
        one("labels", "label_coverage", coverage),
        one("performance", "roc_auc", realised),
        one("performance", "roc_auc", 0.8, None, "country=de"),
        one("estimate", "roc_auc", more.get("estimate", 0.8), 0.02),
    ]


def graded(gradings: Gradings, *args: Any, **how: Any) -> Result:
    return gradings.grade(results(*args, **how))[-1]


def muted() -> Gradings:
    gradings = Gradings({})
    for day in range(3):
        graded(gradings, day, 0.5)
    return gradings


def test_an_estimate_that_holds_is_never_muted() -> None:
    gradings = Gradings({})
    assert [graded(gradings, day, 0.77).notes for day in range(20)] == [()] * 20
    (state,) = gradings.to_dict().values()
    assert [held for _, held in state["graded"]] == [True] * 20


def test_the_third_miss_in_a_row_mutes_and_a_run_of_hits_is_heard_again() -> None:
    gradings = Gradings({})
    assert [graded(gradings, day, 0.5).notes for day in range(4)] == [(), (), (MUTED,), (MUTED,)]
    notes = [graded(gradings, day, 0.8).notes for day in range(4, 20)]
    assert notes[0] == (MUTED,)
    assert notes[-1] == ()


@pytest.mark.parametrize("coverage", [0.0, 0.89, Undefined("no rows")])
def test_without_truth_for_nine_rows_in_ten_nothing_is_graded(coverage: Number) -> None:
    gradings = Gradings({})
    assert [graded(gradings, day, 0.5, coverage=coverage).notes for day in range(6)] == [()] * 6
    assert gradings.to_dict() == {}


def test_what_is_muted_stays_so_for_chunks_whose_truth_has_not_come() -> None:
    gradings = muted()
    assert graded(gradings, 9, Undefined("no ground truth"), coverage=0.0).notes == (MUTED,)


def test_only_the_estimate_bears_the_note_and_keeps_those_it_has() -> None:
    gradings, chunk = muted(), results(4, 0.5)
    after = gradings.grade(chunk)
    assert after[:-1] == chunk[:-1]
    assert after[-1].value == chunk[-1].value
    assert after[-1].notes == (MUTED,)


@pytest.mark.parametrize(("realised", "estimate"), [(Undefined("one class only"), 0.8), (0.5, Undefined("no scores"))])
def test_what_is_undefined_is_not_graded(realised: Number, estimate: Number) -> None:
    gradings = Gradings({})
    for day in range(6):
        graded(gradings, day, realised, estimate=estimate)
    assert all(state["graded"] == [] for state in gradings.to_dict().values())


def test_a_chunk_counts_once_with_its_last_truth() -> None:
    gradings = Gradings({})
    for _ in range(5):
        graded(gradings, 0, 0.5)
    assert graded(gradings, 0, 0.8).notes == ()
    (state,) = gradings.to_dict().values()
    assert state["graded"] == [["2026-11-20T12:00:00Z", True]]


def test_another_chunking_is_graded_apart() -> None:
    gradings = muted()
    assert graded(gradings, 3, 0.5, chunk="week").notes == ()
    assert list(gradings.to_dict()) == ["day/roc_auc", "week/roc_auc"]


def test_gradings_come_back_from_their_plain_values() -> None:
    kept = orjson.loads(orjson.dumps(muted().to_dict()))
    assert Gradings(kept).to_dict() == kept == muted().to_dict()
    assert graded(Gradings(kept), 5, 0.5).notes == (MUTED,)


def of_version(gradings: Gradings, version: int, day: int, realised: Number) -> Result:
    return gradings.grade(results(day, realised), version)[-1]


def test_a_new_version_is_not_muted_for_what_the_one_before_missed() -> None:
    gradings = Gradings({})
    for day in range(3):
        of_version(gradings, 1, day, 0.5)
    assert of_version(gradings, 1, 3, 0.5).notes == (MUTED,)
    assert of_version(gradings, 2, 4, 0.5).notes == ()
    assert of_version(gradings, 1, 5, 0.5).notes == (MUTED,)
    assert list(gradings.to_dict()) == ["day/roc_auc/1", "day/roc_auc/2"]


def test_what_was_kept_before_versions_were_told_apart_goes_to_the_first_that_comes() -> None:
    gradings = Gradings(muted().to_dict())
    assert of_version(gradings, 7, 5, 0.5).notes == (MUTED,)
    assert of_version(gradings, 8, 6, 0.5).notes == ()
    assert list(gradings.to_dict()) == ["day/roc_auc/7", "day/roc_auc/8"]


def test_of_many_versions_the_newest_ten_are_kept() -> None:
    gradings = Gradings({})
    for version in range(1, 15):
        of_version(gradings, version, version, 0.8)
    assert sorted(int(name.split("/")[2]) for name in gradings.to_dict()) == list(range(5, 15))
