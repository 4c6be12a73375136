"""What the four sheets of response times show: of one application, by what was chosen of servers, metrics and hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ml_core.errors import FieldError, InvalidInput
from ml_core.store.base import Store
from ml_monitor.pages.forecasts_reader import Measured, Step, read_steps
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.sheet_applications import (
    HOUR,
    Application,
    EarlyWarning,
    read_applications,
    read_warning,
    warning_words,
)
from ml_monitor.pages.sheet_quantiles import (
    Bullet,
    Quantiles,
    make_bullet,
    newest_hour,
    read_hours,
    read_quantiles,
)

SHEETS = {"bullets": "Bullet chart", "art": "ART plots", "servers": "Server plots", "metrics": "Metric plots"}
"""The first system's four sheets, by their addresses."""

ALL = "all"
AVERAGED_HOURS = 4
_DAY = timedelta(days=1)
_PERFORMANCE = ("absolute_error", "coverage_80", "coverage_95")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen of a sheet. ``server`` and ``metric`` may be ``ALL``; ``ahead`` counts hours."""

    application: str
    server: str
    metric: str
    reference: str
    hour: int
    ahead: int


@dataclass(frozen=True, slots=True)
class DayValue:
    """The value of one hour, and what was forecast of it by how many hours before."""

    time: datetime
    value: float
    forecasts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HorizonErrors:
    """How good forecasts have been that looked so many hours ahead; a share is None where there are no bands."""

    ahead: int
    hours: int
    mae: float
    coverage_80: float | None
    coverage_95: float | None


@dataclass(frozen=True, slots=True)
class Averaged:
    """One value of a metric, and the mean of the hours up to and with it."""

    time: datetime
    value: float
    average: float


@dataclass(frozen=True, slots=True)
class SheetPage:
    """One sheet. What belongs to the others is empty; without an application everything is.

    ``errors_until`` is the end of the hours that ``errors`` speak of.
    """

    time: datetime
    sheet: str
    range: TimeRange
    applications: tuple[str, ...]
    application: Application | None = None
    chosen: Chosen | None = None
    warning: EarlyWarning | None = None
    bullets: tuple[Bullet, ...] = ()
    coming: tuple[Bullet, ...] = ()
    measured: tuple[Measured, ...] = ()
    said: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    usual: Mapping[int, Quantiles] | None = None
    days: Mapping[str, tuple[DayValue, ...]] | None = None
    quantiles: tuple[Quantiles, ...] = ()
    errors: tuple[HorizonErrors, ...] = ()
    errors_until: datetime | None = None
    metrics: Mapping[str, tuple[Averaged, ...]] | None = None


def read_sheet(store: Store, sheet: str, time_range: TimeRange, asked: Mapping[str, str], now: datetime) -> SheetPage:
    """Return a sheet as it was asked for; raise ``InvalidInput`` that names what cannot be chosen."""
    applications = read_applications(store)
    names = tuple(applications)
    if not applications:
        return SheetPage(now, sheet, time_range, names)
    application = applications[_choice(asked, "application", names)]
    chosen = _chosen(application, sheet, asked)
    page = SheetPage(
        now, sheet, time_range, names, application, chosen, warning=read_warning(store, application.model, now)
    )
    read = {"bullets": _bullets, "art": _art, "servers": _servers, "metrics": _metrics}[sheet]
    return replace(page, **read(store, application, chosen, time_range))


def sheet_verdict(page: SheetPage) -> str:
    """Return the early warning in a sentence or two."""
    if page.application is None:
        return "No response time is known yet."
    return warning_words(page.application, page.warning, page.time)


def _chosen(application: Application, sheet: str, asked: Mapping[str, str]) -> Chosen:
    """Read what was chosen; where a sheet asks for one server or metric, the main one comes first."""
    servers = (ALL, *application.servers) if sheet == "servers" else application.servers
    metrics = (ALL, *application.metrics) if sheet == "metrics" else tuple(application.metrics)
    hours = tuple(f"{hour:02}" for hour in range(24))
    newest = f"{(application.until_time - HOUR).hour:02}"
    return Chosen(
        application=application.name,
        server=_choice(asked, "server", servers),
        metric=_choice(asked, "metric", metrics),
        reference=_choice(asked, "reference", tuple(application.references)),
        hour=int(_choice(asked, "hour", hours, newest)),
        ahead=int(_choice(asked, "ahead", tuple(str(ahead + 1) for ahead in range(application.horizon)))),
    )


def _choice(asked: Mapping[str, str], name: str, known: tuple[str, ...], default: str = "") -> str:
    value = asked.get(name) or default or known[0]
    if value not in known:
        message = f"expected one of {', '.join(known)[:400]}"
        raise InvalidInput(f"{name}: {message}", [FieldError(name, message)])
    return value


def _bullets(store: Store, application: Application, chosen: Chosen, time_range: TimeRange) -> dict[str, Any]:
    time = newest_hour(application, chosen.hour)
    before = {
        row.server: row
        for row in read_quantiles(store, application, chosen.hour)
        if (row.metric, row.reference) == (chosen.metric, chosen.reference)
    }
    bullets = []
    for server in application.servers:
        values = store.observations(application.series[server][chosen.metric], time, time + HOUR)["value"]
        value = None if values.empty else float(values.iloc[0])
        bullets.append(make_bullet(server, time, value, before.get(server)))
    steps = _newest_steps(store, application)
    hours = [step.valid_time.hour for step in steps]
    usual = read_hours(store, application, hours, application.main_metric, chosen.reference)
    coming = [
        make_bullet(
            f"{number}H", step.valid_time, step.value, usual.get(step.valid_time.hour), (step.lower_95, step.upper_95)
        )
        for number, step in enumerate(steps, start=1)
    ]
    return {"bullets": tuple(bullets), "coming": tuple(coming)}


def _art(store: Store, application: Application, chosen: Chosen, time_range: TimeRange) -> dict[str, Any]:
    series, main = application.main_series, application.main_server
    steps = _newest_steps(store, application)
    shown = store.forecasts(series, time_range.start, application.until_time, model=application.model)
    said = shown[shown["valid_time"] - shown["issue_time"] == chosen.ahead * HOUR]
    days = _same_hour(store, application, main, application.main_metric, chosen)
    errors, until = _errors(store, application)
    return {
        "measured": _measured(store.observations(series, time_range.start, time_range.end)),
        "said": read_steps(said),
        "steps": steps,
        "usual": read_hours(store, application, range(24), application.main_metric, chosen.reference),
        "days": {main: _with_forecasts(store, application, days)},
        "errors": errors,
        "errors_until": until,
    }


def _servers(store: Store, application: Application, chosen: Chosen, time_range: TimeRange) -> dict[str, Any]:
    servers = application.servers if chosen.server == ALL else (chosen.server,)
    days = {server: _same_hour(store, application, server, chosen.metric, chosen) for server in servers}
    rows = read_quantiles(store, application, chosen.hour)
    quantiles = tuple(row for row in rows if (row.metric, row.reference) == (chosen.metric, chosen.reference))
    return {"days": {server: values for server, values in days.items() if values}, "quantiles": quantiles}


def _metrics(store: Store, application: Application, chosen: Chosen, time_range: TimeRange) -> dict[str, Any]:
    metrics = tuple(application.metrics) if chosen.metric == ALL else (chosen.metric,)
    found = {}
    for metric in metrics:
        series = application.series[chosen.server][metric]
        start = time_range.start - (AVERAGED_HOURS - 1) * HOUR
        values = averaged(_measured(store.observations(series, start, time_range.end)))
        found[metric] = tuple(each for each in values if each.time >= time_range.start)
    return {"metrics": found}


def averaged(measured: tuple[Measured, ...]) -> tuple[Averaged, ...]:
    """Return each value with the mean of those known of the last ``AVERAGED_HOURS`` hours, its own the newest.

    Nothing after an hour is in its mean: to draw what came later changes no earlier point.
    """
    found = []
    for place, each in enumerate(measured):
        recent = measured[max(0, place - AVERAGED_HOURS + 1) : place + 1]
        values = [one.value for one in recent if each.time - one.time < AVERAGED_HOURS * HOUR]
        found.append(Averaged(each.time, each.value, sum(values) / len(values)))
    return tuple(found)


def _same_hour(
    store: Store, application: Application, server: str, metric: str, chosen: Chosen
) -> tuple[DayValue, ...]:
    """Return the values of the chosen hour of the day, on the days of the reference and on the newest."""
    newest = newest_hour(application, chosen.hour)
    start = newest - application.references[chosen.reference] * _DAY
    frame = store.observations(application.series[server][metric], start, newest + HOUR)
    return tuple(DayValue(each.time, each.value, {}) for each in _measured(frame[frame["time"].dt.hour == chosen.hour]))


def _with_forecasts(store: Store, application: Application, days: tuple[DayValue, ...]) -> tuple[DayValue, ...]:
    if not days:
        return ()
    frame = store.forecasts(application.main_series, days[0].time, days[-1].time + HOUR, model=application.model)
    said: dict[datetime, dict[str, float]] = {}
    for time, issued, value in zip(frame["valid_time"], frame["issue_time"], frame["value"], strict=True):
        said.setdefault(time.to_pydatetime(), {})[f"{(time - issued) // HOUR}H"] = float(value)
    return tuple(DayValue(each.time, each.value, said.get(each.time, {})) for each in days)


def _newest_steps(store: Store, application: Application) -> tuple[Step, ...]:
    """Return the steps of the newest forecast that was issued; of one of long ago none is still to come."""
    until = application.until_time
    frame = store.forecasts(application.main_series, until, until + application.horizon * HOUR, model=application.model)
    return read_steps(frame[frame["issue_time"] == frame["issue_time"].max()])


def _errors(store: Store, application: Application) -> tuple[tuple[HorizonErrors, ...], datetime | None]:
    end = application.until_time
    # These points begin 30 days before their end; the newest hour may not have been refreshed yet.
    first, last = end - 31 * _DAY, end - 30 * _DAY + HOUR
    table = store.metric_table(application.model, first, last, _PERFORMANCE, segment=None)
    table = table[table["segment"] != ""]
    if table.empty:
        return (), None
    newest = table["end_time"].max()
    found = []
    for segment, rows in table[table["end_time"] == newest].groupby("segment", sort=True):
        values = dict(zip(rows["metric"], zip(rows["count"], rows["mean"], strict=True), strict=True))
        if "absolute_error" not in values:
            continue
        count, error = values["absolute_error"]
        shares = (float(values[name][1]) if name in values else None for name in _PERFORMANCE[1:])
        found.append(HorizonErrors(int(str(segment).removesuffix("H")), int(count), float(error), *shares))
    return tuple(found), newest.to_pydatetime()


def _measured(frame: pd.DataFrame) -> tuple[Measured, ...]:
    times = (time.to_pydatetime() for time in frame["time"])
    return tuple(map(Measured, times, frame["value"].astype(float)))
