"""The threshold learnt from the chunks before: what moves it, what does not, and how often it is crossed by chance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Measured, Metric, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold
from ml_monitor.monitoring.thresholds.earlier import FEWEST_EARLIER, MOST_EARLIER, learn_from_earlier

MAE = Metric("mae", "Mean absolute error", "lower_is_better", 0.0)


def of(values: list[float], error: float | None = None) -> list[Measured]:
    return [Measured(value, error, 100) for value in values]


def learnt(chunks: list[Measured], **more: float) -> Threshold:
    found = learn_from_earlier(chunks, MAE, **more)
    assert isinstance(found, Threshold)
    return found


def test_it_is_the_median_and_so_many_robust_deviations_clipped_to_the_metric() -> None:
    threshold = learnt(of([1, 2, 3, 4, 5, 6, 7, 8, 9]), deviations=2)
    scatter = 1.4826 * 2
    assert threshold.upper == pytest.approx(5 + 2 * scatter * (1 + np.pi / 18) ** 0.5)
    assert (threshold.lower, threshold.origin) == (0.0, "earlier")
    assert threshold.details["chunks"] == 9


def test_an_outage_among_them_moves_it_little() -> None:
    usual = [5.0, 5.1, 4.9, 5.2, 4.8, 5.0, 5.1, 4.9, 5.0, 5.1]
    with_outage = learnt(of([*usual, 500.0, 400.0]))
    assert with_outage.upper is not None
    assert with_outage.upper < 6


def test_chunks_that_lie_close_together_by_luck_do_not_make_it_narrower_than_their_errors() -> None:
    assert learnt(of([5.0] * 10)).upper == 5.0
    upper = learnt(of([5.0] * 10, error=0.5)).upper
    assert upper == pytest.approx(5 + 3 * 0.5 * (1 + np.pi / 20) ** 0.5)


def test_only_the_last_ones_that_have_a_value_count() -> None:
    old = of([900.0] * 50)
    new: list[Measured] = [
        each for value in range(MOST_EARLIER) for each in (*of([5.0 + value % 2]), Measured(Undefined("no truth")))
    ]
    assert learnt(old + new).details["median"] == 5.5


def test_too_few_teach_nothing() -> None:
    found = learn_from_earlier([*of([5.0] * (FEWEST_EARLIER - 1)), Measured(Undefined("no truth"))], MAE)
    assert found == Undefined("6 earlier chunks have a value, at least 7 are needed")
    with pytest.raises(InvalidInput, match="deviations"):
        learn_from_earlier(of([1.0] * 9), MAE, deviations=0)


@pytest.mark.parametrize("kept", [0.0, 0.9])
def test_by_chance_it_is_crossed_on_two_of_three_chunks_less_than_once_in_a_hundred(kept: float) -> None:
    generator = np.random.default_rng(3)
    crossed = []
    for _ in range(25):
        noise = generator.normal(size=60 * 288)
        errors = noise if not kept else _kept(noise, kept)
        days = np.abs(errors).reshape(60, 288)
        chunks = [Measured(float(day.mean()), float(day.std() / 288**0.5), 288) for day in days]
        bad = [bool(float(str(chunks[day].value)) > (learnt(chunks[:day]).upper or 0)) for day in range(14, 60)]
        crossed += [sum(run) >= 2 for run in zip(bad, bad[1:], bad[2:], strict=False)]
    assert np.mean(crossed) < 0.01
    assert len(list(pairwise(crossed))) > 1000


def _kept(
    noise: np.ndarray[tuple[int], np.dtype[np.float64]], share: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a series in which each value keeps a share of the one before."""
    found = np.empty_like(noise)
    last = 0.0
    for place, value in enumerate(noise):
        last = found[place] = share * last + value
    return found
