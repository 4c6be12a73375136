"""A fault that was planted is found at a glance: the overview names model, day and column, one click shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from ml_core.clock import Clock
from ml_core.registry import Registry
from ml_core.store.opening import open_store
from ml_monitor.formatting import show_day
from tests.e2e.conftest import LiveMonitor
from tests.e2e.visits import Visit, has_drawn, scrolls_sideways, serious_faults, visiting
from tests.faulty_world import DAY, plant_fault
from tests.mariadb import new_server
from tests.processes import most_resident_megabytes, own_folders, resident_megabytes, start_app

MOST_TABS = 12
PAGES = (
    "/",
    "/ui/models/loans",
    "/ui/models/loans/drift",
    "/ui/models/loans/drift/column?name=income",
    "/ui/models/loans/drift/column?name=country",
    "/ui/models/loans/predictions?range=7d",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A served dashboard on a store with a planted fault, and the midnight at which that began."""

    monitor: LiveMonitor
    began: datetime


@pytest.fixture(scope="module", params=["json", "mariadb"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """The fault on each kind of store."""
    folder = tmp_path_factory.mktemp(f"planted-{request.param}")
    environment = own_folders(folder)
    server = new_server() if request.param == "mariadb" else None
    if server is not None:
        environment["ML_STORE_URL"] = server.new_database()
    store = open_store(environment["ML_STORE_URL"])
    registry = Registry(store, folder / "artifacts", Clock())
    midnight = registry.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    began = plant_fault(registry, midnight)
    with start_app("ml_monitor", environment) as app:
        yield Planted(LiveMonitor(app, registry), began)
    store.close()
    if server is not None:
        server.remove()


@pytest.fixture
def visit(browser: Browser, planted: Planted, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page in a context of its own, made with the test's parameters; it ends without a complaint."""
    with visiting(browser, planted.monitor.url, **getattr(request, "param", {})) as made:
        yield made
    assert made.complaints == []


def histogram_of(page: Page) -> tuple[list[float], str]:
    """Return the heights of the reference's bars, and the outline of what is compared with it, of one picture."""
    picture = page.locator(".histogram svg")
    expect(picture).to_have_count(1)
    heights = [float(bar.get_attribute("height") or 0) for bar in picture.locator("rect.before").all()]
    return heights, picture.locator("path.now").get_attribute("d") or ""


def test_the_first_sentence_names_model_day_and_column(visit: Visit, planted: Planted) -> None:
    page = visit.open("/")
    day = show_day(planted.began, planted.monitor.registry.clock.now())
    said = page.locator(".verdict").inner_text()
    assert re.match(
        rf"loans is degraded since {day}: accuracy 0\.\d+ to 0\.\d+; income changed \(median 3\dk to \d\.?\d?k\)", said
    ), said
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="loans"))
    expect(row).to_contain_text("critical")
    expect(row).to_contain_text(day)
    expect(row.get_by_role("img")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("loans")


def test_one_click_shows_reference_and_current_on_one_scale(visit: Visit, planted: Planted) -> None:
    page = visit.open("/")
    page.locator(".verdict a", has_text="income").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("income")
    heights, outline = histogram_of(page)
    assert len(heights) > 8
    first = float(re.findall(r"V([\d.]+)", outline)[0])
    assert (
        first < 60 < 100 - heights[0]
    )  # from the top: most of what came lies in the first bin, little of the reference
    expect(page.locator(".comparison figcaption")).to_contain_text("reference of v1, 2,000 rows")
    expect(page.locator(".comparison figcaption")).to_contain_text("drifted days since")
    for name in ("spread", "statistic"):
        assert has_drawn(visit.chart(name))


def test_tab_reaches_the_column_in_a_few_steps(visit: Visit) -> None:
    page = visit.open("/")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.verdict a[href*=column]')"):
            break
    else:
        pytest.fail(f"the column is more than {MOST_TABS} steps away")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("income")


def test_the_skip_link_reaches_it_sooner(visit: Visit) -> None:
    page = visit.open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator(".verdict a", has_text="income")).to_be_focused()


def test_a_chunk_of_the_chart_and_of_its_table_leads_to_its_drift(visit: Visit, planted: Planted) -> None:
    page = visit.open("/ui/models/loans")
    canvas = visit.chart("performance")
    assert has_drawn(canvas)
    page.get_by_text("Performance as a table").click()
    link = page.locator("details[open] tbody a").first
    link.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Columns on"))).to_be_visible()
    newest = planted.began + 3 * DAY
    assert parse_qs(urlsplit(page.url).query)["at"] == [f"{newest:%Y-%m-%dT%H:%M:%SZ}"]
    expect(page.locator(".heatmap thead a[aria-current]")).to_have_count(1)


def test_a_click_on_a_point_of_the_chart_opens_its_day(visit: Visit) -> None:
    page = visit.open("/ui/models/loans")
    canvas = visit.chart("performance")
    box = canvas.bounding_box()
    assert box is not None
    spot = page.evaluate(
        """() => {
            const view = [...window.Bokeh.index][0];
            const { middle, realised } = view.model.document.get_model_by_name("chunks").data;
            const newest = middle.length - 1;
            return [view.frame.x_scale.compute(middle[newest]), view.frame.y_scale.compute(realised[newest])];
        }"""
    )
    page.mouse.click(box["x"] + spot[0], box["y"] + spot[1])
    page.wait_for_url("**/drift?at=*", timeout=5_000)
    expect(page.get_by_role("heading", name=re.compile("Columns on"))).to_be_visible()


def test_the_map_shows_the_broken_column_from_its_day_on(visit: Visit, planted: Planted) -> None:
    page = visit.open("/ui/models/loans/drift")
    row = page.locator(".heatmap tbody tr").filter(has_text="income")
    expect(row.locator("a.cell.drifted")).to_have_count(4)
    row.locator("a.cell.drifted").first.click()
    day = show_day(planted.began, planted.monitor.registry.clock.now())
    expect(page.locator(".verdict")).to_contain_text(f"On {day} income had drifted: median")


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
def test_the_cause_can_be_read_without_javascript(visit: Visit) -> None:
    page = visit.open("/")
    page.locator(".verdict a", has_text="income").click()
    heights, _ = histogram_of(page)
    assert heights
    expect(page.get_by_role("table").filter(has_text="Newest first")).to_contain_text("drifted")


@pytest.mark.parametrize(
    "visit",
    [
        {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        for width in (1280, 400)
        for scheme in ("light", "dark")
    ],
    indirect=True,
)
def test_every_page_is_whole_at_any_width_by_day_and_by_night(visit: Visit) -> None:
    for path in PAGES:
        page = visit.open(path)
        for place in page.locator(".chart").all():
            place.scroll_into_view_if_needed()
            expect(place.locator("canvas").first).to_be_visible()
        assert not scrolls_sideways(page), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, planted: Planted, axe: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # for the script that judges, here alone
    page, found = context.new_page(), {}
    for path in PAGES:
        page.goto(planted.monitor.url + path)
        for details in page.locator("main details").all():
            details.evaluate("element => { element.open = true; }")
        found[path] = serious_faults(page, axe)
    context.close()
    assert {path: each for path, each in found.items() if each} == {}


def test_the_pages_leave_the_process_small(planted: Planted) -> None:
    sizes = resident_megabytes(planted.monitor.app.pid)
    assert max(sizes.values()) <= most_resident_megabytes(planted.monitor.registry.store), sizes
