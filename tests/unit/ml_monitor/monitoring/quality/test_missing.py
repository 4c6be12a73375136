"""The share of missing cells."""

from __future__ import annotations

import math

from ml_monitor.monitoring.columns import category_column, feature_columns, number_column
from ml_monitor.monitoring.quality.missing import Missing


def test_none_nan_and_an_absent_name_are_missing() -> None:
    columns = feature_columns([{"rooms": 1.0, "area": 2.0}, {"rooms": None, "area": 2.0}, {"area": math.nan}])
    statistics = Missing().fit(columns["area"])
    assert Missing().measure(statistics, columns["rooms"]).value == 2 / 3
    assert Missing().measure(statistics, columns["area"]).value == 1 / 3


def test_a_column_of_nothing_is_missing_wholly_and_not_undefined() -> None:
    assert Missing().measure({}, category_column([None] * 4)).value == 1.0


def test_a_text_among_numbers_is_not_missing() -> None:
    assert Missing().measure({}, number_column(["x", 1.0])).value == 0.0


def test_the_share_of_the_reference_is_kept() -> None:
    assert Missing().fit(number_column([None, 1.0])) == {"rows": 2, "missing": 1}
