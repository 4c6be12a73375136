"""The applications whose response times are forecast: what the sheets can show of each, and its early warning.

``forecasting_jobs`` writes this by every refresh: documents of the kinds below, and metric points of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml_core.clock import parse_time
from ml_core.store.base import Store
from ml_monitor.formatting import show_duration, show_number, show_share, show_time

KIND = "response-time-applications"
HOUR = timedelta(hours=1)
_LOOK_BACK = (timedelta(days=2), timedelta(days=31))
_OLD = 3 * HOUR
_METRICS = ("early_warning_probability", "early_warning_limit", "early_warning_lead_hours")


@dataclass(frozen=True, slots=True)
class Application:
    """One application as of ``until_time``, the end of its newest hour.

    ``metrics`` are labels by name, ``references`` days by name, ``series`` names by server and metric.
    """

    name: str
    until_time: datetime
    main_server: str
    servers: tuple[str, ...]
    metrics: Mapping[str, str]
    references: Mapping[str, int]
    model: str
    horizon: int
    series: Mapping[str, Mapping[str, str]]

    @property
    def main_metric(self) -> str:
        """The metric that is forecast."""
        return next(iter(self.metrics))

    @property
    def main_series(self) -> str:
        """The series that is forecast."""
        return self.series[self.main_server][self.main_metric]


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """What the newest forecast says of the limit: the probability of more within its hours, and when bounds cross it.

    ``crossing_time`` is the start of the first hour whose upper 95 % bound does, ``lead_hours`` how far that is ahead
    of ``issue_time``, the start of the newest hour that the forecast knew. None if no bound crosses.
    """

    issue_time: datetime
    probability: float
    limit: float
    lead_hours: int | None
    crossing_time: datetime | None


@dataclass(frozen=True, slots=True)
class WarningLine:
    """The early warning of an application in a line; ``is_warning`` if a bound crosses the limit."""

    application: str
    is_warning: bool
    words: str


def read_applications(store: Store) -> dict[str, Application]:
    """Return all applications by name."""
    return {document.key: _application(document.key, document.content) for document in store.list_documents(KIND)}


def read_warning(store: Store, model: str, now: datetime) -> EarlyWarning | None:
    """Return what a model's newest forecast says of its limit; None if it has not forecast for a month."""
    for back in _LOOK_BACK:
        table = store.metric_table(model, now - back, now, _METRICS)
        if table.empty:
            continue
        newest = table["start_time"].max()
        rows = table[table["start_time"] == newest].drop_duplicates("metric", keep="last")
        values = dict(zip(rows["metric"], rows["mean"].astype(float), strict=True))
        if len(values) >= 2:
            issued, lead = newest.to_pydatetime(), values.get("early_warning_lead_hours")
            hours = None if lead is None else round(lead)
            crossing = None if hours is None else issued + hours * HOUR
            return EarlyWarning(issued, values[_METRICS[0]], values[_METRICS[1]], hours, crossing)
    return None


def read_warning_lines(store: Store, now: datetime) -> tuple[WarningLine, ...]:
    """Return the early warning of each application, those that warn first."""
    lines = []
    for name, application in read_applications(store).items():
        warning = read_warning(store, application.model, now)
        is_warning = warning is not None and warning.crossing_time is not None
        lines.append(WarningLine(name, is_warning, warning_words(application, warning, now)))
    return tuple(sorted(lines, key=lambda line: (not line.is_warning, line.application)))


def warning_words(application: Application, warning: EarlyWarning | None, now: datetime) -> str:
    """Return the early warning in a sentence or two, the worst first."""
    if warning is None:
        return f"Nothing is forecast of {application.main_server} yet."
    limit = f"{show_number(round(warning.limit, 1))} ms"
    chance = f"{show_share(warning.probability)} chance of more than {limit} within {application.horizon} hours"
    if warning.crossing_time is None:
        said = f"No early warning for {application.main_server}: {chance}, and no upper bound crosses it."
    else:
        ahead = warning.crossing_time - now
        when = f"in {show_duration(ahead.total_seconds())}" if ahead > timedelta(0) else "which has begun"
        said = (
            f"Early warning for {application.main_server}: {chance}. The upper 95 % bound first crosses it "
            f"in the hour from {show_time(warning.crossing_time, now)} UTC, {when}."
        )
    known = warning.issue_time + HOUR
    return (
        said if now - known < _OLD else f"{said} That forecast is {show_duration((now - known).total_seconds())} old."
    )


def _application(name: str, content: Mapping[str, Any]) -> Application:
    return Application(
        name=name,
        until_time=parse_time(content["until_time"]),
        main_server=content["main_server"],
        servers=tuple(content["servers"]),
        metrics={each["metric"]: each["label"] for each in content["metrics"]},
        references={each["reference"]: each["days"] for each in content["references"]},
        model=content["model"],
        horizon=content["horizon"],
        series=content["series"],
    )
