"""Grading of estimates when truth arrives: one whose band misses too often is muted until it has proved itself again.

A band is the estimate plus and minus ``band_errors`` standard errors, and the realised value lies in it or misses it.
A one-sided binomial test over the last chunks asks whether a sound estimator would miss so often; if hardly ever, the
estimate is muted: it is still shown, but no alert may rest on it. Once muted, the chunks since are tested the other way
round: an estimator that misses half of the time would hardly ever do so well. Pure: the state goes in and comes out.

Limits: the test takes chunks as independent, and two or three chunks prove little either way. Between the arrival of a
concept drift and the muting lie the label delay and at least three graded chunks with the default rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ml_monitor.monitoring.results import Measured, Number, Undefined


@dataclass(frozen=True, slots=True)
class GradingRule:
    """When an estimate is muted, and when it is heard again.

    ``sound_misses`` is the share of chunks that a sound estimate may miss: a normal band of two errors misses 4.6 %.
    ``significance`` is the probability below which a test decides.
    """

    band_errors: float = 2.0
    last_chunks: int = 20
    sound_misses: float = 0.05
    unsound_misses: float = 0.5
    significance: float = 0.001


@dataclass(frozen=True, slots=True)
class GradingState:
    """The graded chunks that count, oldest first, each with whether its band held the realised value.

    ``settled`` names those before the last change between muted and heard: more truth for them changes nothing.
    """

    graded: tuple[tuple[str, bool], ...] = ()
    is_muted: bool = False
    settled: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``from_dict`` takes them back."""
        graded = [list(each) for each in self.graded]
        return {"graded": graded, "is_muted": self.is_muted, "settled": list(self.settled)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> GradingState:
        """Return the state that ``to_dict`` wrote."""
        graded = tuple((str(chunk), bool(held)) for chunk, held in content["graded"])
        return GradingState(graded, bool(content["is_muted"]), tuple(content["settled"]))


def band(estimate: Measured, rule: GradingRule) -> tuple[float, float] | None:
    """Return the band in which the realised value is expected; None if the estimate has no value or no error."""
    if isinstance(estimate.value, Undefined) or estimate.standard_error is None:
        return None
    reach = rule.band_errors * estimate.standard_error
    return estimate.value - reach, estimate.value + reach


def grade(
    state: GradingState, chunk: str, estimate: Measured, realised: Number, rule: GradingRule | None = None
) -> GradingState:
    """Return the state after the truth of ``chunk`` has come.

    A chunk graded before (more truth came for it) gets its new grade in its old place. One whose estimate or realised
    value is undefined is not graded. After the estimate is muted, or heard again, earlier chunks no longer count.
    """
    rule = rule or GradingRule()
    limits = band(estimate, rule)
    if limits is None or isinstance(realised, Undefined) or chunk in state.settled:
        return state
    grades = dict(state.graded) | {chunk: limits[0] <= realised <= limits[1]}
    state = replace(state, graded=tuple(grades.items())[-rule.last_chunks :])
    misses = sum(not held for _, held in state.graded)
    if state.is_muted:
        hits = len(state.graded) - misses
        is_sound = probability_of_at_least(hits, len(state.graded), 1 - rule.unsound_misses) < rule.significance
        return _changed(state) if is_sound else state
    is_unsound = probability_of_at_least(misses, len(state.graded), rule.sound_misses) < rule.significance
    return _changed(state) if is_unsound else state


def _changed(state: GradingState) -> GradingState:
    return GradingState(is_muted=not state.is_muted, settled=tuple(chunk for chunk, _ in state.graded))


def probability_of_at_least(count: int, trials: int, probability: float) -> float:
    """Return the probability that ``count`` or more of so many independent trials succeed (binomial)."""
    return math.fsum(
        math.comb(trials, each) * probability**each * (1 - probability) ** (trials - each)
        for each in range(count, trials + 1)
    )
