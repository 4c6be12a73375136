"""The four sheets of response times at ``/ui/response-time``, beside the list of all series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from ml_core.errors import NotFound
from ml_monitor.pages import assets, forecasts, frame
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.sheet_charts import draw_sheet
from ml_monitor.pages.sheets_reader import ALL, SHEETS, SheetPage, read_sheet, sheet_verdict

ADDRESS = "/ui/response-time"
blueprint = frame.PageBlueprint("sheets", __name__, part_of=forecasts.blueprint.name)


_ASKED = {
    "bullets": ("metric", "reference", "hour"),
    "art": ("ahead", "reference", "hour"),
    "servers": ("server", "metric", "reference", "hour"),
    "metrics": ("server", "metric"),
}
"""What each sheet lets a viewer choose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One list to choose from: what is shown by value, and which is chosen."""

    label: str
    values: Mapping[str, str]
    chosen: str


@blueprint.get(ADDRESS)
def first_sheet() -> Response:
    """Show the first sheet."""
    return _show(next(iter(SHEETS)))


@blueprint.get(f"{ADDRESS}/<sheet>")
def one_sheet(sheet: str) -> Response:
    """Show a sheet; ``application``, ``server``, ``metric``, ``reference``, ``hour`` and ``ahead`` choose of what."""
    if sheet not in SHEETS:
        raise NotFound(f"there is no sheet {sheet[:40]!r}: expected one of {', '.join(SHEETS)}")
    return _show(sheet)


def _show(sheet: str) -> Response:
    found = read_sheet(frame.store(), sheet, frame.read_view().range, request.args, frame.now())
    return frame.respond(
        f"sheet_{sheet}.html",
        found,
        sheet_verdict(found),
        name=f"response-time-{sheet}",
        tables={"numbers": lambda: _csv(found)},
        html=lambda: {
            "charts": _charts(found),
            "sheets": SHEETS,
            "choices": _choices(found),
            "actual": {each.time: each.value for each in found.measured},
        },
    )


def _charts(page: SheetPage) -> dict[str, Any]:
    drawn = draw_sheet(page)
    return {"script": assets.bokeh_address(), **drawn} if drawn else {}


def _choices(page: SheetPage) -> dict[str, Choice]:
    """Return what can be chosen on a sheet, by the name of the argument."""
    application, chosen = page.application, page.chosen
    if application is None or chosen is None:
        return {}
    newest = (application.until_time.hour - 1) % 24
    hours = {f"{hour:02}": f"{hour:02}:00{' (newest)' if hour == newest else ''}" for hour in range(24)}
    servers = {server: server for server in application.servers}
    everywhere = {ALL: "all servers"} if page.sheet == "servers" else {}
    everything = {ALL: "all metrics"} if page.sheet == "metrics" else {}
    ahead = {str(number): f"{number} h before" for number in range(1, application.horizon + 1)}
    known = {
        "server": Choice("Server", everywhere | servers, chosen.server),
        "metric": Choice("Metric", {**everything, **application.metrics}, chosen.metric),
        "ahead": Choice("Forecast made", ahead, str(chosen.ahead)),
        "reference": Choice("Compared with", {name: name for name in application.references}, chosen.reference),
        "hour": Choice("Hour (UTC)", hours, f"{chosen.hour:02}"),
    }
    return {name: known[name] for name in _ASKED[page.sheet]}


def _csv(page: SheetPage) -> str:
    """Return the numbers of a sheet that stand in its first table or chart."""
    if page.sheet == "bullets":
        names = ("mean", "percentile_60", "percentile_75", "percentile_90", "percentile_99")
        rows = [
            (bullet.title, bullet.time, bullet.value, *(getattr(bullet.before, name, None) for name in names))
            for bullet in (*page.bullets, *page.coming)
        ]
        return table_csv(("title", "time", "value", *names), rows)
    if page.sheet == "metrics":
        found = (page.metrics or {}).items()
        averages = [(metric, each.time, each.value, each.average) for metric, values in found for each in values]
        return table_csv(("metric", "time", "value", "average"), averages)
    horizons = [f"{ahead}H" for ahead in range(1, page.application.horizon + 1)] if page.application else []
    days = [
        (server, day.time, day.value, *(day.forecasts.get(horizon) for horizon in horizons))
        for server, values in (page.days or {}).items()
        for day in values
    ]
    return table_csv(("server", "time", "value", *horizons), days)
