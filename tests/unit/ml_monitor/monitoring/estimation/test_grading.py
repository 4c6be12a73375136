from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from ml_monitor.monitoring.estimation.calibration import Calibrator
from ml_monitor.monitoring.estimation.cbpe import Cbpe, expected_metrics
from ml_monitor.monitoring.estimation.grading import (
    GradingRule,
    GradingState,
    band,
    grade,
    probability_of_at_least,
)
from ml_monitor.monitoring.results import Measured, Undefined
from tests.unit.ml_monitor.monitoring.estimation.worlds import binary_rows

ESTIMATE = Measured(0.8, 0.01, 1000)
HIT, MISS = 0.815, 0.7


def graded(*realised: float, state: GradingState | None = None, first: int = 0) -> GradingState:
    """Return the state after chunks numbered from ``first``, each with its realised value."""
    state = state or GradingState()
    for number, value in enumerate(realised, first):
        state = grade(state, f"chunk-{number}", ESTIMATE, value)
    return state


def test_the_band_is_so_many_standard_errors_wide() -> None:
    assert band(ESTIMATE, GradingRule(band_errors=3.0)) == pytest.approx((0.77, 0.83))
    assert band(Measured(0.8, None), GradingRule()) is None
    assert band(Measured(Undefined("no rows"), None), GradingRule()) is None


@pytest.mark.parametrize(
    ("realised", "is_muted"),
    [
        ([MISS, MISS], False),
        ([MISS, MISS, MISS], True),
        ([MISS, HIT, MISS, MISS], True),
        ([MISS, HIT, HIT, MISS, MISS], False),
        ([HIT] * 15 + [MISS] * 5, False),
        ([HIT] * 14 + [MISS] * 6, True),
        ([MISS] * 2 + [HIT] * 20 + [MISS] * 5, False),  # only the last 20 count
    ],
)
def test_an_estimate_is_muted_when_a_sound_one_would_hardly_ever_miss_so_often(
    realised: list[float], is_muted: bool
) -> None:
    assert graded(*realised).is_muted == is_muted


@pytest.mark.parametrize(
    ("realised", "is_muted"),
    [([HIT] * 9, True), ([HIT] * 10, False), ([MISS] + [HIT] * 12, True), ([MISS] + [HIT] * 14, False)],
)
def test_a_muted_estimate_is_heard_again_once_it_has_proved_itself(realised: list[float], is_muted: bool) -> None:
    muted = graded(MISS, MISS, MISS)
    assert graded(*realised, state=muted, first=100).is_muted == is_muted


def test_grading_a_chunk_again_replaces_its_grade() -> None:
    once = graded(MISS, MISS)
    assert grade(once, "chunk-1", ESTIMATE, MISS) == once
    corrected = grade(once, "chunk-1", ESTIMATE, HIT)
    assert corrected.graded == (("chunk-0", False), ("chunk-1", True))


def test_more_truth_for_a_chunk_before_the_muting_changes_nothing() -> None:
    muted = graded(MISS, MISS, MISS)
    assert muted.settled == ("chunk-0", "chunk-1", "chunk-2")
    assert grade(muted, "chunk-1", ESTIMATE, HIT) == muted


def test_what_is_undefined_is_not_graded() -> None:
    state = graded(HIT)
    assert grade(state, "other", ESTIMATE, Undefined("one class")) == state
    assert grade(state, "other", Measured(Undefined("no rows"), None), 0.8) == state


def test_a_state_survives_json() -> None:
    state = graded(HIT, state=graded(MISS, MISS, MISS), first=9)
    assert GradingState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_the_tail_of_the_binomial_is_scipys() -> None:
    for trials in (1, 7, 20):
        for count in range(trials + 1):
            found = probability_of_at_least(count, trials, 0.05)
            assert found == pytest.approx(binom.sf(count - 1, trials, 0.05), rel=1e-9)


def muted_after(seed: int, drift: float, chunks: int) -> int | None:
    """Return after how many chunks of a CBPE estimate its accuracy is muted."""
    generator = np.random.default_rng(seed)
    estimator = Cbpe(Calibrator((), (), "taken as they are"), 100_000)
    state = GradingState()
    for number in range(chunks):
        chunk = binary_rows(generator, 500, drift=drift)
        estimate = estimator.estimate(chunk.scores, chunk.labels).metrics["accuracy"]
        realised = expected_metrics(chunk.scores, chunk.truths, chunk.labels == 1)["accuracy"].value
        state = grade(state, str(number), estimate, realised)
        if state.is_muted:
            return number + 1
    return None


def test_a_sound_estimate_is_hardly_ever_muted_in_a_hundred_chunks() -> None:
    muted = [muted_after(seed, 0.0, 100) for seed in range(40)]
    assert sum(each is not None for each in muted) <= 2


def test_an_estimate_under_concept_drift_is_muted_within_a_few_chunks() -> None:
    muted = [muted_after(seed, 0.5, 10) for seed in range(20)]
    assert muted == [3] * 20
