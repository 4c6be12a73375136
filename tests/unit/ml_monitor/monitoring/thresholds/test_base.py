from __future__ import annotations

import json
import math

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Direction, Undefined
from ml_monitor.monitoring.thresholds.base import JudgementState, Threshold

BETWEEN = Threshold(0.7, 0.9, "fixed")


@pytest.mark.parametrize(
    ("direction", "value", "state", "bound"),
    [
        ("higher_is_better", 0.69, "beyond", 0.7),
        ("higher_is_better", 0.7, "ok", 0.7),
        ("higher_is_better", 0.95, "ok", 0.7),  # better than the reference is no alert
        ("lower_is_better", 0.91, "beyond", 0.9),
        ("lower_is_better", 0.9, "ok", 0.9),
        ("lower_is_better", 0.1, "ok", 0.9),
    ],
)
def test_only_the_side_on_which_a_metric_gets_worse_counts(
    direction: Direction, value: float, state: JudgementState, bound: float
) -> None:
    judgement = BETWEEN.judge(value, direction)
    assert (judgement.state, judgement.bound, judgement.value) == (state, bound, value)
    assert judgement.is_clear == (state == "ok")


@pytest.mark.parametrize(
    ("bounds", "value", "state"),
    [
        ((-1.0, 1.0), 1.5, "beyond"),
        ((-1.0, 1.0), -1.5, "beyond"),
        ((-1.0, 1.0), 0.5, "ok"),
        ((-3.0, 1.0), 2.0, "beyond"),
        ((2.0, 8.0), 1.0, "ok"),  # the reference was off by about 5; now it is nearer to zero
        ((2.0, 8.0), 9.0, "beyond"),
        ((2.0, 8.0), -9.0, "beyond"),
        ((-8.0, -2.0), 3.0, "ok"),
        ((None, 1.0), -50.0, "ok"),
        ((None, 1.0), 1.1, "beyond"),
    ],
)
def test_a_metric_that_is_best_near_zero_counts_on_both_sides_unless_it_has_come_nearer(
    bounds: tuple[float | None, float | None], value: float, state: JudgementState
) -> None:
    assert Threshold(*bounds, "learnt").judge(value, "nearer_zero_is_better").state == state


def test_an_undefined_value_is_neither_ok_nor_beyond_and_says_why() -> None:
    judgement = BETWEEN.judge(Undefined("one class"), "higher_is_better")
    assert (judgement.state, judgement.reason, judgement.is_clear) == ("undefined", "one class", False)


def test_a_value_between_the_two_thresholds_is_ok_but_not_clear() -> None:
    clear = Threshold(0.75, None, "fixed")
    found = [BETWEEN.judge(value, "higher_is_better", clear) for value in (0.69, 0.72, 0.76)]
    assert [(each.state, each.is_clear) for each in found] == [("beyond", False), ("ok", False), ("ok", True)]


def test_a_threshold_survives_json() -> None:
    threshold = Threshold(None, 0.5, "false_alarms", {"probability": 0.01})
    assert Threshold.from_dict(json.loads(json.dumps(threshold.to_dict()))) == threshold


@pytest.mark.parametrize(
    ("lower", "upper", "field"), [(2.0, 1.0, "lower"), (math.nan, None, "lower"), (None, math.inf, "upper")]
)
def test_bounds_that_are_none_are_refused_by_name(lower: float | None, upper: float | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Threshold(lower, upper, "fixed")
    assert caught.value.details[0].field == field


def test_an_unknown_origin_is_refused() -> None:
    with pytest.raises(InvalidInput, match="one of learnt, earlier, fixed, false_alarms, not 'guessed'"):
        Threshold.from_dict({"lower": 1.0, "upper": None, "origin": "guessed", "details": {}})
