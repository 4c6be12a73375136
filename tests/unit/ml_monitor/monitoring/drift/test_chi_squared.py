"""The chi-squared test beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml_monitor.monitoring.columns import category_column
from ml_monitor.monitoring.drift.base import MeasuredDrift
from ml_monitor.monitoring.drift.chi_squared import ChiSquared

LABELS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=60)


def measure(reference: list[str], current: list[str]) -> MeasuredDrift:
    method = ChiSquared()
    return method.measure(method.fit(category_column(reference)), category_column(current))


def table(reference: list[str], current: list[str]) -> np.ndarray:
    labels = sorted({*reference, *current})
    return np.array([[side.count(label) for label in labels] for side in (reference, current)])


@given(LABELS, LABELS)
def test_the_statistic_and_its_p_value_agree_with_scipy(reference: list[str], current: list[str]) -> None:
    ours, theirs = measure(reference, current), stats.chi2_contingency(table(reference, current))
    assert ours.value == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


def test_two_labels_get_the_correction_of_yates() -> None:
    reference, current = [*"a" * 60, *"b" * 40], [*"a" * 45, *"b" * 55]
    plain = stats.chi2_contingency(table(reference, current), correction=False).statistic
    assert measure(reference, current).value < plain


def test_missing_cells_are_left_out() -> None:
    method = ChiSquared()
    statistics = method.fit(category_column(["a", "b", None] * 10))
    measured = method.measure(statistics, category_column(["a", "b", None, None] * 10))
    assert (measured.value, measured.p_value, measured.rows) == (0.0, 1.0, 20)


def test_one_label_on_both_sides_differs_in_nothing() -> None:
    measured = measure(["a"] * 5, ["a"] * 9)
    assert (measured.value, measured.p_value) == (0.0, 1.0)
