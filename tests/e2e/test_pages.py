"""The pages as people see them: in a browser, against a served process."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, expect

from ml_core.ids import new_id
from ml_core.records import Model, Prediction
from ml_monitor.results.results_store import Result, point_of
from tests.champions import add_champion
from tests.e2e.conftest import LiveMonitor
from tests.e2e.visits import Visit, has_drawn, scrolls_sideways, visiting
from tests.processes import MOST_RESIDENT_MB, resident_megabytes
from tests.unit.ml_monitor.telling import DAY, an_alert, keep

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"


def fill(monitor: LiveMonitor) -> None:
    """Log a day of predictions with its daily rhythm for a regression, a binary model and one served elsewhere."""
    registry, draw = monitor.registry, random.Random(42)
    now = registry.clock.now()
    models = [
        Model("housing_price", "Housing Price Prediction", "regression", now, "model1", "r2_score"),
        Model("payment_fraud", "Payment Fraud Detection", "binary", now, "model2", "accuracy_score"),
        Model("topic", HOSTILE, "multiclass", now),
    ]
    for model in models:
        registry.add_model(model)
    prices = [draw.gauss(250_000, 40_000) for _ in range(500)]
    add_champion(registry, "housing_price", pd.DataFrame({"rooms": 4, "value": prices}), metrics={"r2_score": 0.91})
    labels = [float(draw.random() < 0.08) for _ in range(500)]
    metrics = {"accuracy_score": 0.92, "confusion_matrix": [[450, 10], [25, 15]]}
    add_champion(registry, "payment_fraud", pd.DataFrame({"rooms": 4, "value": labels}), metrics=metrics)
    times = []
    for minute in range(24 * 60 - 1):
        time = now - timedelta(minutes=minute + 1)
        if draw.random() < 0.3 + 0.7 * math.sin(math.pi * time.hour / 24):
            times.append(time)
    for model in models:
        rows = []
        for time in times:
            label = float(draw.random() < 0.1)
            value = {"regression": draw.gauss(255_000, 40_000), "binary": label}.get(
                model.task, draw.choice([HOSTILE, "billing"])
            )
            rows.append(Prediction(new_id(time), time, {"rooms": 4.0, HOSTILE: HOSTILE}, value))
        registry.store.record_predictions(model.name, rows, new_ids=True)


@pytest.fixture
def visit(browser: Browser, live_monitor: LiveMonitor, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page in a context of its own, made with the test's parameters; it ends without a complaint."""
    with visiting(browser, live_monitor.url, **getattr(request, "param", {})) as made:
        yield made
    assert made.complaints == []


# The empty store comes first: the tests below it fill the one that all share.


def test_the_overview_of_an_empty_store_names_the_commands_that_fill_it(visit: Visit) -> None:
    page = visit.open("/")
    assert "ML-Monitor" in page.title()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ML-Monitor")
    expect(page.get_by_text("No model is registered yet.")).to_be_visible()
    for command in ("make run-platform", "cd ml_models && python run_model.py", "/models"):
        expect(page.locator("pre", has_text=command)).to_have_count(1)


def test_the_first_page_leaves_the_process_small(live_monitor: LiveMonitor) -> None:
    sizes = resident_megabytes(live_monitor.app.pid)
    assert len(sizes) >= 2  # the server and its worker
    assert max(sizes.values()) <= MOST_RESIDENT_MB, sizes


@pytest.fixture(scope="module")
def filled(live_monitor: LiveMonitor) -> None:
    """Three models with a day of predictions."""
    fill(live_monitor)


@pytest.mark.usefixtures("filled")
def test_the_overview_leads_to_each_model(visit: Visit) -> None:
    page = visit.open("/")
    expect(page.locator(".verdict")).to_contain_text("3 models: 3 not judged yet (")
    row = page.get_by_role("row").filter(has_text="Housing Price Prediction")
    expect(row).to_contain_text("0.9100")
    expect(row).to_contain_text("not checked yet")
    row.get_by_role("link").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Housing Price Prediction")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("model", ["model1", "model2", "topic"])
def test_the_predictions_of_a_model_are_drawn(visit: Visit, model: str) -> None:
    visit.open(f"/ui/models/{model}/predictions")
    for name in ("volume", "distribution"):
        assert has_drawn(visit.chart(name))


def along_the_middle(chart: Locator) -> list[tuple[float, float]]:
    """Return points from the top to the bottom of a chart, halfway across it."""
    box = chart.bounding_box()
    assert box is not None
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] * part / 20) for part in range(1, 20)]


@pytest.mark.usefixtures("filled")
def test_what_clients_wrote_stays_text_also_in_a_chart(visit: Visit) -> None:
    page = visit.open("/ui/models/topic/predictions")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    label = page.locator(".bk-tooltip-row-label", has_text="<img").first
    for position in along_the_middle(visit.chart("distribution")):  # which label lies where depends on the hour
        page.mouse.move(*position)
        with contextlib.suppress(AssertionError):
            expect(label).to_be_visible(timeout=400)
            break
    expect(label).to_be_visible(timeout=400)
    page.locator(".newest summary").first.click()
    expect(page.locator(".newest .pairs").first).to_contain_text(HOSTILE)
    expect(page.locator("img")).to_have_count(0)


