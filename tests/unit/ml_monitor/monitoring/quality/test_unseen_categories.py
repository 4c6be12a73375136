"""The share of labels that the reference did not have."""

from __future__ import annotations

from ml_monitor.monitoring.columns import category_column
from ml_monitor.monitoring.labels import MOST_LABELS
from ml_monitor.monitoring.quality.unseen_categories import UnseenCategories


def test_it_is_a_share_of_the_values_that_are_there() -> None:
    statistics = UnseenCategories().fit(category_column(["north", "south", None]))
    measured = UnseenCategories().measure(statistics, category_column(["north", "west", "east", None, "west"]))
    assert (measured.value, measured.rows) == (0.75, 4)


def test_a_label_known_by_the_reference_but_not_in_any_of_its_rows_is_unseen() -> None:
    reference = category_column(["north", "south"])[:1]
    assert UnseenCategories().measure(UnseenCategories().fit(reference), category_column(["south"])).value == 1.0


def test_nothing_is_unseen_where_the_reference_has_too_many_labels_to_know() -> None:
    statistics = UnseenCategories().fit(category_column([f"id {place}" for place in range(MOST_LABELS + 1)]))
    measured = UnseenCategories().measure(statistics, category_column(["north"]))
    assert str(measured.value) == "undefined: the reference has more than 10,000 labels"
