"""The catalogue: names, their order, those of training, and that what is not asked for is not computed."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_core.records import Task
from ml_models.trainers.housing_price import HousingPrice
from ml_models.trainers.payment_fraud import PaymentFraud
from ml_monitor.monitoring.performance.catalogue import (
    LABEL_METRICS,
    METRICS,
    SKLEARN_NAMES,
    find_metric,
    headline_of,
    measure,
)

TASKS: tuple[Task, ...] = get_args(Task)
JUDGED = [task for task in TASKS if METRICS[task]]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_metrics_each_under_one_name(task: Task) -> None:
    names = [metric.name for metric in (*METRICS[task], *LABEL_METRICS)]
    assert len(set(names)) == len(names)


def test_the_first_metric_of_a_name_is_meant_the_same_way_in_every_task() -> None:
    directions: dict[str, set[str]] = {}
    for task in TASKS:
        for metric in METRICS[task]:
            directions.setdefault(metric.name, set()).add(metric.direction)
    assert {name for name, found in directions.items() if len(found) > 1} == set()


@pytest.mark.parametrize("task", JUDGED)
def test_metrics_come_in_the_order_of_the_catalogue_whatever_the_order_of_the_names(task: Task) -> None:
    names = [metric.name for metric in METRICS[task]]
    assert list(measure(task, [0, 1], [0, 1])) == names
    assert list(measure(task, [0, 1], [0, 1], names=reversed(names))) == names


@pytest.mark.parametrize("task", JUDGED)
def test_a_subset_has_the_values_of_the_whole(task: Task) -> None:
    generator = np.random.default_rng(1)
    truths, scores = generator.integers(0, 2, 50), generator.random(50)
    values = (scores > 0.5).astype(int)
    whole = measure(task, truths, values, scores)
    for name, found in whole.items():
        assert measure(task, truths, values, scores, [name]) == {name: found}


def test_an_anomaly_detector_has_no_realised_performance() -> None:
    assert measure("anomaly", [1, -1], [1, -1]) == {}


@pytest.mark.parametrize("trainer", [HousingPrice, PaymentFraud])
def test_the_headline_metric_of_a_trained_model_is_one_of_its_task(trainer: type[HousingPrice | PaymentFraud]) -> None:
    assert find_metric(trainer.task, trainer.headline_metric) in METRICS[trainer.task]


def test_names_of_scikit_learn_ask_for_the_same_metric() -> None:
    assert measure("regression", [1.0, 2.0], [1.0, 3.0], names=["r2_score"]) == measure(
        "regression", [1.0, 2.0], [1.0, 3.0], names=["r2"]
    )
    known = {metric.name for task in TASKS for metric in METRICS[task]}
    assert set(SKLEARN_NAMES.values()) <= known


@pytest.mark.parametrize(("task", "name"), [("regression", "accuracy"), ("binary", "r2"), ("binary", "kappa")])
def test_a_metric_of_another_task_is_refused_with_those_there_are(task: Task, name: str) -> None:
    with pytest.raises(
        InvalidInput, match=rf"metric: expected one of {task} \({METRICS[task][0].name}, .*, not '{name}'"
    ):
        measure(task, [0, 1], [0, 1], names=[name])


def test_a_task_without_metrics_says_that_there_are_none() -> None:
    with pytest.raises(InvalidInput, match=r"metric: expected one of anomaly \(none\), not 'mae'"):
        find_metric("anomaly", "mae")


def test_the_headline_is_the_metric_named_else_the_first_of_the_task() -> None:
    assert headline_of("binary", "roc_auc_score") == find_metric("binary", "roc_auc")
    assert headline_of("binary", "mae") == headline_of("binary", None) == METRICS["binary"][0]
    assert headline_of("anomaly", "mae") is None
