"""The charts of a series, as Bokeh documents: what was measured and is forecast, and the error by horizon."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from ml_monitor.formatting import show_duration, show_number, show_time
from ml_monitor.pages.chart_parts import LIGHT, bokeh, draw_items, milliseconds, new_plot, range_around
from ml_monitor.pages.forecasts_reader import SeriesPage
from ml_monitor.pages.thinning import thinned

_MOST_LINES = 8
"""As many colours as lines have."""


def draw_series(page: SeriesPage) -> dict[str, dict[str, Any]]:
    """Return what the browser draws: ``forecast``, and ``horizons`` where errors are known."""
    plots: dict[str, Any] = {}
    if page.observations or page.steps:
        plots["forecast"] = _forecast_plot(page)
    drawn = draw_items(plots) if plots else {}
    if page.by_horizon:
        drawn |= draw_items({"horizons": _horizon_plot(page)})
    return drawn


def models_drawn(page: SeriesPage) -> list[str]:
    """Return the models whose errors are drawn, in the order of their colours."""
    return list(dict.fromkeys(error.model for error in page.by_horizon))[:_MOST_LINES]


def _forecast_plot(page: SeriesPage) -> Any:
    models = bokeh("models")
    end = max([page.range.end, *(step.valid_time for step in page.steps)])
    shown = replace(page.range, end=end)
    numbers = [each.value for each in page.observations]
    for step in page.steps:
        numbers += [number for number in (step.value, step.lower_95, step.upper_95) if number is not None]
    if page.limit is not None:
        numbers.append(page.limit.limit)
    unit = f"value ({page.limit.unit})" if page.limit and page.limit.unit else "value"
    plot = new_plot(shown, unit, range_around(numbers))
    plot.height = 320
    _add_bands(plot, page)
    if page.limit is not None:
        plot.add_layout(models.Span(location=page.limit.limit, line_color=LIGHT["class-7"], line_width=2))
    if page.issue_time is not None:
        divider = models.Span(
            location=milliseconds(page.issue_time),
            dimension="height",
            line_color=LIGHT["reference"],
            line_dash="dotted",
        )
        plot.add_layout(divider)
    if page.observations:
        _add_observations(plot, page)
    if page.steps:
        _add_forecast(plot, page)
    return plot


def _add_bands(plot: Any, page: SeriesPage) -> None:
    for level, colour in (("95", "wide-band"), ("80", "band")):
        bounded = [
            (milliseconds(step.valid_time), lower, upper)
            for step in page.steps
            if (lower := getattr(step, f"lower_{level}")) is not None
            and (upper := getattr(step, f"upper_{level}")) is not None
        ]
        if bounded:
            times, lowers, uppers = (list(each) for each in zip(*bounded, strict=True))
            plot.varea(times, lowers, uppers, fill_color=LIGHT[colour], fill_alpha=0.8)


def _add_observations(plot: Any, page: SeriesPage) -> None:
    times = [milliseconds(each.time) for each in page.observations]
    values = [each.value for each in page.observations]
    kept = thinned(times, values)
    columns: dict[str, list[Any]] = {"time": [], "value": [], "when": [], "shown": []}
    longest = _longest_step([each.time for each in page.observations])
    for before, place in zip([None, *kept], kept, strict=False):
        # A line over hours in which nothing was measured would say that something was.
        if before is not None and before + 1 == place and times[place] - times[before] > longest:
            _append(columns, times[before] + 1, math.nan, "", "")
        value = page.observations[place]
        _append(columns, times[place], value.value, show_time(value.time, page.time), show_number(value.value))
    source = bokeh("models").ColumnDataSource(columns)
    line = plot.line("time", "value", source=source, color=LIGHT["ink"], line_width=1.6)
    if len(kept) == 1:
        line = plot.scatter("time", "value", source=source, color=LIGHT["ink"], size=6)
    _add_hover(plot, line, "measured")


def _add_forecast(plot: Any, page: SeriesPage) -> None:
    kept = thinned([milliseconds(step.valid_time) for step in page.steps], [step.value for step in page.steps])
    columns: dict[str, list[Any]] = {"time": [], "value": [], "when": [], "shown": []}
    for step in (page.steps[place] for place in kept):
        bounds = [show_number(bound) for bound in (step.lower_95, step.upper_95) if bound is not None]
        shown = show_number(step.value) + (f" (95 %: {' to '.join(bounds)})" if len(bounds) == 2 else "")
        _append(columns, milliseconds(step.valid_time), step.value, show_time(step.valid_time, page.time), shown)
    source = bokeh("models").ColumnDataSource(columns)
    line = plot.line("time", "value", source=source, color=LIGHT["series"], line_width=2.2)
    _add_hover(plot, line, "forecast")


def _horizon_plot(page: SeriesPage) -> Any:
    models = bokeh("models")
    longest = max(error.horizon_seconds for error in page.by_horizon)
    largest = max(error.mae for error in page.by_horizon)
    y_range = models.Range1d(0, min(largest * 1.1, sys.float_info.max) or 1.0)
    plot = new_plot(page.range, "mean absolute error", y_range)
    unit, seconds = next(((name, size) for name, size in _UNITS if longest >= 2 * size), _UNITS[-1])
    plot.x_range = models.Range1d(0, longest / seconds * 1.02)
    plot.xaxis.axis_label = f"looked ahead ({unit})"
    plot.xaxis.formatter, plot.xaxis.ticker = models.BasicTickFormatter(), models.BasicTicker()
    for place, model in enumerate(models_drawn(page), start=1):
        errors = [error for error in page.by_horizon if error.model == model]
        source = models.ColumnDataSource(
            {
                "ahead": [error.horizon_seconds / seconds for error in errors],
                "mae": [error.mae for error in errors],
                "when": [show_duration(error.horizon_seconds) for error in errors],
                "shown": [show_number(error.mae) for error in errors],
            }
        )
        colour = LIGHT[f"class-{place}"]
        plot.line("ahead", "mae", source=source, color=colour, line_width=2)
        marks = plot.scatter("ahead", "mae", source=source, color=colour, size=5)
        hover = models.HoverTool(
            renderers=[marks], tooltips=[("model", model), ("ahead", "@when"), ("error", "@shown")], visible=False
        )
        plot.add_tools(hover)
    return plot


_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def _append(columns: dict[str, list[Any]], time: float, value: float, when: str, shown: str) -> None:
    for name, cell in (("time", time), ("value", value), ("when", when), ("shown", shown)):
        columns[name].append(cell)


def _add_hover(plot: Any, renderer: Any, name: str) -> None:
    tooltips = [("at", "@when UTC"), (name, "@shown")]
    hover = bokeh("models").HoverTool(renderers=[renderer], tooltips=tooltips, mode="mouse", visible=False)
    plot.add_tools(hover)


def _longest_step(times: list[datetime]) -> float:
    """Return up to how many milliseconds apart two points still belong to one line: three usual steps."""
    steps = sorted(after - before for before, after in pairwise(times))
    usual = steps[len(steps) // 2] if steps else timedelta(0)
    return usual.total_seconds() * 3000
