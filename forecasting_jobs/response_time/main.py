"""``python -m forecasting_jobs response-time ...``: the hour, and each of its steps alone."""

from __future__ import annotations

from datetime import datetime

import click

from forecasting_jobs.response_time.dashboard_refresh import refresh as refresh_hour
from forecasting_jobs.response_time.fetch_hourly_data import fetch_until, missing_hours, refuse_failures
from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import opened_parts
from forecasting_jobs.response_time.seed_tables import fill_tables
from forecasting_jobs.response_time.sheet_values import SheetReader
from forecasting_jobs.response_time.train_model import train as train_models
from forecasting_jobs.response_time.transform_predict import Kept, is_forecast
from forecasting_jobs.response_time.transform_predict import forecast as forecast_hour
from ml_core.clock import format_time, parse_time
from ml_core.commands import plain_errors
from ml_core.errors import InvalidInput, NotFound
from ml_core.jobs.runner import run_job


@click.command()
def hourly() -> None:
    """Do all that is due: fetch, forecast and refresh, for each hour that was missed too."""
    with plain_errors(), opened_parts() as parts:
        code = run_job(hourly_job(parts), parts.store, parts.clock)
    raise SystemExit(int(code))


@click.command()
def fetch() -> None:
    """Bring the hours of all metrics of all servers into the store."""
    with plain_errors(), opened_parts() as parts:
        fetched = fetch_until(parts, parts.finished(parts.clock.now()))
        click.echo(fetched.told())
        refuse_failures(fetched)


@click.command()
def forecast() -> None:
    """Forecast the next six hours, unless that was done."""
    with plain_errors(), opened_parts() as parts:
        until = parts.finished(parts.clock.now())
        outlook = forecast_hour(parts, until)
        if outlook is None:
            click.echo(f"the hours from {format_time(until)} on are forecast already")
            return
        for step, (value, band) in enumerate(zip(outlook.values, outlook.quantiles, strict=True), start=1):
            time = format_time(outlook.issue_time + step * HOUR)
            click.echo(f"{step}H {time}: {value:.0f} ms (80 %: {band[1]:.0f} to {band[3]:.0f})")
        click.echo(f"more than {outlook.limit:.0f} ms within six hours: {100 * outlook.probability:.0f} %")


@click.command()
def refresh() -> None:
    """Renew what the dashboards show of the newest hour."""
    with plain_errors(), opened_parts() as parts:
        until = parts.finished(parts.clock.now())
        reader = SheetReader(parts, until)
        click.echo(f"{refresh_hour(parts, until, reader)} metric points as of {format_time(until)}")
        fill_tables(parts, until, reader=reader)


@click.command()
@click.option("--trials", type=click.IntRange(1, 200), default=8, show_default=True, help="Settings that are tried.")
def train(trials: int) -> None:
    """Train the six models, and serve them if they beat the naive forecasts."""
    with plain_errors(), opened_parts() as parts:
        history = parts.history(parts.finished(parts.clock.now()))
        click.echo(train_models(parts, history, trials=trials, progress=_say).told())


@click.command()
@click.option("--from", "start", required=True, help="The first hour, such as 2026-11-20T18:00:00Z.")
@click.option("--to", "end", required=True, help="The end of the last hour.")
def backfill(start: str, end: str) -> None:
    """Fetch a stretch of hours again, and forecast each that was not, as of its own time."""
    with plain_errors(), opened_parts() as parts:
        first, last = _hour("--from", start), min(_hour("--to", end), parts.finished(parts.clock.now()))
        if first >= last:
            raise InvalidInput("--to: expected a time after --from, and hours that are over")
        fetched = fetch_until(parts, last, start=first)
        click.echo(fetched.told())
        kept = Kept.until(parts, last)
        issued, without, hours = 0, 0, (last - first) // HOUR
        reader = SheetReader(parts, last)
        for number in range(1, hours + 1):
            until = first + number * HOUR
            _say("forecasting", number, hours)
            try:
                issued += forecast_hour(parts, until, kept) is not None
            except (NotFound, InvalidInput):  # too little is known before this hour; the later ones may have enough
                without += 1
                continue
            refresh_hour(parts, until, reader)
        fill_tables(parts, last, hours=hours, reader=reader)
        click.echo(f"{issued} forecasts issued; of {without} hours too little is known before them")
        refuse_failures(fetched)


@click.command()
def doctor() -> None:
    """List the hours that are missing: values of the servers, and forecasts of the last day."""
    with plain_errors(), opened_parts() as parts:
        until = parts.finished(parts.clock.now())
        gaps = {series: hours for series, hours in missing_hours(parts, until).items() if hours}
        for series, hours in gaps.items():
            click.echo(
                f"{series}: {len(hours)} hours missing, from {format_time(hours[0])} to {format_time(hours[-1])}"
            )
        ends = [until - number * HOUR for number in range(24)]
        unissued = [end for end in reversed(ends) if not is_forecast(parts, end - HOUR)]
        for end in unissued:
            click.echo(f"no forecast was issued as of {format_time(end)}")
        if not gaps and not unissued:
            click.echo("nothing is missing")
    raise SystemExit(1 if gaps or unissued else 0)


def _hour(option: str, text: str) -> datetime:
    try:
        return parse_time(text).replace(minute=0, second=0, microsecond=0)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}") from None


def _say(what: str, done: int, total: int) -> None:
    click.echo(f"{what} ({done} of {total})", err=True)
