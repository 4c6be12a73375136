"""The charts of the sheets of response times, as Bokeh documents that the browser draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ml_monitor.formatting import show_number, show_time
from ml_monitor.pages.chart_parts import LIGHT, bokeh, draw_items, milliseconds, new_plot, range_around
from ml_monitor.pages.forecasts_reader import Step
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.sheet_applications import HOUR
from ml_monitor.pages.sheets_reader import SheetPage
from ml_monitor.pages.thinning import thinned

Points = Sequence[tuple[datetime, float]]
_LINE_HEIGHT = 320
_LONGEST_GAP = timedelta(hours=1)
_BESIDE = {"percentile_50": "solid", "percentile_75": "dashed", "percentile_90": "dotted"}


def draw_sheet(page: SheetPage) -> dict[str, dict[str, Any]]:
    """Return what the browser draws of a sheet by the place of each chart; nothing where nothing is known."""
    draw: dict[str, Callable[[SheetPage], dict[str, Any]]] = {
        "bullets": lambda page: {},
        "art": _art_plots,
        "servers": _server_plots,
        "metrics": _metric_plots,
    }
    plots = draw[page.sheet](page) if page.application else {}
    return draw_items(plots) if plots else {}


def _art_plots(page: SheetPage) -> dict[str, Any]:
    plots = {}
    if page.measured or page.said or page.steps:
        plots["art"] = _art_plot(page)
    assert page.application is not None
    days = (page.days or {}).get(page.application.main_server, ())
    if days:
        plots["days"] = _days_plot(page, [("measured", "ink", [(day.time, day.value) for day in days])])
        for ahead in range(1, page.application.horizon + 1):
            said = [(day.time, day.forecasts[f"{ahead}H"]) for day in days if f"{ahead}H" in day.forecasts]
            _add_marks(plots["days"], said, f"class-{ahead}", f"{ahead} h before", page.time)
    return plots


def _art_plot(page: SheetPage) -> Any:
    """Return the chart of what was measured over what was said of it, with what is said of the hours to come."""
    end = max([page.range.end, *(step.valid_time + HOUR for step in page.steps)])
    shown = replace(page.range, end=end)
    steps = (*page.said, *page.steps)
    numbers = [each.value for each in page.measured]
    for step in steps:
        numbers += [number for number in (step.value, step.lower_95, step.upper_95) if number is not None]
    if page.warning is not None:
        numbers.append(page.warning.limit)
    usual = page.usual or {}
    hours = [page.range.start.replace(minute=0, second=0, microsecond=0) + n * HOUR for n in range(_hours(shown) + 1)]
    known = [hour for hour in hours if hour.hour in usual]
    numbers += [usual[hour.hour].percentile_90 for hour in known]
    plot = new_plot(shown, "response time (ms)", range_around(numbers))
    plot.height = _LINE_HEIGHT
    _add_bands(plot, steps)
    models = bokeh("models")
    if page.warning is not None:
        plot.add_layout(models.Span(location=page.warning.limit, line_color=LIGHT["class-7"], line_width=2))
    for name, dash in (("mean", "dashed"), ("percentile_90", "dotted")):
        line = [(hour, getattr(usual[hour.hour], name)) for hour in known]
        _add_line(plot, line, "reference", f"usual {name.replace('_', ' ')}", page.time, dash=dash, width=1.3)
    if page.steps and page.application is not None:
        plot.add_layout(
            models.Span(
                location=milliseconds(page.application.until_time),
                dimension="height",
                line_color=LIGHT["reference"],
                line_dash="dotted",
            )
        )
    _add_line(plot, [(each.time, each.value) for each in page.measured], "ink", "measured", page.time)
    _add_line(plot, [(step.valid_time, step.value) for step in steps], "series", "forecast", page.time, width=2.2)
    return plot


def _add_bands(plot: Any, steps: Sequence[Step]) -> None:
    for level, colour in (("95", "wide-band"), ("80", "band")):
        for run in _runs([(step.valid_time, place) for place, step in enumerate(steps)]):
            bounded = [
                (milliseconds(step.valid_time), getattr(step, f"lower_{level}"), getattr(step, f"upper_{level}"))
                for step in (steps[int(place)] for _, place in run)
                if getattr(step, f"lower_{level}") is not None
            ]
            if bounded:
                times, lowers, uppers = (list(each) for each in zip(*bounded, strict=True))
                plot.varea(times, lowers, uppers, fill_color=LIGHT[colour], fill_alpha=0.8)


def _server_plots(page: SheetPage) -> dict[str, Any]:
    if not page.days:
        return {}
    lines = [
        (server, f"class-{place % 8 + 1}" if len(page.days) > 1 else "series", [(day.time, day.value) for day in days])
        for place, (server, days) in enumerate(page.days.items())
    ]
    return {"days": _days_plot(page, lines)}


def _days_plot(page: SheetPage, lines: Sequence[tuple[str, str, Points]]) -> Any:
    """Return the chart of one hour of the day over the days of a reference; with one line beside its percentiles."""
    assert page.chosen is not None and page.application is not None
    times = [time for _, _, points in lines for time, _ in points]
    margin = timedelta(hours=12)
    shown = TimeRange(min(times) - margin, max(times) + margin, 86_400)
    numbers = [value for _, _, points in lines for _, value in points]
    numbers += [value for days in (page.days or {}).values() for day in days for value in day.forecasts.values()]
    beside = None
    if len(lines) == 1:
        beside = next(
            (row for row in page.quantiles if row.server == lines[0][0]), (page.usual or {}).get(page.chosen.hour)
        )
    if beside is not None:
        numbers += [getattr(beside, name) for name in _BESIDE]
    plot = new_plot(shown, page.application.metrics[page.chosen.metric], range_around(numbers))
    plot.height = _LINE_HEIGHT
    if beside is not None:
        for name, dash in _BESIDE.items():
            level = getattr(beside, name)
            span = bokeh("models").Span(location=level, line_color=LIGHT["reference"], line_dash=dash, line_width=1.5)
            plot.add_layout(span)
    for name, colour, points in lines:
        _add_line(plot, points, colour, name, page.time, gap=timedelta(days=1))
        if len(points) <= 40:
            _add_marks(plot, points, colour, name, page.time)
    return plot


def _metric_plots(page: SheetPage) -> dict[str, Any]:
    assert page.application is not None
    plots = {}
    for metric, values in (page.metrics or {}).items():
        if values:
            numbers = [each.value for each in values]
            plot = new_plot(page.range, page.application.metrics[metric], range_around(numbers))
            _add_line(plot, [(each.time, each.value) for each in values], "reference", "hour", page.time, width=1.2)
            _add_line(plot, [(each.time, each.average) for each in values], "series", "average", page.time, width=2.4)
            plots[metric] = plot
    return plots


def _add_line(
    plot: Any,
    points: Points,
    colour: str,
    name: str,
    now: datetime,
    *,
    dash: str = "solid",
    width: float = 1.8,
    gap: timedelta = _LONGEST_GAP,
) -> None:
    """Draw a line that is broken where nothing is known, and tells its values under the mouse."""
    columns: dict[str, list[Any]] = {"time": [], "value": [], "when": [], "shown": []}
    for number, run in enumerate(_runs(points, gap)):
        if number:
            _append(columns, milliseconds(run[0][0]) - 1, math.nan, "", "")
        kept = thinned([milliseconds(time) for time, _ in run], [value for _, value in run])
        for time, value in (run[place] for place in kept):
            _append(columns, milliseconds(time), value, show_time(time, now), show_number(value))
    if not columns["time"]:
        return
    source = bokeh("models").ColumnDataSource(columns)
    line = plot.line("time", "value", source=source, color=LIGHT[colour], line_dash=dash, line_width=width)
    _add_hover(plot, line, name)


def _add_marks(plot: Any, points: Points, colour: str, name: str, now: datetime) -> None:
    columns: dict[str, list[Any]] = {"time": [], "value": [], "when": [], "shown": []}
    for time, value in points:
        _append(columns, milliseconds(time), value, show_time(time, now), show_number(value))
    if points:
        source = bokeh("models").ColumnDataSource(columns)
        marks = plot.scatter("time", "value", source=source, color=LIGHT[colour], size=6)
        _add_hover(plot, marks, name)


def _add_hover(plot: Any, renderer: Any, name: str) -> None:
    tooltips = [("at", "@when UTC"), (name, "@shown")]
    plot.add_tools(bokeh("models").HoverTool(renderers=[renderer], tooltips=tooltips, visible=False))


def _append(columns: dict[str, list[Any]], *cells: Any) -> None:
    for name, cell in zip(columns, cells, strict=True):
        columns[name].append(cell)


def _runs(points: Points, gap: timedelta = _LONGEST_GAP) -> list[list[tuple[datetime, float]]]:
    """Return the points in stretches of which no two neighbours lie farther apart than ``gap``."""
    runs: list[list[tuple[datetime, float]]] = []
    for point in points:
        if not runs or point[0] - runs[-1][-1][0] > gap:
            runs.append([])
        runs[-1].append(point)
    return runs


def _hours(shown: TimeRange) -> int:
    return int((shown.end - shown.start) / HOUR)
