from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.config import project_root
from ml_monitor.pages import charts
from ml_monitor.pages.chart_parts import COLOURS
from ml_monitor.pages.charts import axis_note, class_styles, draw_charts
from ml_monitor.pages.distribution import (
    OTHER,
    Distribution,
    LabelDistribution,
    NumberDistribution,
    Quantiles,
    QuantileWindow,
    ShareWindow,
)
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.traffic import Volume, WindowCount
from tests.factories import NOON

HOURS = [NOON + timedelta(hours=hour) for hour in range(5)]
RANGE = TimeRange(HOURS[0], HOURS[4], 3_600)
VOLUME = Volume(
    3_600,
    9,
    tuple(
        WindowCount(start, end, count) for start, end, count in zip(HOURS[:-1], HOURS[1:], (4, 0, 0, 5), strict=True)
    ),
)
MILLION = Quantiles(900_000.0, 1e6, 1.1e6, 1.2e6, 1.4e6)


def numbers(*quantiles: Quantiles, reference: Quantiles | None = None) -> NumberDistribution:
    windows = [
        QuantileWindow(start, start + timedelta(hours=1), 7, shown)
        for start, shown in zip(HOURS, quantiles, strict=False)
    ]
    return NumberDistribution(3_600, tuple(windows), quantiles[0], reference)


def shares(labels: tuple[str, ...], *windows: tuple[float, ...], reference: Any = None) -> LabelDistribution:
    found = [
        ShareWindow(start, start + timedelta(hours=1), 7, shown) for start, shown in zip(HOURS, windows, strict=False)
    ]
    return LabelDistribution(3_600, labels, tuple(found), windows[0], reference)


def draw(shown: Distribution | None) -> dict[str, Any]:
    """Return the charts as the browser gets them: through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(draw_charts(VOLUME, shown, RANGE, NOON)))
    return found


def nodes(item: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yield the attributes of each model of one kind in a Bokeh document."""
    if isinstance(item, dict):
        if item.get("name") == name and "attributes" in item:
            yield item["attributes"]
        for value in item.values():
            yield from nodes(value, name)
    elif isinstance(item, list):
        for value in item:
            yield from nodes(value, name)


def columns(chart: dict[str, Any]) -> dict[str, list[Any]]:
    source = next(nodes(chart["item"], "ColumnDataSource"))
    return dict(source["data"]["entries"])


def test_volume_bars_stand_on_zero_and_a_window_without_predictions_has_none() -> None:
    chart = draw(None)["volume"]
    assert columns(chart)["count"] == [4, 5]
    assert columns(chart)["left"] == [hour.timestamp() * 1000 for hour in (HOURS[0], HOURS[3])]
    (bars,) = [glyph for glyph in nodes(chart["item"], "Quad") if "hatch" not in str(glyph.get("fill_color"))][:1]
    assert bars["bottom"] == {"type": "value", "value": 0}
    y_range = next(attributes for attributes in nodes(chart["item"], "Range1d") if attributes.get("end", 0) < 1e6)
    assert y_range.get("start", 0) == 0 and y_range["end"] > 5


def test_axes_name_their_units() -> None:
    charts_drawn = draw(numbers(MILLION))
    labels = {
        attributes.get("axis_label") for chart in charts_drawn.values() for attributes in nodes(chart, "LinearAxis")
    }
    times = {
        attributes.get("axis_label") for chart in charts_drawn.values() for attributes in nodes(chart, "DatetimeAxis")
    }
    assert labels == {"predictions per 1 h", "predicted value"}
    assert times == {"time (UTC)"}


def test_quantiles_leave_a_gap_where_nothing_was_predicted_and_show_the_reference() -> None:
    later = QuantileWindow(HOURS[3], HOURS[4], 2, MILLION)
    shown = NumberDistribution(3_600, (QuantileWindow(HOURS[0], HOURS[1], 3, MILLION), later), MILLION, MILLION)
    chart = draw(shown)["distribution"]
    assert columns(chart)["right"][0] < columns(chart)["left"][1]
    assert sorted(span["location"] for span in nodes(chart["item"], "Span")) == [900_000.0, 1.1e6, 1.4e6]
    assert list(nodes(draw(numbers(MILLION))["distribution"]["item"], "Span")) == []


