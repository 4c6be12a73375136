"""The domain classifier and its sample."""

from __future__ import annotations

import numpy as np
import pytest

from ml_monitor.monitoring.columns import Column, category_column, number_column
from ml_monitor.monitoring.drift.classifier_sample import sample_rows
from ml_monitor.monitoring.drift.domain_classifier import DomainClassifier


def rows(number: int, seed: int) -> dict[str, Column]:
    random = np.random.default_rng(seed)
    return {
        "size": number_column(random.standard_normal(number)),
        "district": category_column(random.choice(["north", "south"], number, p=[0.9, 0.1])),
    }


def test_a_new_label_gives_every_row_away() -> None:
    method = DomainClassifier()
    unseen = {**rows(120, 2), "district": category_column(["west"] * 120)}
    assert method.measure(method.fit(rows(120, 1)), unseen).value == 1.0


def test_it_sees_what_no_single_column_shows() -> None:
    random = np.random.default_rng(0)
    first, second = random.standard_normal((2, 500))
    method = DomainClassifier()
    statistics = method.fit({"a": number_column(first), "b": number_column(first + second / 20)})
    turned = {"a": number_column(first), "b": number_column(-first + second / 20)}
    value = method.measure(statistics, turned).value
    assert isinstance(value, float)
    assert value > 0.8


def test_the_reference_itself_is_not_told_from_itself() -> None:
    # Rows that occur on both sides must not teach the classifier what it is then asked.
    method = DomainClassifier()
    assert method.measure(method.fit(rows(300, 1)), rows(300, 1)).value == pytest.approx(0.5, abs=0.02)


def test_few_rows_are_not_judged() -> None:
    method = DomainClassifier()
    value = method.measure(method.fit(rows(300, 1)), rows(49, 2)).value
    assert str(value) == "undefined: fewer than 50 rows in the reference or the chunk"


def test_a_sample_is_bounded_repeatable_and_in_proportion() -> None:
    table = rows(20_000, 1)
    sample = sample_rows(table, 1_000)
    order = np.random.default_rng(9).permutation(20_000)
    again = sample_rows({name: column[order] for name, column in reversed(table.items())}, 1_000)
    assert sample.rows == 1_000
    assert sample.to_dict() == again.to_dict()
    only_labels = sample_rows({"district": table["district"]}, 1_000)
    assert only_labels.to_dict()["columns"]["district"]["codes"].count(0) == pytest.approx(900, abs=10)


def test_a_sample_keeps_no_label_that_it_does_not_hold() -> None:
    sample = sample_rows({"id": category_column([f"id {place}" for place in range(5_000)])}, 100)
    assert len(sample.to_dict()["columns"]["id"]["labels"]) == 100
