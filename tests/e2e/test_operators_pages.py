"""The operators' pages in a browser: empty and full, on JSON files and on MariaDB, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ml_core.clock import Clock
from ml_core.jobs.job_requests import list_requests
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store
from ml_monitor.alerting.alert_book import list_alerts
from tests.e2e.conftest import LiveMonitor
from tests.e2e.visits import Visit, focused_name, has_drawn, scrolls_sideways, serious_faults, tab_to, visiting
from tests.e2e.worlds_of_pages import SERIES, fill_all
from tests.mariadb import new_server
from tests.processes import most_resident_megabytes, own_folders, resident_megabytes, start_app
from tests.unit.ml_monitor.telling import an_alert, keep

LISTS = ("/ui/forecasts", "/ui/anomalies", "/ui/alerts", "/ui/jobs", "/ui/store", "/ui/settings")
SERIES_PAGE = f"/ui/forecasts/{SERIES}"
SHEETS = tuple(f"/ui/response-time/{sheet}" for sheet in ("bullets", "art", "servers", "metrics"))
VIEWS: list[dict[str, Any]] = [
    {"viewport": {"width": 1280, "height": 900}},
    {"viewport": {"width": 400, "height": 800}, "color_scheme": "dark"},
]
EMPTY = {
    "/ui/forecasts": ("No series is known yet.", "python -m cloudwatch_engine run"),
    **dict.fromkeys(SHEETS, ("No response time is known yet.", "python -m forecasting_jobs response-time hourly")),
    "/ui/anomalies": ("No model of the task anomaly is registered yet.", "python -m anomaly_api train"),
    "/ui/alerts": ("No alert is known yet", "python -m ml_monitor check"),
    "/ui/jobs": ("never ran.", ""),
    "/ui/store": ("0 records", "make run-platform"),
    "/ui/settings": ("by the environment.", ""),
}
FULL = {
    "/ui/forecasts": f"{SERIES} is forecast to reach its limit",
    **dict.fromkeys(SHEETS, "Early warning for ABP: 42.0 % chance of more than 450 ms within 6 hours."),
    "/ui/anomalies": "predictions to be anomalous",
    "/ui/alerts": "1 firing, 1 acknowledged, 1 silenced, 1 pending",
    "/ui/jobs": "store-compact failed: the store cannot be written: no space left on device",
    "/ui/store": "records in",
    "/ui/settings": "by the environment.",
}


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A served dashboard, first on an empty store, and then on a full one."""

    monitor: LiveMonitor
    store: Store

    def alert_page(self, subject: str) -> str:
        (found,) = (alert for alert in list_alerts(self.store) if alert.state.key.subject == subject)
        return f"/ui/alerts/{found.alert_id}"

    def pages(self) -> list[str]:
        details = [SERIES_PAGE, self.alert_page("mae"), "/ui/jobs/store-compact", "/ui/jobs/monitor-check?confirm=run"]
        return [*LISTS, *SHEETS, *details]


@pytest.fixture(scope="module", params=["json", "mariadb"])
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on an empty store of each kind."""
    folder: Path = tmp_path_factory.mktemp("operators")
    server = new_server() if request.param == "mariadb" else None
    environment = own_folders(folder)
    if server is not None:
        environment["ML_STORE_URL"] = server.new_database()
    try:
        store = open_store(environment["ML_STORE_URL"])
        with start_app("ml_monitor", environment) as app:
            yield Dashboard(LiveMonitor(app, Registry(store, folder / "artifacts", Clock())), store)
        store.close()
    finally:
        if server is not None:
            server.remove()


@pytest.fixture(scope="module")
def full(empty: Dashboard) -> Dashboard:
    """The same after everything has happened that a page can show."""
    fill_all(empty.monitor.registry)
    return empty


@pytest.fixture
def visit(browser: Browser, empty: Dashboard, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page in a context of its own, made with the test's parameters; it ends without a complaint."""
    with visiting(browser, empty.monitor.url, **getattr(request, "param", {})) as made:
        yield made
    # What Bokeh notes when a chart is drawn is no complaint.
    assert [text for text in made.complaints if "[bokeh" not in text] == []


# The empty store comes first: the tests below it fill the one that all share.


def test_each_empty_page_names_what_fills_it(visit: Visit) -> None:
    for address, (verdict, command) in EMPTY.items():
        page = visit.open(address)
        expect(page.locator(".verdict")).to_contain_text(verdict)
        if command:
            expect(page.locator("pre", has_text=command).first).to_be_visible()
        assert not scrolls_sideways(page), address


