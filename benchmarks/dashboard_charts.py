"""What five charts cost the browser on a page of ours, and on a bare page that embeds the same five by Bokeh alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
from flask import Flask, Response
from playwright.sync_api import Browser, sync_playwright

from benchmarks.figures import Figure, Sizes, in_turns, milliseconds, progress
from ml_monitor.pages import assets
from ml_monitor.pages.chart_parts import LIGHT, bokeh, draw_items, new_plot
from ml_monitor.pages.chart_parts import milliseconds as axis_milliseconds
from ml_monitor.pages.ranges import TimeRange
from tests.serving import serving

CHARTS = 5
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DRAWN = f"window.Bokeh && Bokeh.documents.length === {CHARTS} && Bokeh.documents.every((each) => each.is_idle)"
_END = datetime(2026, 11, 20, tzinfo=UTC)


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figure of charts."""
    found = next((path for path in map(shutil.which, _BROWSERS) if path), None)
    if found is None:
        raise FileNotFoundError(f"a browser is needed on the PATH: one of {', '.join(_BROWSERS)}")
    with serving(_create_app(sizes.points_per_chart)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for path in ("/ours", "/bare"):  # both find their scripts in the cache of the system's files
            _task_seconds(browser, url + path)
        progress(f"charts: {CHARTS} of {sizes.points_per_chart:,} points in a browser, in turns")
        pairs = in_turns(
            sizes.page_rounds,
            lambda number: _task_seconds(browser, f"{url}/ours"),
            lambda number: _task_seconds(browser, f"{url}/bare"),
        )
        browser.close()
    yield Figure(
        f"browser CPU to draw {CHARTS} charts of {sizes.points_per_chart:,} points / the same on a bare Bokeh page",
        pairs.show(milliseconds),
        "at most 1.5",
        pairs.ratio <= 1.5,
    )


def _task_seconds(browser: Browser, url: str) -> float:
    """Return the CPU of a page's main thread from its start until all charts are painted."""
    context = browser.new_context(viewport={"width": 1280, "height": 2400})  # tall enough for all to be in view
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(url)
    page.wait_for_function(_DRAWN)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    context.close()
    return float(metrics["TaskDuration"])


def _create_app(points: int) -> Flask:
    """Return an app with both pages and their files; the charts are made once and are the same on both."""
    app = Flask(__name__)
    items = draw_items({f"line-{number}": _plot(number, points) for number in range(CHARTS)})
    files = {name: assets.static_asset(name) for name in ("dashboard.css", "dashboard.js")}
    files["bokeh"] = assets.bokeh_asset()
    targets = "".join(f'<div class="chart" id="chart-{name}"></div>' for name in items)
    script = f'<script defer src="{files["bokeh"].address}"></script>'
    data = "".join(
        f'<script type="application/json" class="chart-data" data-target="chart-{name}">{_json(item)}</script>'
        for name, item in items.items()
    )
    ours = (
        f'<!doctype html><link rel="stylesheet" href="{files["dashboard.css"].address}">{script}'
        f'<script defer src="{files["dashboard.js"].address}"></script><main id="main">{targets}{data}</main>'
    )
    embedded = _json([item["item"] for item in items.values()])
    bare = (
        f"<!doctype html>{script}{targets}<script>addEventListener('DOMContentLoaded', () => {{"
        f"for (const item of {embedded}) Bokeh.embed.embed_item(item);}});</script>"
    )
    app.add_url_rule("/ours", "ours", lambda: ours)
    app.add_url_rule("/bare", "bare", lambda: bare)
    for name, asset in files.items():
        app.add_url_rule(
            asset.address, name, lambda asset=asset: Response(asset.path.read_bytes(), mimetype=asset.mimetype)
        )
    return app


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace("<", "\\u003c")


def _plot(number: int, points: int) -> object:
    random = np.random.default_rng(number)
    step = timedelta(minutes=30)
    start = _END - points * step
    plot = new_plot(TimeRange(start, _END, step.total_seconds()), f"series {number}", bokeh("models").Range1d(-60, 60))
    times = [axis_milliseconds(start + place * step) for place in range(points)]
    plot.line(times, list(np.cumsum(random.normal(0, 1, points)).clip(-59, 59)), color=LIGHT["series"], line_width=2)
    return plot
