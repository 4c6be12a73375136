"""The share of values of another type."""

from __future__ import annotations

from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.quality.changed_types import ChangedTypes


def test_texts_where_numbers_were() -> None:
    statistics = ChangedTypes().fit(number_column([1, 2.5, None]))
    assert statistics == {"types": ["number"]}
    measured = ChangedTypes().measure(statistics, number_column([1, "2", "x", None, True]))
    assert (measured.value, measured.rows) == (0.75, 4)


def test_numbers_where_texts_were() -> None:
    statistics = ChangedTypes().fit(category_column(["1", "2"]))
    assert ChangedTypes().measure(statistics, category_column(["1", 2, 2.0, "2"])).value == 0.5


def test_what_the_reference_mixes_may_be_mixed() -> None:
    statistics = ChangedTypes().fit(category_column(["1", 2]))
    assert ChangedTypes().measure(statistics, category_column([1, "x", 2])).value == 0.0
    assert ChangedTypes().measure(statistics, category_column([True, "x"])).value == 0.5
