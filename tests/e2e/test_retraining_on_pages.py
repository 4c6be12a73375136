"""Retrain and Roll back on a model's page in a browser: pressed, confirmed, and what the page says then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from ml_core.registry import Registry
from ml_core.retraining.asking import ask_for_retraining, roll_back
from ml_core.retraining.history import list_events
from ml_core.retraining.requests import read_request
from tests.champions import add_champion
from tests.e2e.conftest import LiveMonitor
from tests.e2e.visits import Visit, scrolls_sideways, serious_faults, tab_to, visiting
from tests.factories import a_model

SCRIPTED = [{}, {"java_script_enabled": False}]
VIEWS: list[dict[str, Any]] = [
    {"viewport": {"width": 1280, "height": 900}},
    {"viewport": {"width": 400, "height": 800}, "color_scheme": "dark"},
]
_numbers = count(1)


@pytest.fixture
def registry(live_monitor: LiveMonitor) -> Registry:
    return live_monitor.registry


@pytest.fixture
def name(registry: Registry) -> str:
    """A model of which two versions were promoted, one after the other."""
    name = f"prices-{next(_numbers)}"
    registry.add_model(a_model(name))
    for _ in range(2):
        add_champion(registry, name, pd.DataFrame({"rooms": [3.0, 4.0], "value": [1.0, 2.0]}))
    return name


@pytest.fixture
def visit(browser: Browser, live_monitor: LiveMonitor, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page in a context of its own, made with the test's parameters; it ends without a complaint."""
    with visiting(browser, live_monitor.url, **getattr(request, "param", {})) as made:
        yield made
    # That an answer was 409 or 422 is what a test may be about.
    assert [text for text in made.complaints if "the server responded with a status of 4" not in text] == []


def confirm(page: Page, button: str, author: str, reason: str) -> int:
    """Fill in the form of the confirmation, press its button, and return the status of the answer."""
    form = page.locator("form.row-form")
    form.get_by_label("Your name").fill(author)
    form.get_by_label("Reason").fill(reason)
    with page.expect_navigation() as navigation:
        form.get_by_role("button", name=button).click()
    assert navigation.value is not None
    return navigation.value.status


def champion(registry: Registry, name: str) -> int | None:
    return registry.find(name).champion


@pytest.mark.parametrize("visit", SCRIPTED, indirect=True, ids=["scripts", "no-scripts"])
def test_retrain_is_pressed_confirmed_and_then_waits_for_the_owner(visit: Visit, registry: Registry, name: str) -> None:
    page = visit.open(f"/ui/models/{name}")
    page.get_by_role("link", name="Retrain").click()
    expect(page.get_by_role("heading", name=f"Train {name} anew?")).to_be_visible()
    assert read_request(registry.store, name) is None  # asked is not done
    assert confirm(page, "Train it anew", "Ada", "new prices") == 200
    expect(
        page.get_by_role("status").filter(has_text="It is trained anew by the next run of its owner")
    ).to_be_visible()
    section = page.get_by_role("region", name="Training anew")
    expect(section.locator("dl")).to_contain_text("open asked for by Ada")
    expect(page.get_by_role("link", name="Retrain")).to_have_count(0)
    request = read_request(registry.store, name)
    assert request is not None and (request.state, request.author, request.reason) == ("open", "Ada", "new prices")
    page.reload()  # which sends nothing again
    expect(section.locator("dl")).to_contain_text("open asked for by Ada")


@pytest.mark.parametrize("visit", SCRIPTED, indirect=True, ids=["scripts", "no-scripts"])
def test_roll_back_is_pressed_confirmed_and_the_version_before_serves(
    visit: Visit, registry: Registry, name: str
) -> None:
    page = visit.open(f"/ui/models/{name}")
    page.get_by_role("link", name="Roll back to v1").click()
    expect(page.get_by_role("heading", name="Go back to version 1?")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Go back to version 1?")).to_have_count(0)
    assert champion(registry, name) == 2
    page.get_by_role("link", name="Roll back to v1").click()
    assert confirm(page, "Go back", "Ada", "odd prices") == 200
    expect(page.get_by_role("status").filter(has_text="The version before serves again.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="back to version 1 by hand: odd prices")).to_contain_text("Ada")
    expect(page.get_by_role("link", name="Roll back")).to_have_count(0)
    assert champion(registry, name) == 1


@pytest.mark.parametrize("visit", SCRIPTED, indirect=True, ids=["scripts", "no-scripts"])
def test_a_request_that_somebody_has_filed_meanwhile_is_told_and_stays(
    visit: Visit, registry: Registry, name: str
) -> None:
    page = visit.open(f"/ui/models/{name}?confirm=retrain")
    ask_for_retraining(registry, name, author="Grace")
    assert confirm(page, "Train it anew", "Ada", "") == 409
    expect(page.get_by_role("alert")).to_contain_text("Grace has asked")
    expect(page.get_by_role("status").filter(has_text="trained anew")).to_have_count(0)
    request = read_request(registry.store, name)
    assert request is not None and request.author == "Grace"
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("region", name="Training anew").locator("dl")).to_contain_text("asked for by Grace")
    expect(page.get_by_role("link", name="Retrain")).to_have_count(0)


@pytest.mark.parametrize("visit", SCRIPTED, indirect=True, ids=["scripts", "no-scripts"])
def test_where_there_is_nothing_left_to_go_back_to_the_page_says_so(
    visit: Visit, registry: Registry, name: str
) -> None:
    page = visit.open(f"/ui/models/{name}?confirm=rollback")
    roll_back(registry, name, author="Grace")
    assert confirm(page, "Go back", "Ada", "") == 422
    expect(page.get_by_role("alert")).to_contain_text("has no earlier champion to go back to")
    expect(page.get_by_role("heading", name="Go back a version?")).to_be_visible()
    assert champion(registry, name) == 1
    assert [event.who for event in list_events(registry.store, name)] == ["Grace"]


def test_the_keyboard_alone_asks_for_a_model_to_be_trained_anew(visit: Visit, registry: Registry, name: str) -> None:
    page = visit.open(f"/ui/models/{name}")
    tab_to(page, "Retrain")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Train {name} anew?")).to_be_visible()
    tab_to(page, "author")
    page.keyboard.type("Ada")
    tab_to(page, "Train it anew", most=3)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="It is trained anew")).to_be_visible()
    request = read_request(registry.store, name)
    assert request is not None and request.author == "Ada"


@pytest.mark.parametrize("view", VIEWS, ids=["wide", "narrow-dark"])
def test_axe_finds_nothing_serious_whatever_came_of_it(
    browser: Browser, live_monitor: LiveMonitor, registry: Registry, name: str, axe: str, view: dict[str, Any]
) -> None:
    context = browser.new_context(**view, bypass_csp=True)  # for the script that judges, in this test alone
    page, address, found = context.new_page(), f"{live_monitor.url}/ui/models/{name}", {}

    def judge(step: str) -> None:
        found[step] = serious_faults(page, axe) + [("scrolls sideways", [])] * scrolls_sideways(page)

    for step in ("", "?confirm=retrain", "?confirm=rollback"):
        page.goto(address + step)
        judge(step)
    roll_back(registry, name)
    assert confirm(page, "Go back", "Ada", "") == 422
    judge("nothing to go back to")
    page.goto(f"{address}?confirm=retrain")
    assert confirm(page, "Train it anew", "Ada", "") == 200
    judge("asked for")
    page.goto(f"{address}?confirm=retrain")
    assert confirm(page, "Train it anew", "Grace", "") == 409
    judge("asked for already")
    context.close()
    assert {step: faults for step, faults in found.items() if faults} == {}