@pytest.mark.parametrize("visit", VIEWS, indirect=True, ids=["wide", "narrow"])
def test_each_full_page_opens_with_its_verdict(visit: Visit, full: Dashboard) -> None:
    for address in full.pages():
        page = visit.open(address)
        if address in FULL:
            expect(page.locator(".verdict")).to_contain_text(FULL[address])
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        for place in page.locator(".chart").all():
            name = (place.get_attribute("id") or "").removeprefix("chart-")
            assert has_drawn(visit.chart(name)), (address, name)
        assert not scrolls_sideways(page), address


def test_axe_finds_nothing_serious(browser: Browser, full: Dashboard, axe: str) -> None:
    # What it judges is the same on every store: so once wide and light, and once narrow and dark.
    options = VIEWS[0] if isinstance(full.store, JsonStore) else VIEWS[1]
    context = browser.new_context(**options, bypass_csp=True)  # for the script that judges, in this test alone
    page = context.new_page()
    found = {}
    for address in ["/", *full.pages(), "/ui/nowhere"]:
        page.goto(full.monitor.url + address)
        for details in page.locator("main details").all():
            details.evaluate("element => { element.open = true; }")
        found[address] = serious_faults(page, axe)
    context.close()
    assert {address: each for address, each in found.items() if each} == {}


def test_the_keyboard_alone_answers_an_alert_and_runs_a_job(visit: Visit, full: Dashboard) -> None:
    page = visit.open("/ui/alerts")
    tab_to(page, "Answer mae")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("mae")
    tab_to(page, "author")
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    page.keyboard.type("On it")
    page.keyboard.press("Tab")
    assert focused_name(page) == "Acknowledge"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="You have taken it up")).to_be_visible()
    expect(page.locator(".title .badge")).to_have_text("acknowledged")

    tab_to(page, "Jobs")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    tab_to(page, "Run now: store-retain")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Run store-retain now?")).to_be_visible()
    tab_to(page, "Run it now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It will be run within a minute.")).to_be_visible()
    assert list_requests(full.store)["store-retain"].state == "requested"


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
def test_forms_and_ranges_work_without_javascript(visit: Visit, full: Dashboard) -> None:
    page = visit.open(full.alert_page("income"))
    silence = page.locator("form", has=page.get_by_role("heading", name="Silence it"))
    silence.get_by_label("Your name").fill("Grace")
    silence.get_by_role("combobox").select_option("24h")
    silence.get_by_role("button", name="Silence").click()
    expect(page.locator(".title .badge")).to_have_text("silenced")
    page.get_by_role("button", name="Lift the silence").click()
    expect(page.locator(".title .badge")).to_have_text("acknowledged")

    page = visit.open(SERIES_PAGE)
    page.get_by_text("Custom").click()
    page.get_by_label("From UTC").fill("2026-01-01T00:00")
    page.get_by_label("To UTC").fill("2026-01-02T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing was measured or forecast in this range.")).to_be_visible()
    page.get_by_role("link", name="7d").click()
    assert page.url.endswith("?range=7d")
    page.get_by_role("link", name="Alerts").click()
    assert page.url.endswith("/ui/alerts?range=7d")


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
def test_the_sheets_are_chosen_by_the_keyboard_and_without_javascript(visit: Visit, full: Dashboard) -> None:
    page = visit.open("/ui/forecasts")
    page.get_by_role("link", name="Bullet chart").press("Enter")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Avg Response time of each server")
    row = page.get_by_role("row").filter(has_text="ABPServer1")
    expect(row).to_contain_text("usual")
    page.get_by_label("Metric").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_label("Hour (UTC)").select_option(value="03")  # the newest hour says so beside its time
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Calls/min of each server")
    assert "metric=calls_per_minute" in page.url and "hour=03" in page.url
    page.get_by_role("link", name="ART plots").press("Enter")
    page.get_by_text("Days as a table").click()
    expect(page.get_by_role("table").filter(has_text="6H").first).to_be_visible()
    page.get_by_role("link", name="Server plots").press("Enter")
    page.get_by_role("link", name="ABPServer1").press("Enter")
    expect(page.locator("select[name=server]")).to_have_value("ABPServer1")
    page.get_by_role("link", name="Metric plots").press("Enter")
    page.get_by_text("Calls/min as a table").click()
    expect(page.get_by_role("table").filter(has_text="Mean of 4 hours")).to_contain_text(
        "Calls/min: hours in this range"
    )


def new_data(full: Dashboard, subject: str) -> None:
    keep(full.store, an_alert(subject=subject, model="newcomer"))


def refreshed_in_place(page: Page) -> None:
    """Renew the page as the timer would, without moving the focus."""
    with page.expect_response(lambda response: "/ui/alerts" in response.url):
        page.evaluate("document.querySelector('[data-refresh-now]').click()")


