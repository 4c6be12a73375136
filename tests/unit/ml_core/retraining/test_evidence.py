"""The bet on pairs of losses: what it decides, how seldom it is wrong, and that looking often costs nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml_core.retraining.evidence import SCALE_PAIRS, Evidence, weigh


def draw(count: int, *, gain: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return losses of two versions whose errors are alike in shape; the rival's are smaller by the share ``gain``."""
    errors = np.abs(np.random.default_rng(seed).standard_normal((2, count)))
    return errors[0], (1 - gain) * errors[1]


def weighed(losses: np.ndarray, rival: np.ndarray, *, alpha: float = 0.05, margin: float = 0.0) -> Evidence:
    return weigh(losses, rival, alpha=alpha, margin=margin)


def test_a_rival_with_half_the_loss_is_soon_better() -> None:
    found = weighed(*draw(400, gain=0.5))
    assert found.verdict == "better"
    assert found.decided_at is not None and found.decided_at < 150
    assert found.log_e_better >= math.log(20)
    assert found.rival_mean < found.mean


def test_a_rival_with_twice_the_loss_is_worse() -> None:
    losses, rival = draw(400, gain=0.5)
    assert weighed(rival, losses).verdict == "worse"


def test_a_rival_that_gains_less_than_the_margin_is_not_better_and_not_worse() -> None:
    losses, _ = draw(3_000, gain=0.0)
    assert weighed(losses, 0.95 * losses, margin=0.1).verdict == "open"
    assert weighed(losses, 0.95 * losses, margin=0.01).verdict == "better"


def test_what_comes_after_a_verdict_does_not_undo_it() -> None:
    losses, rival = draw(400, gain=0.5)
    first = weighed(losses, rival)
    later = weighed(np.concatenate([losses, rival]), np.concatenate([rival, losses]))
    assert (later.verdict, later.decided_at) == ("better", first.decided_at)


def test_a_verdict_falls_at_the_same_pair_however_often_one_looks() -> None:
    losses, rival = draw(400, gain=0.4, seed=3)
    whole = weighed(losses, rival)
    looks = [weighed(losses[:count], rival[:count]) for count in range(1, 401)]
    first = next(count for count, look in enumerate(looks, start=1) if look.verdict != "open")
    assert (first, looks[first - 1].verdict) == (whole.decided_at, whole.verdict)


def test_the_first_pairs_set_the_scale_and_decide_nothing() -> None:
    found = weighed(np.full(SCALE_PAIRS, 9.0), np.zeros(SCALE_PAIRS))
    assert (found.verdict, found.log_e_better, found.log_e_worse) == ("open", 0.0, 0.0)


def test_one_huge_loss_decides_nothing() -> None:
    losses, rival = draw(100, gain=0.0, seed=5)
    losses[50] = 1e12
    assert weighed(losses, rival).verdict == "open"


def test_losses_do_not_depend_on_their_unit() -> None:
    losses, rival = draw(60, gain=0.3)
    assert weighed(1e6 * losses, 1e6 * rival).log_e_better == pytest.approx(weighed(losses, rival).log_e_better)


@pytest.mark.parametrize("count", [0, 1, SCALE_PAIRS, 50])
def test_losses_that_are_all_zero_say_nothing(count: int) -> None:
    assert weighed(np.zeros(count), np.zeros(count)).verdict == "open"


@pytest.mark.parametrize("wrong", [np.array([-1.0]), np.array([np.nan]), np.array([np.inf]), np.array([1.0, 2.0])])
def test_losses_that_are_none_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        weighed(np.ones(1), wrong)


@pytest.mark.parametrize("kind", ["alike", "skewed", "dependent"])
def test_of_versions_that_are_alike_at_most_alpha_are_ever_promoted_though_one_looks_at_every_pair(kind: str) -> None:
    # 500 trials of two weeks of hours; a verdict falls at the first of all looks that reaches the bound.
    generator, alpha, trials = np.random.default_rng(11), 0.1, 500
    promoted = 0
    for _ in range(trials):
        errors = np.abs(generator.standard_normal((2, 336)))
        if kind == "skewed":  # the rival is as good on average, by rare great errors among many small ones
            errors[1] = np.where(generator.random(336) < 0.2, 7.98, 0.0) * generator.random(336)
        if kind == "dependent":  # days good and bad for both
            errors = errors * np.repeat(np.exp(generator.standard_normal(14)), 24)
        promoted += weighed(errors[0], errors[1], alpha=alpha).verdict == "better"
    assert promoted <= alpha * trials
