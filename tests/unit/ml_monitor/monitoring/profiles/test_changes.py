from __future__ import annotations

import numpy as np
import pytest

from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.profiles.changes import Change, change_between, read_change
from ml_monitor.monitoring.profiles.profile import profile_of

DRAW = np.random.default_rng(5)
INCOME = DRAW.lognormal(10.4, 0.5, 4000)


def numbers(before: object, after: object) -> Change | None:
    return change_between(profile_of(number_column(before)), profile_of(number_column(after)))


def labels(before: object, after: object) -> Change | None:
    return change_between(profile_of(category_column(before)), profile_of(category_column(after)))


def test_a_column_of_which_most_was_divided_is_told_by_its_median() -> None:
    after = np.where(DRAW.random(4000) < 0.6, INCOME / 12, INCOME)
    found = numbers(INCOME, after)
    assert found is not None
    assert (found.measure, found.label) == ("median", "")
    assert found.before == pytest.approx(np.median(INCOME), rel=1e-4)
    assert found.after == pytest.approx(np.median(after), rel=1e-4)


def test_a_column_that_only_spread_out_is_told_by_its_spread() -> None:
    wide = DRAW.normal(0, 3, 4000)
    found = numbers(DRAW.normal(0, 1, 4000), wide)
    assert found is not None
    assert found.measure == "spread"
    assert found.after == pytest.approx(np.quantile(wide, 0.95) - np.quantile(wide, 0.05), rel=1e-4)


def test_cells_that_went_missing_come_before_what_is_left_of_the_values() -> None:
    after: list[float | None] = [None if place % 5 < 2 else value for place, value in enumerate(INCOME)]
    found = numbers(INCOME, after)
    assert found == Change("missing", 0.0, pytest.approx(0.4))


def test_of_categories_the_label_that_moved_most_is_named() -> None:
    found = labels(["de"] * 6 + ["fr"] * 3 + ["ch"], ["de"] * 2 + ["fr"] * 3 + ["it"] * 5)
    assert found == Change("share", 0.0, 0.5, "it")


def test_of_two_labels_the_rarer_is_named() -> None:
    assert labels(["0"] * 9 + ["1"], ["0"] * 5 + ["1"] * 5) == Change("share", 0.1, 0.5, "1")


def test_a_column_that_lost_all_values_is_missing() -> None:
    assert numbers([1.0, 2.0], [None, None]) == Change("missing", 0.0, 1.0)


def test_nothing_can_be_said_without_rows() -> None:
    assert numbers([1.0], []) is None
    assert numbers([], [1.0]) is None
    assert numbers([None], [None]) is None


def test_a_column_that_changed_its_kind_has_no_change_in_numbers() -> None:
    before, after = profile_of(number_column([1.0, 2.0])), profile_of(category_column(["a", "b"]))
    assert change_between(before, after) is None


def test_a_change_comes_back_as_it_was_stored() -> None:
    change = Change("share", 0.1, 0.5, "de")
    assert read_change(change.to_dict()) == change
