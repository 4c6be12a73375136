"""A name in a rule that stands for nothing is told, with those that there are."""

from __future__ import annotations

from typing import Any

import pytest

from ml_core.records import Model
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule
from ml_monitor.evaluation.baseline import make_baseline
from ml_monitor.evaluation.rule_notes import notes_on
from tests.factories import a_model
from tests.worlds import FEATURES, World

FRAUD: Model = a_model("fraud", task="binary")
BASELINE = make_baseline(FRAUD, 1, World().draw(50), FEATURES)


def told(**rule: Any) -> list[str]:
    """Return the field and the name of each note on one rule."""
    notes = notes_on([AlertRule(**{"name": "mine", "model": "fraud"} | rule)], FRAUD, BASELINE)
    assert all(note.startswith("rule 'mine': ") for note in notes)
    return [f"{note.split(': ')[1]} {note.rpartition(', not ')[2]}" for note in notes]


@pytest.mark.parametrize(
    ("rule", "notes"),
    [
        ({"watches": "performance", "metrics": ("roc_auc", "roc_auc_score")}, []),
        ({"watches": "performance", "metrics": ("auc", "mae")}, ["metrics 'auc'", "metrics 'mae'"]),
        ({"watches": "performance", "metrics": ("auc", "mae"), "model": "*"}, ["metrics 'auc'"]),
        ({"watches": "performance", "segment_by": "country"}, []),
        ({"watches": "performance", "segment_by": "town"}, ["segment_by 'town'"]),
        ({"watches": "drift", "columns": ("amount", "value", "score")}, []),
        ({"watches": "drift", "columns": ("amuont",)}, ["columns 'amuont'"]),
        ({"watches": "drift", "columns": ("amuont",), "model": "*"}, []),
        ({"watches": "drift", "metrics": ("pca_reconstruction", "jensen_shannon")}, []),
        ({"watches": "drift", "metrics": ("psi", "pis"), "model": "*"}, ["metrics 'pis'"]),
        ({"watches": "quality", "metrics": ("missing",), "columns": ("value",)}, ["columns 'value'"]),
    ],
)
def test_only_what_stands_for_nothing_is_told(rule: dict[str, Any], notes: list[str]) -> None:
    assert told(**rule) == notes


def test_the_rules_that_always_hold_name_nothing_wrong() -> None:
    assert notes_on(DEFAULT_RULES, FRAUD, BASELINE) == []


def test_without_a_reference_only_metrics_can_be_told() -> None:
    rules = [
        AlertRule(name="a", model="fraud", watches="drift", columns=("amuont",)),
        AlertRule(name="b", model="fraud", watches="performance", metrics=("auc",), segment_by="town"),
    ]
    (note,) = notes_on(rules, FRAUD, None)
    assert note.startswith("rule 'b': metrics: expected some of accuracy, ")
