"""Charts that are built once and filled often: each has its own numbers, and nothing of the one before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_monitor.pages.chart_parts import DARK
from ml_monitor.pages.chart_skeletons import Filling, drawn, number_format
from ml_monitor.pages.column_charts import _build_bands
from tests.unit.ml_monitor.pages.bokeh_items import columns_of, nodes, parsed

NAMES = ("left", "right", "start", "end", "low", "lower_quarter", "middle", "upper_quarter", "high")


def fill(label: str = "income", low: float = 0.0, **columns: list[Any]) -> dict[str, Any]:
    sources = {"chunks": {**{name: [1.0] for name in NAMES}, **columns}, "reference": {}, "drifted": {}}
    return parsed(drawn("spread", _build_bands, Filling(sources, {"x": (0.0, 9.0), "y": (low, 5.0)}, label, "0,0")))


def test_a_chart_holds_what_it_was_filled_with() -> None:
    chart = fill(middle=[2.5], start=["19 Nov"])
    assert chart["item"]["target_id"] == "chart-spread"
    assert chart["dark"] == DARK
    assert columns_of(chart, "chunks")["middle"] == [2.5]
    assert columns_of(chart, "chunks")["start"] == ["19 Nov"]
    assert sorted((each["start"], each["end"]) for each in nodes(chart, "Range1d")) == [(0.0, 5.0), (0.0, 9.0)]
    assert [each["axis_label"] for each in nodes(chart, "LinearAxis")] == ["income"]
    assert [each["format"] for each in nodes(chart, "NumeralTickFormatter")] == ["0,0"]


def test_the_next_chart_holds_nothing_of_the_one_before() -> None:
    fill("secret", middle=[2.5])
    chart = fill("other", low=-1.0)
    assert "secret" not in json.dumps(chart)
    assert columns_of(chart, "chunks")["middle"] == [1.0]


def test_a_number_that_is_none_interrupts_a_line_and_a_text_that_says_null_stays() -> None:
    chart = fill(middle=[1.0, float("nan")], start=["null", "b"])
    assert columns_of(chart, "chunks")["middle"] == [1.0, {"type": "number", "value": "nan"}]
    assert columns_of(chart, "chunks")["start"] == ["null", "b"]


def test_what_clients_wrote_cannot_end_the_block_of_data() -> None:
    hostile = "</script><img src=x onerror='alert(1)'> & @cut label"
    sources = {"chunks": {"start": [hostile]}, "reference": {}, "drifted": {}}
    text = drawn("spread", _build_bands, Filling(sources, {"x": (0.0, 1.0), "y": (0.0, 1.0)}, hostile, "0"))
    assert not set(text) & set("<>&'")
    assert columns_of(parsed(text), "chunks")["start"] == [hostile]


@pytest.mark.parametrize(
    ("ends", "form"),
    [
        ((0.5, 0.9), "0,0.[00]"),
        ((0.0, 1.0), "0,0.[0]"),
        ((0.0, 80_000.0), "0,0"),
        ((0.0001, 0.0002), "0,0.[00000]"),
        ((-1.7e308, 1.7e308), "0.00e+0"),
        ((1.0, 1.0), "0.00e+0"),
    ],
)
def test_numbers_along_an_axis_have_the_decimals_that_they_need(ends: tuple[float, float], form: str) -> None:
    assert number_format(*ends) == form
