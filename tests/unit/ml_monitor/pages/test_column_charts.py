from __future__ import annotations

from typing import Any

import pytest

from ml_core.registry import Registry
from ml_monitor.pages.column_charts import draw_column, style_of
from tests.unit.ml_monitor.pages.bokeh_items import columns_of, nodes, parsed
from tests.unit.ml_monitor.pages.checked_results import a_test, numbers, put, put_profiles
from tests.unit.ml_monitor.pages.test_column_reader import fraud, page

__all__ = ["fraud"]
LINK = "/ui/models/fraud/drift/column?name=x&at="


def charts(registry: Registry, column: str = "income") -> dict[str, dict[str, Any]]:
    return {name: parsed(text) for name, text in draw_column(page(registry, column), LINK).items()}


def test_the_statistic_has_its_threshold_and_leads_to_each_day(fraud: Registry) -> None:
    chart = charts(fraud)["statistic"]
    found = columns_of(chart, "chunks")
    assert found["upper"] == [0.05] * 4
    assert found["link"][0].endswith("at=2026-11-16T00:00:00Z")
    assert len(columns_of(chart, "bad")["value"]) == 2


def test_numbers_are_bands_with_the_reference_and_drifted_days_behind(fraud: Registry) -> None:
    chart = charts(fraud)["spread"]
    assert columns_of(chart, "chunks")["middle"][0] == 499.5
    assert columns_of(chart, "reference")["value"] == [49.95, 499.5, 949.05]
    assert len(columns_of(chart, "drifted")["left"]) == 2


def test_categories_are_stacked_shares(fraud: Registry) -> None:
    found = charts(fraud, "country")
    assert "statistic" not in found  # no check has measured it
    chart = found["spread"]
    columns = columns_of(chart, "chunks")
    assert [columns[f"top{place}"][0] for place in range(3)] == [50.0, 50.0, 100.0]
    assert [columns[f"label{place}"][0] for place in range(3)] == ["de", "fr", "ch"]
    assert len(list(nodes(chart, "HoverTool"))) == 3


def test_a_day_of_which_nothing_is_known_is_left_out(fraud: Registry) -> None:
    put_profiles(fraud.store, 5, income=numbers(None, None))
    put(fraud.store, a_test("income", 0.5, 5))
    assert len(columns_of(charts(fraud)["spread"], "chunks")["left"]) == 4
    assert len(columns_of(charts(fraud)["statistic"], "chunks")["left"]) == 5


@pytest.mark.parametrize(("place", "style"), [(0, "class-1"), (7, "class-8"), (8, "quiet")])
def test_labels_have_colours_of_the_legend(place: int, style: str) -> None:
    assert style_of(place, tuple("abcdefghij")) == style
