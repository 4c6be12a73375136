"""Standard errors: that of a metric is how the metric scatters over many chunks drawn alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.records import Task
from ml_monitor.monitoring.performance.catalogue import METRICS, measure

Draw = Callable[[np.random.Generator, int], tuple[Any, Any, Any]]

CHUNKS = {200: 2000, 2000: 800}  # by rows: of 800 a deviation is known to within 3 %, a fifth of what is tolerated
TOLERANCE = 0.15
TOLERANCES = {"ece": 0.2}  # of a calibrated model on few rows it is given up to a fifth too large


def logistic(numbers: Any) -> Any:
    return 1 / (1 + np.exp(-numbers))


def a_classifier(base: float, stretch: float, shift: float, digits: int = 15) -> Draw:
    """Return chunks of a classifier whose scores say too much by ``stretch`` and ``shift`` on the logit scale."""

    def draw(generator: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
        logits = base + 1.5 * generator.normal(size=rows)
        truths = (generator.random(rows) < logistic(logits)).astype(float)
        scores = np.clip(np.round(logistic(stretch * logits + shift), digits), 0.02, 0.98)
        return truths, (scores > 0.4).astype(float), scores

    return draw


def a_regression(generator: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
    truths = generator.gamma(4.0, 25.0, rows)
    return truths, truths * generator.normal(1.02, 0.1, rows) + generator.normal(0, 5, rows), None


def several_classes(generator: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
    powers = np.exp(generator.normal(size=(rows, 3)) * 1.2 + [0.6, 0.0, -0.5])
    chances = powers / powers.sum(axis=1, keepdims=True)
    truths = (generator.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    return truths, chances.argmax(axis=1), pd.DataFrame(chances)


def a_forecast(generator: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
    truths = generator.normal(100, 10, rows)
    values = truths + generator.normal(1, 5, rows)
    half = generator.gamma(9.0, 0.7, rows)
    others = {
        "lower_80": values - half,
        "upper_80": values + half,
        "lower_95": values - 1.5 * half,
        "upper_95": values + 1.5 * half,
        "naive": truths + generator.normal(0, 9, rows),
    }
    return truths, values, pd.DataFrame(others)


CASES: Mapping[str, tuple[Task, Draw]] = {
    "a calibrated classifier": ("binary", a_classifier(-0.8, 1.0, 0.0)),
    "a miscalibrated classifier": ("binary", a_classifier(-0.8, 1.3, 0.3)),
    "a classifier of few scores": ("binary", a_classifier(0.5, 1.0, 0.5, digits=1)),
    "a regression": ("regression", a_regression),
    "several classes": ("multiclass", several_classes),
    "a forecast": ("forecast", a_forecast),
}


def ratios(task: Task, draw: Draw, rows: int, chunks: int | None = None) -> dict[str, float]:
    """Return, by metric, the mean standard error over the standard deviation of the values."""
    generator = np.random.default_rng(20261120)
    found = [measure(task, *draw(generator, rows)) for _ in range(chunks or CHUNKS[rows])]
    result = {}
    for metric in METRICS[task]:
        values = np.array([chunk[metric.name].value for chunk in found], dtype=float)
        errors = np.array([chunk[metric.name].standard_error for chunk in found], dtype=float)
        result[metric.name] = float(errors.mean() / values.std(ddof=1))
    return result


@pytest.mark.parametrize("rows", [200, 2000])
@pytest.mark.parametrize("case", CASES)
def test_the_standard_error_of_every_metric_is_how_it_scatters(case: str, rows: int) -> None:
    found = ratios(*CASES[case], rows)
    assert {name: ratio for name, ratio in found.items() if not abs(ratio - 1) <= TOLERANCES.get(name, TOLERANCE)} == {}


def test_the_standard_errors_hold_for_a_rare_class() -> None:
    found = ratios("binary", a_classifier(-4.0, 1.0, 0.0), 2000)
    assert {name: ratio for name, ratio in found.items() if not abs(ratio - 1) <= TOLERANCE} == {}


def test_a_standard_error_that_is_wrong_by_a_third_would_be_seen() -> None:
    wrong = {name: ratio * 4 / 3 for name, ratio in ratios(*CASES["a regression"], 200, chunks=500).items()}
    assert all(abs(ratio - 1) > TOLERANCE for ratio in wrong.values())