@pytest.mark.parametrize(
    "quantiles",
    [Quantiles(*[0.0] * 5), Quantiles(*[-3.5] * 5), Quantiles(-1.7e308, 0.0, 0.0, 0.0, 1.7e308), MILLION],
)
def test_any_numbers_can_be_drawn(quantiles: Quantiles) -> None:
    _, y_range = nodes(draw(numbers(quantiles, reference=quantiles))["distribution"]["item"], "Range1d")
    assert -sys.float_info.max <= y_range["start"] < y_range.get("end", 1) <= sys.float_info.max


def test_of_two_classes_the_rarer_stands_on_the_axis_which_ends_above_it() -> None:
    shown = shares(("0", "1"), (0.9, 0.1), (0.97, 0.03), reference=(0.95, 0.05))
    chart = draw(shown)["distribution"]
    assert columns(chart)["bottom1"] == [0.0, 0.0]
    assert columns(chart)["bottom0"] == columns(chart)["top1"] == [10.0, 3.0]
    assert [span["location"] for span in nodes(chart["item"], "Span")] == [5.0]
    assert class_styles(shown) == ["quiet", "series"]
    assert axis_note(shown) == "; the axis ends at 20 %"


def test_many_classes_are_stacked_to_a_hundred() -> None:
    labels = (*"abcdefgh", OTHER)
    shown = shares(labels, tuple(1 / 9 for _ in labels))
    chart = draw(shown)["distribution"]
    assert columns(chart)["top8"][0] == pytest.approx(100.0)
    assert class_styles(shown) == [*(f"class-{place}" for place in range(1, 9)), "quiet"]
    assert axis_note(shown) == ""


def test_labels_of_clients_go_through_as_text() -> None:
    hostile = "</script><script>alert(1)</script>"
    text = json.dumps(draw(shares((hostile, "b"), (0.5, 0.5))))
    assert hostile[:20] in json.loads(json.dumps(text))


def test_the_charts_of_a_page_have_one_left_edge_and_no_logo() -> None:
    figures = [next(nodes(chart["item"], "Figure")) for chart in draw(numbers(MILLION)).values()]
    assert len({figure["min_border_left"] for figure in figures}) == 1
    for chart in draw(numbers(MILLION)).values():
        assert next(nodes(chart["item"], "Toolbar"))["logo"] is None


def test_every_colour_of_a_chart_has_one_for_dark_pages() -> None:
    for shown in (
        numbers(MILLION, reference=MILLION),
        shares(("0", "1"), (0.9, 0.1)),
        shares(tuple("abc"), (0.4, 0.3, 0.3)),
    ):
        for chart in draw(shown).values():
            drawn = set(re.findall(r"#[0-9a-f]{6}\b", json.dumps(chart["item"])))
            assert drawn <= set(chart["dark"])


def test_the_legends_have_the_colours_of_the_charts() -> None:
    style = (Path(charts.__file__).parent.parent / "static" / "dashboard.css").read_text()
    for name, (by_day, by_night) in COLOURS.items():
        assert f"--chart-{name}: light-dark({by_day}, {by_night});" in style


def test_drawing_imports_no_heavy_library_and_the_overview_not_even_bokeh(tmp_path: Path) -> None:
    code = """
import sys
from datetime import timedelta
from pathlib import Path
from ml_core.clock import FixedClock
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_model, a_prediction

def heavy():
    names = {"tensorflow", "keras", "xgboost", "statsmodels", "scipy", "sklearn", "matplotlib", "pyarrow", "IPython"}
    return sorted(names & {name.split(".")[0] for name in sys.modules})

store = JsonStore(Path(sys.argv[1]))
store.put_model(a_model())
store.record_predictions("housing_price", [a_prediction(NOON - timedelta(minutes=5))], new_ids=True)
client = create_app(Settings(), store, FixedClock(NOON)).test_client()
assert client.get("/").status_code == 200
for path in ("/ui/models/housing_price", "/ui/models/housing_price/drift", "/ui/models/housing_price?format=json"):
    assert client.get(path).status_code == 200
print(heavy(), "bokeh" in sys.modules)
assert b"chart-data" in client.get("/ui/models/housing_price/predictions").data
print(heavy(), "bokeh" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=project_root()
    )
    assert result.stdout.splitlines() == ["[] False", "[] True"], result.stderr
