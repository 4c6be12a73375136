"""A visit of a page in a browser: with all that the browser complained of meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Request, expect


class Visit:
    """A page with all that a browser complained of while it was open."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._own = url
        # Violations of the content security policy are errors on the console too.
        page.on("console", lambda message: self._note(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("dialog", lambda dialog: self._note(f"dialog {dialog.message}"))
        page.on("request", self._check_host)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self._own}{path}")
        return self.page

    def chart(self, name: str) -> Locator:
        """Return the canvas on which a chart was drawn, once it is."""
        chart = self.page.locator(f"#chart-{name}")
        chart.scroll_into_view_if_needed()
        canvas = chart.locator(".bk-Figure canvas").first
        expect(canvas).to_be_visible()
        return canvas

    def _note(self, text: str) -> None:
        self.complaints.append(text)

    def _check_host(self, request: Request) -> None:
        if not request.url.startswith((self._own, "data:")):
            self._note(f"request to {request.url}")


@contextmanager
def visiting(browser: Browser, url: str, **parameters: Any) -> Iterator[Visit]:
    """Give a new page in a context of its own, made with these parameters; look at the complaints afterwards."""
    context = browser.new_context(**parameters)
    yield Visit(context.new_page(), url)
    context.close()


def has_drawn(canvas: Locator) -> bool:
    """Return whether a canvas holds anything: pixels that differ from the first."""
    return bool(
        canvas.evaluate(
            """canvas => {
                const context = canvas.getContext("2d");
                const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
                return pixels.some(pixel => pixel !== pixels[0]);
            }"""
        )
    )


def serious_faults(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """Return what axe-core holds to be serious on a page, with the elements; ``axe`` is its script."""
    page.evaluate(axe)
    result = json.loads(page.evaluate("axe.run().then(result => JSON.stringify(result.violations))"))
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in result
        if violation["impact"] in ("serious", "critical")
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def focused_name(page: Page) -> str:
    """Return what the focused element says of itself: its label, its text, or its name in a form."""
    return str(
        page.evaluate(
            """() => {
                const focused = document.activeElement;
                return focused.getAttribute("aria-label") ?? (focused.textContent.trim() || focused.name || "");
            }"""
        )
    )


def tab_to(page: Page, name: str, most: int = 60) -> int:
    """Press Tab until an element of a name has the focus, which must be seen; return how often that took."""
    for count in range(1, most + 1):
        page.keyboard.press("Tab")
        if focused_name(page) == name:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {name!r} is not seen"
            return count
    raise AssertionError(f"{most} presses of Tab do not reach {name!r}")