@pytest.mark.usefixtures("filled")
def test_a_range_stays_in_the_url_and_changes_the_page(visit: Visit) -> None:
    page = visit.open("/ui/models/model1/predictions")
    page.get_by_role("navigation", name="Range of time").get_by_role("link", name="7d").click()
    assert page.url.endswith("?range=7d")
    expect(page.get_by_role("link", name="7d")).to_have_attribute("aria-current", "true")
    assert has_drawn(visit.chart("volume"))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
def test_all_of_it_can_be_read_without_javascript(visit: Visit) -> None:
    page = visit.open("/ui/models/model2/predictions")
    expect(page.locator("noscript").first).to_be_visible()
    page.get_by_text("Labels as a table").click()
    expect(page.get_by_role("table").filter(has_text="Reference sample")).to_be_visible()
    page = visit.open("/ui/models/model2")
    expect(page.get_by_role("table").filter(has_text="Confusion matrix")).to_contain_text("450")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_a_phone_scrolls_no_page_sideways(visit: Visit) -> None:
    for path in ("/", "/ui/models/model1/predictions", "/ui/models/topic/predictions"):
        page = visit.open(path)
        if path != "/":
            visit.chart("volume")
            visit.chart("distribution")
        assert not scrolls_sideways(page), path


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("visit", [{"color_scheme": "dark"}], indirect=True)
def test_dark_pages_have_dark_charts_and_follow_a_change(visit: Visit) -> None:
    page = visit.open("/ui/models/model1/predictions")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(18, 23, 30)"
    series = """canvas => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const counts = new Map();
        for (let i = 0; i < pixels.length; i += 4) {
            if (pixels[i + 3] < 255) continue;
            const colour = `${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`;
            counts.set(colour, (counts.get(colour) ?? 0) + 1);
        }
        return [...counts].sort((a, b) => b[1] - a[1])[0][0];
    }"""
    assert visit.chart("volume").evaluate(series) == "125,179,236"
    page.emulate_media(color_scheme="light")
    for _ in range(50):
        if visit.chart("volume").evaluate(series) == "43,108,176":
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the chart kept the colours of the dark page")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("visit", [{"timezone_id": "Asia/Tokyo"}], indirect=True)
def test_the_viewers_own_time_stands_beside_utc(visit: Visit) -> None:
    page = visit.open("/ui/models/model1")
    expect(page.locator(".facts .local")).to_contain_text("here")


@pytest.mark.usefixtures("filled")
def test_the_keyboard_reaches_the_content_at_once(visit: Visit) -> None:
    page = visit.open("/ui/models/model1")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    skip.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    expect(page.get_by_role("navigation", name="Where you are").get_by_role("link")).to_be_focused()


def test_an_unknown_model_gets_a_page_that_says_so(visit: Visit) -> None:
    page = visit.open("/ui/models/nope")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_text("No model 'nope' is registered")).to_be_visible()
    # The browser itself notes that the answer was a 404; anything else is a complaint.
    assert [text for text in visit.complaints if "404" not in text] == []
    visit.complaints.clear()


@pytest.mark.usefixtures("filled")
def test_an_alert_leads_from_the_overview_to_what_was_measured(visit: Visit, live_monitor: LiveMonitor) -> None:
    registry = live_monitor.registry
    start = registry.clock.now() - timedelta(days=3)
    days = [
        Result("day", "performance", "r2", "", "", start + DAY * day, start + DAY * (day + 1), 100, 0.9 - 0.3 * day)
        for day in range(3)
    ]
    registry.store.put_metric_points([point_of("housing_price", day) for day in days])
    keep(registry.store, an_alert(model="housing_price", subject="r2", start=start))
    page = visit.open("/")
    expect(page.locator(".verdict")).to_contain_text("housing_price: performance is above its threshold")
    page.locator("td.cause").get_by_role("link", name="r2").press("Enter")
    expect(page.get_by_role("table").filter(has_text="default-performance")).to_contain_text("firing")
    assert page.url.endswith("#alerts")
    assert has_drawn(visit.chart("performance"))
    page.get_by_text("Performance as a table").click()
    expect(page.get_by_role("table").filter(has_text="Rows with truth")).to_contain_text("0.6000")
    page.set_viewport_size({"width": 400, "height": 800})
    assert not scrolls_sideways(page)


@pytest.mark.usefixtures("filled")
def test_model_pages_leave_the_process_small_too(live_monitor: LiveMonitor) -> None:
    sizes = resident_megabytes(live_monitor.app.pid)
    assert max(sizes.values()) <= MOST_RESIDENT_MB, sizes
