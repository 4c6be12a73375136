"""``python -m ml_monitor report``: one HTML file, or a mail, on what a day, week or month has brought.

With ``--scheduled``, as cron calls it, a period is reported on once, by whichever machine claims it first, as of the
moment at which the report was due.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

import click

from ml_core import logs, mail
from ml_core.clock import parse_time
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings, resolve_path
from ml_core.errors import ConfigurationError
from ml_core.files import file_trouble, replace_file
from ml_core.jobs.runner import ExitCode, Job, run_job
from ml_core.jobs.slots import Schedule
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.opening import open_store
from ml_monitor.report.periods import PERIODS, PeriodName, period_before
from ml_monitor.report.reading import read_report
from ml_monitor.report.rendering import Report, compose, to_html, to_text

log = logging.getLogger(__name__)
_DUE = timedelta(hours=5)
# The Unix epoch was a Thursday: weeks are due on Mondays.
_SCHEDULES: dict[PeriodName, Schedule] = {
    "day": Schedule(timedelta(days=1), _DUE),
    "week": Schedule(timedelta(days=7), timedelta(days=4) + _DUE),
    "month": Schedule(timedelta(days=30), _DUE),
}
_DEADLINE = timedelta(hours=1)


@click.command()
@click.option("--model", "model_ids", multiple=True, help="A model (name or seed id); may be repeated. Default: all.")
@click.option(
    "--period", type=click.Choice(PERIODS), default="week", show_default=True, help="Whole days, to midnight."
)
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this file.")
@click.option("--mail", "by_mail", is_flag=True, help="Send it as a mail, to whom the settings name.")
@click.option("--as-of", help="The period before this time (ISO 8601); default: now.")
@click.option("--scheduled", is_flag=True, help="Once for each period, as cron calls it.")
def report(
    model_ids: tuple[str, ...],
    period: PeriodName,
    path: Path | None,
    by_mail: bool,
    as_of: str | None,
    scheduled: bool,
) -> None:
    """Report on models over a period: what changed, metrics, drifted columns, alerts, forecasts, data."""
    if path is None and not by_mail:
        raise click.UsageError("say where to: --to FILE, --mail, or both")
    if scheduled and as_of:
        raise click.UsageError("--scheduled says by itself as of when: leave --as-of out")
    with plain_errors():
        settings = load_settings()
        logs.configure(settings.log_level)
        clock = clock_of(settings)
        now = clock.now() if as_of is None else _read_time(as_of)
        store = open_store(settings.store_url.get_secret_value())
        try:
            registry = Registry(store, resolve_path(settings.artifacts_folder), clock)

            def work(slot: datetime) -> str:
                return _deliver(_make(registry, model_ids, period, slot), settings, path, by_mail)

            if scheduled:
                job = Job(f"monitor-report-{period}", _SCHEDULES[period], work, deadline=_DEADLINE)
                code = run_job(job, store, clock)
            else:
                click.echo(work(now))
                code = ExitCode.DONE
        finally:
            store.close()
    raise SystemExit(int(code))


def _make(registry: Registry, model_ids: tuple[str, ...], name: PeriodName, as_of: datetime) -> Report:
    period = period_before(name, as_of)
    models = [registry.find(each) for each in model_ids] if model_ids else registry.store.list_models()
    if not models:
        raise ConfigurationError("no model is registered: there is nothing to report on")
    found = []
    for number, model in enumerate(models, start=1):
        found.append(read_report(registry, model, period, as_of))
        log.info("%s: read (%d of %d models)", model.name, number, len(models))
    return compose(found, period, as_of)


def _deliver(made: Report, settings: Settings, path: Path | None, by_mail: bool) -> str:
    """Write and send the report; return what was done. A file is there also if the mail then fails."""
    done = []
    html = to_html(made)
    if path is not None:
        try:
            replace_file(path, html.encode())
        except OSError as error:
            raise file_trouble("write", path, error, "--to") from error
        done.append(f"wrote {path} ({len(html) / 1000:,.0f} kB)")
    if by_mail:
        name = f"report-{made.period.name}-{made.period.last_day:%Y-%m-%d}.html"
        message = mail.new_html_message(
            settings.mail,
            made.title,
            to_text(made),
            made.made_time,
            html_of=lambda source: to_html(made, source),
            pictures=made.pictures,
            attachment=(name, html),
        )
        mail.send(settings.mail, message)
        done.append(f"sent to {', '.join(settings.mail.recipients)}")
    return "; ".join(done)


def _read_time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
