"""The commands that move or check a whole store: copy, backup, restore, import and verify."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import click

from ml_core.clock import parse_time
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import resolve_path
from ml_core.errors import Conflict, InvalidInput
from ml_core.records import Task
from ml_core.store.backup import back_up
from ml_core.store.command_line import opened, opened_store, shown_progress
from ml_core.store.copying import CopyReport, copy_store
from ml_core.store.importing import ImportedModel, import_models, is_forecast_file, read_forecast
from ml_core.store.opening import absent_place
from ml_core.store.restoring import restore
from ml_core.store.verifying import verify_all

_FILE = click.Path(dir_okay=False, path_type=Path)


def _read_time(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else parse_time(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy the store at the URL FROM into the one at TO; may be repeated, and goes on where it was interrupted."""
    with plain_errors():
        if source == target:
            raise Conflict("FROM and TO are the same store")
        if absent := absent_place(source):
            raise InvalidInput(f"FROM: there is no store at {absent}")
        with opened(source) as read, opened(target) as written, shown_progress() as progress:
            report = copy_store(read, written, progress)
        _tell(report)
        if not report.copied:
            click.echo("nothing is in FROM")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--no-artifacts", is_flag=True, help="Leave the files of trained models out.")
@click.option("--by-weekday", is_flag=True, help="Put the day of the week into the file's name: seven are kept.")
def backup(file: Path, no_artifacts: bool, by_weekday: bool) -> None:
    """Write the store and the artifacts to FILE, a tar.gz; it appears whole or not at all."""
    with opened_store() as (store, settings):
        artifacts = None if no_artifacts else resolve_path(settings.artifacts_folder)
        now = clock_of(settings).now()
        if by_weekday:
            stem, dot, endings = file.name.partition(".")
            file = file.with_name(f"{stem}-{now.isoweekday()}{dot}{endings}")
            file.parent.mkdir(parents=True, exist_ok=True)  # nobody is there to make it when cron calls
        with shown_progress() as progress:
            report = back_up(store, artifacts, file.absolute(), now, progress)
        click.echo(f"{file}: {file.stat().st_size:,} bytes")
        _tell(report)


@click.command("restore")
@click.argument("file", type=_FILE)
def restore_backup(file: Path) -> None:
    """Put the backup FILE into the store, which must be empty, and its artifacts into their folder."""
    with opened_store() as (store, settings):
        with shown_progress() as progress:
            report = restore(file.absolute(), store, resolve_path(settings.artifacts_folder), progress)
        _tell(report)


@click.command()
def verify() -> None:
    """Read all that is kept and tell what is not as it was written; exit status 1 if there is any."""
    with opened_store() as (store, settings):
        with shown_progress() as progress:
            findings = verify_all(store, resolve_path(settings.artifacts_folder), progress)
        for problem in findings.problems:
            click.echo(f"{problem.where}: {problem.found}")
        if findings.problems:
            click.echo(f"{findings.checked}: {len(findings.problems):,} problems", err=True)
            sys.exit(1)
        click.echo(f"{findings.checked}: all as written")


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--task", type=click.Choice(get_args(Task)), help="What all models of a db.json predict.")
@click.option("--series", help="The series that a predictions.json speaks of.")
@click.option("--model", default="lstm", show_default=True, help="The model that made a predictions.json.")
@click.option("--issue-time", callback=_read_time, help="When it was made; its first value is of one step later.")
@click.option("--step-minutes", type=click.FloatRange(0, min_open=True), default=5.0, show_default=True)
@click.option("--bounds", type=(float, float), default=(0.0, 1.0), help="What its scaled values 0 and 1 stand for.")
def import_file(
    file: Path,
    task: Task | None,
    series: str | None,
    model: str,
    issue_time: datetime | None,
    step_minutes: float,
    bounds: tuple[float, float],
) -> None:
    """Take over a db.json of the first system (models with their metrics), or a predictions.json (a forecast)."""
    with opened_store() as (store, settings):
        if not is_forecast_file(file):
            for imported in import_models(store, file, clock_of(settings).now(), task=task):
                click.echo(_told(imported))
            return
        if series is None or issue_time is None:
            raise InvalidInput(f"{file}: holds a forecast without series and time: say --series and --issue-time")
        step = timedelta(minutes=step_minutes)
        forecast = read_forecast(file, series=series, model=model, issue_time=issue_time, step=step, bounds=bounds)
        store.put_forecast(forecast)
        click.echo(f"{series}: a forecast of {len(forecast.steps)} steps by {model}")


def _told(imported: ImportedModel) -> str:
    state = "imported" if imported.is_new else "there already"
    stage = ", champion" if imported.is_champion else ""
    return f"{imported.model}: version {imported.version} {state}{stage}"


def _tell(report: CopyReport) -> None:
    """Print what was copied; exit with status 1 if the target kept other content in the place of some rows."""
    for kind in report.copied:
        there = report.already_there.get(kind, 0)
        click.echo(f"{kind}: {report.copied[kind]:,} copied{f', {there:,} there already' if there else ''}")
    for conflict in report.conflicts:
        click.echo(f"conflict: {conflict}", err=True)
    if report.conflict_count:
        click.echo(f"error: {report.conflict_count:,} records differ in the target and were left there", err=True)
        sys.exit(1)
