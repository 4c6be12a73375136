"""The pictures of a report, as PNG by a name that stands for each."""

from __future__ import annotations

from collections.abc import Sequence

from ml_core.plots import Limit, Line, plain_text, shares_chart, time_chart
from ml_monitor.monitoring.performance.catalogue import headline_of
from ml_monitor.monitoring.results import Undefined
from ml_monitor.report.forecasts import ForecastLine
from ml_monitor.report.metrics import bounds_of
from ml_monitor.report.reading import ModelReport
from ml_monitor.results.results_store import Result

Pictures = dict[str, bytes]


def draw(report: ModelReport) -> Pictures:
    """Return the headline metric, each drifted column, each forecast series and the predictions by day."""
    pictures: Pictures = {}
    if any(report.headline.values()):
        pictures["headline"] = _draw_headline(report)
    for number, column in enumerate(report.drifted):
        if column.shares is not None:
            pictures[f"column-{number}"] = shares_chart(plain_text(column.name, 40), column.shares)
    for number, line in enumerate(report.forecasts):
        pictures[f"forecast-{number}"] = _draw_forecast(line)
    if any(count for _, count in report.data.by_day):
        days, counts = zip(*report.data.by_day, strict=True)
        pictures["data"] = time_chart(
            "Predictions by day", "predictions", [Line("predictions", days, counts)], from_zero=True
        )
    return pictures


def _draw_headline(report: ModelReport) -> bytes:
    lines = [
        _line(group, results, is_estimate=group == "estimate") for group, results in report.headline.items() if results
    ]
    results = next(results for results in report.headline.values() if results)
    metric = headline_of(report.model.task, report.model.headline_metric)
    assert metric is not None  # it has results
    lower, upper = zip(*(bounds_of(result, metric.direction) for result in results), strict=True)
    limits = [Limit("threshold", each) for each in (lower, upper) if any(value is not None for value in each)]
    name = plain_text(results[0].name)
    return time_chart(plain_text(f"{results[0].name} of {report.model.name} by day"), name, lines, limits=limits)


def _line(group: str, results: Sequence[Result], *, is_estimate: bool) -> Line:
    values = [None if isinstance(result.value, Undefined) else result.value for result in results]
    label = "estimated before truth came" if is_estimate else "realised"
    errors = [result.standard_error for result in results]
    return Line(label, [result.start_time for result in results], values, errors, dashed=is_estimate)


def _draw_forecast(line: ForecastLine) -> bytes:
    lines = [Line("measured", line.times, line.truths), Line("forecast", line.times, line.values, dashed=True)]
    return time_chart(plain_text(line.series), plain_text(line.series, 40), lines)
