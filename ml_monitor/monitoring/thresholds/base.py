"""A threshold: the bounds of a metric, where they come from, and what they say about the value of a chunk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Direction, Number, Undefined

Origin = Literal["learnt", "earlier", "fixed", "false_alarms"]
JudgementState = Literal["ok", "beyond", "undefined"]
ORIGINS: tuple[Origin, ...] = ("learnt", "earlier", "fixed", "false_alarms")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a threshold says about one value.

    ``bound`` is the one that is crossed or, if none is, the one that the value would cross by getting worse (None where
    there is none). ``is_clear`` says whether the value also lies within the threshold for clearing, if there is one.
    ``reason`` is a sentence where there is no verdict.
    """

    state: JudgementState
    value: Number
    bound: float | None
    direction: Direction
    is_clear: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bounds of a metric, in its units; None leaves a side open. ``details`` says how they came about, in plain values.

    Raises ``InvalidInput`` for bounds that are not numbers or stand the wrong way round.
    """

    lower: float | None
    upper: float | None
    origin: Origin
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, bound in (("lower", self.lower), ("upper", self.upper)):
            if bound is not None and not math.isfinite(bound):
                raise refused(name, f"a finite number or none, not {bound}")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise refused("lower", f"at most the upper bound {self.upper}, not {self.lower}")

    def judge(self, value: Number, direction: Direction, clear: Threshold | None = None) -> Judgement:
        """Return whether a value is beyond the bound on the side where the metric gets worse.

        A value that is better than the reference is no alert: an error below its lower bound is ok. With ``clear``, a
        value must be within those narrower bounds, too, to be called clear.
        """
        if isinstance(value, Undefined):
            return Judgement("undefined", value, self._bound(direction, 0.0), direction, False, value.reason)
        state: JudgementState = "beyond" if self._is_beyond(value, direction) else "ok"
        is_clear = state == "ok" and not (clear is not None and clear._is_beyond(value, direction))
        return Judgement(state, value, self._bound(direction, value), direction, is_clear)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``from_dict`` takes them back."""
        return {"lower": self.lower, "upper": self.upper, "origin": self.origin, "details": dict(self.details)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Threshold:
        """Return the threshold that ``to_dict`` wrote; raise ``InvalidInput`` if it is none."""
        if content["origin"] not in ORIGINS:
            raise refused("origin", f"one of {', '.join(ORIGINS)}, not {content['origin']!r}")
        return Threshold(content["lower"], content["upper"], content["origin"], dict(content["details"]))

    def _is_beyond(self, value: float, direction: Direction) -> bool:
        is_below = self.lower is not None and value < self.lower
        is_above = self.upper is not None and value > self.upper
        if direction == "higher_is_better":
            return is_below
        if direction == "lower_is_better":
            return is_above
        if (self.lower is None or self.lower <= 0) and (self.upper is None or self.upper >= 0):
            return is_below or is_above
        # The reference was already off zero: what is nearer to zero than that is an improvement, as is a bias of 5 that
        # falls to 0.
        farthest = max(abs(bound) for bound in (self.lower, self.upper, 0.0) if bound is not None)
        return (is_below or is_above) and abs(value) > farthest

    def _bound(self, direction: Direction, value: float) -> float | None:
        if direction == "higher_is_better" or (direction == "nearer_zero_is_better" and value < 0):
            return self.lower
        return self.upper
