"""What one prediction loses, by the task of its model: finite, not negative, and 0 for the perfect one.

===========  ==================================================================================================
task         loss
===========  ==================================================================================================
regression   absolute error
binary       squared error of the probability of class 1 (Brier), 0 or 1 where there is none
multiclass   squared error of the probabilities over all classes, halved; 0 or 1 where there are none
anomaly      1 for the wrong side, else 0
===========  ==================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_core.records import Task, Value

_POSITIVE = ("1", "true")


def row_loss(task: Task, truth: Value, value: Value, score: float | None, scores: Mapping[str, float] | None) -> float:
    """Return the loss of one prediction; raise ``ValueError`` for a number where the task needs one and has a label."""
    if task in ("regression", "forecast"):
        return abs(float(truth) - float(value))
    if task == "multiclass" and scores:
        return 0.5 * sum((share - (label(truth) == name)) ** 2 for name, share in _with(label(truth), scores).items())
    if task == "binary" and score is not None:
        return (score - (label(truth) in _POSITIVE)) ** 2
    return float(label(truth) != label(value))


def label(value: Value) -> str:
    """Return a label as text, the same for ``1``, ``1.0`` and ``"1"``."""
    text = f"{value:g}" if isinstance(value, float | int) else value.strip()
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.lower() if text.lower() in ("true", "false") else text


def _with(name: str, scores: Mapping[str, float]) -> dict[str, float]:
    by_label = {label(each): share for each, share in scores.items()}
    return {name: 0.0, **by_label}
