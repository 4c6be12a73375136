"""Counts of labels."""

from __future__ import annotations

from ml_monitor.monitoring.columns import category_column
from ml_monitor.monitoring.labels import count_labels


def test_missing_cells_and_labels_that_do_not_occur_are_not_counted() -> None:
    column = category_column(["b", "a", "b", None, "c"])[:4]
    counted = count_labels(column)
    assert counted.counts == {"a": 1, "b": 2}
    assert counted.rows == 3


def test_an_unseen_label_stands_behind_those_of_the_reference() -> None:
    counted = count_labels(category_column(["a", "b", "b"]))
    reference, current = counted.beside(category_column(["c", "b", "d", "c", None]))
    assert reference.tolist() == [1, 2, 0, 0]
    assert current.tolist() == [0, 1, 2, 1]


def test_the_rarest_of_too_many_labels_are_counted_together() -> None:
    counted = count_labels(category_column([*"aaabbbccde"]), most_labels=2)
    assert counted.counts == {"a": 3, "b": 3}
    assert (counted.pooled, counted.pooled_labels, counted.rows) == (4, 3, 10)
    reference, current = counted.beside(category_column([*"aexx"]))
    assert reference.tolist() == [3, 3, 4]
    assert current.tolist() == [1, 0, 3]


def test_of_equally_frequent_labels_the_first_by_name_is_kept() -> None:
    assert count_labels(category_column([*"cab"]), most_labels=1).counts == {"a": 1}
