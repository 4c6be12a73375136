"""All that a report says of one model, as plain values, and the sentence that it opens with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_core.records import Model
from ml_core.registry import Registry
from ml_monitor.formatting import show_number, show_start
from ml_monitor.pages.alert_lines import AlertLine, firing, read_alert_lines, sentence
from ml_monitor.report.alerts import PeriodAlert, read_alerts
from ml_monitor.report.columns import DriftedColumn, read_drifted
from ml_monitor.report.data import DataLine, read_data
from ml_monitor.report.forecasts import ForecastLine, read_forecasts
from ml_monitor.report.metrics import MetricLine, read_headline, read_metric_lines
from ml_monitor.report.periods import Period
from ml_monitor.results.results_queries import CHECK_COMMAND
from ml_monitor.results.results_store import Group, Result, is_checked

_NAMED = 3


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model in a period. ``is_bad`` says that something fires; ``headline`` are its results by group, for a chart.

    ``drifted_total`` of ``columns_judged`` columns drifted, of which ``drifted`` are the worst.
    """

    model: Model
    verdict: str
    is_bad: bool
    is_checked: bool
    metrics: tuple[MetricLine, ...]
    headline: dict[Group, list[Result]]
    drifted: tuple[DriftedColumn, ...]
    drifted_total: int
    columns_judged: int
    alerts: tuple[PeriodAlert, ...]
    forecasts: tuple[ForecastLine, ...]
    data: DataLine


def read_report(registry: Registry, model: Model, period: Period, now: datetime) -> ModelReport:
    """Return the report on a model; raise ``StoreUnavailable``."""
    store = registry.store
    drifted, drifted_total, columns_judged = read_drifted(registry, model, period)
    metrics, data = read_metric_lines(store, model, period), read_data(store, model, period)
    forecasts, checked = read_forecasts(store, model, period), is_checked(store, model.name)
    lines = firing(read_alert_lines(store, now, model.name))
    return ModelReport(
        model=model,
        verdict=_verdict(lines, metrics, drifted, data, forecasts, checked, now),
        is_bad=bool(lines),
        is_checked=checked,
        metrics=metrics,
        headline=read_headline(store, model, period),
        drifted=drifted,
        drifted_total=drifted_total,
        columns_judged=columns_judged,
        alerts=read_alerts(store, model.name, period, now),
        forecasts=forecasts,
        data=data,
    )


def _verdict(
    lines: Sequence[AlertLine],
    metrics: Sequence[MetricLine],
    drifted: Sequence[DriftedColumn],
    data: DataLine,
    forecasts: Sequence[ForecastLine],
    checked: bool,
    now: datetime,
) -> str:
    """Return what changed: what fires and why, how the headline moved, which column did; or why nothing is known."""
    fires = "; ".join(_fires(lines, drifted, now))
    if not data.predictions and not forecasts:
        last = data.last_prediction_time
        said = f"; the newest is of {show_start(last, now)} UTC" if last is not None else ""
        return _sentences(fires, f"no prediction was logged in this period{said}")
    if not data.predictions:
        steps = f"{sum(line.steps for line in forecasts):,} steps were forecast"
        return _sentences(fires, steps) if fires else f"{steps}; nothing fires."
    if not checked:
        return f"Nothing is known of this model: no check has run yet. {CHECK_COMMAND} makes one."
    headline = next((line for line in metrics if line.is_headline and line.value is not None), None)
    return _sentences(fires or "nothing fires", _headline(headline) if headline else "")


def _fires(lines: Sequence[AlertLine], drifted: Sequence[DriftedColumn], now: datetime) -> list[str]:
    """Return what fires and why, the worst first; of each kind no more than a reader takes in."""
    told = [sentence(line, now) for line in lines if line.cause != "drift"][:_NAMED]
    # Which column moved, and by how much, says more than that an alert on it fires.
    told += [_moved(column, now) for column in drifted if any(line.subject == column.name for line in lines)][:_NAMED]
    return told or [sentence(line, now) for line in lines][:_NAMED]


def _sentences(*texts: str) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts if text)


def _moved(column: DriftedColumn, now: datetime) -> str:
    change = f" ({column.change})" if column.change else ""
    return f"{column.name} drifted since {show_start(column.first_time, now)}{change}"


def _headline(line: MetricLine) -> str:
    assert line.value is not None
    kind = "estimated " if line.is_estimate else ""
    before = "" if line.before is None else f", {show_number(line.before)} in the period before"
    title = line.title if not kind else f"{kind}{line.title}"
    return f"{title[0].upper()}{title[1:]}: {show_number(line.value)}{before}"