def test_a_refresh_brings_what_is_new_and_keeps_the_readers_place(visit: Visit, full: Dashboard) -> None:
    page = visit.open("/ui/alerts?state=all")
    link = page.get_by_role("link", name="log_loss")
    link.focus()
    page.evaluate("window.scrollTo(0, 120)")
    before = page.evaluate("window.scrollY")
    subject = f"brier_score of {type(full.store).__name__}"
    new_data(full, subject)
    refreshed_in_place(page)
    expect(page.get_by_role("link", name=subject, exact=True)).to_be_visible()
    expect(page.locator("#news")).to_have_text("1 new alert fires.")
    expect(page.get_by_role("link", name="log_loss")).to_be_focused()
    assert page.evaluate("window.scrollY") == before


def test_a_chart_whose_data_are_the_same_is_not_drawn_again(visit: Visit, full: Dashboard) -> None:
    page = visit.open(SERIES_PAGE)
    visit.chart("horizons")
    page.evaluate("document.querySelector('#chart-horizons').dataset.mark = 'old'")
    page.locator("#horizons-table summary").click()
    with page.expect_response(lambda response: SERIES_PAGE in response.url):
        page.get_by_role("button", name="Refresh now").click()
    expect(page.locator("#horizons-table")).to_have_attribute("open", "")
    expect(page.locator("main:not([aria-busy])")).to_be_visible()
    expect(page.locator("#chart-horizons .bk-Figure")).to_be_visible()
    assert page.locator("#chart-horizons").get_attribute("data-mark") == "old"
    assert has_drawn(visit.chart("forecast"))


def test_what_fails_keeps_the_old_data_marked_until_it_works_again(visit: Visit, full: Dashboard) -> None:
    page = visit.open("/ui/alerts")

    def away(route: Route) -> None:
        route.abort()

    page.route("**/ui/alerts", away)
    page.get_by_role("button", name="Refresh now").click()
    note = page.locator("#stale-note")
    expect(note).to_contain_text("These data are old: the monitor does not answer.")
    expect(page.get_by_role("table")).to_be_visible()
    page.unroute("**/ui/alerts")
    note.get_by_role("button", name="Try again").click()
    expect(note).to_have_count(0)
    visit.complaints[:] = [text for text in visit.complaints if "ERR_FAILED" not in text]


def test_a_page_renews_itself_unless_paused_or_of_a_fixed_range(visit: Visit, full: Dashboard) -> None:
    page = visit.page
    page.clock.install()
    visit.open("/ui/alerts?refresh=30s")
    with page.expect_response(lambda response: "/ui/alerts" in response.url):
        page.clock.run_for(31_000)
    expect(page.locator("main:not([aria-busy])")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Paused: go on")).to_have_attribute("aria-pressed", "true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    assert asked == []
    fixed = "?refresh=30s&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    visit.open(f"/ui/forecasts{fixed}")
    expect(page.locator(".state-note")).to_have_text("paused: the range is fixed")
    asked.clear()
    page.clock.run_for(120_000)
    assert asked == []


def test_the_theme_can_be_chosen_and_stays(visit: Visit, full: Dashboard) -> None:
    page = visit.open("/ui/jobs")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    for name in ("light", "dark"):
        page.get_by_role("button", name="Theme").click()
        expect(page.get_by_role("button", name=f"Theme: {name}")).to_be_visible()
    dark = page.evaluate(background)
    assert dark != light
    visit.open("/ui/store")
    assert page.evaluate(background) == dark


def test_the_operators_pages_leave_the_process_small(full: Dashboard) -> None:
    sizes = resident_megabytes(full.monitor.app.pid)
    assert max(sizes.values()) <= most_resident_megabytes(full.store), sizes


def test_a_browser_gives_a_token_once_and_logs_out(browser: Browser, tmp_path: Path) -> None:
    tokens = {"ML_AUTH__READ_TOKENS": "look-only", "ML_AUTH__WRITE_TOKENS": "change-too"}
    with start_app("ml_monitor", {**own_folders(tmp_path), **tokens}) as app:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{app.url}/ui/jobs?refresh=5m")
        expect(page.get_by_role("heading", level=1)).to_have_text("A token is needed")
        page.keyboard.type("wrong")  # the field has the focus
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This token is not known.")
        page.keyboard.type("look-only")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        assert page.url == f"{app.url}/ui/jobs?refresh=5m"
        expect(page.get_by_role("link", name="Run now")).to_have_count(0)  # this token may read only
        (session,) = (cookie for cookie in context.cookies() if cookie["name"] == "ml_session")
        assert session["httpOnly"]
        assert session["sameSite"] == "Lax"
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("A token is needed")
        page.goto(f"{app.url}/ui/store")
        expect(page.get_by_role("heading", level=1)).to_have_text("A token is needed")
        context.close()
