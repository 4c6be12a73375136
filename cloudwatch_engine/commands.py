"""The engine's cron commands: each runs for the slot that is due, once on however many machines."""

from __future__ import annotations

import click

from cloudwatch_engine import cycle
from cloudwatch_engine.engine_parts import opened_engine
from cloudwatch_engine.report import report as send_report
from cloudwatch_engine.seed_files import write_answers
from cloudwatch_engine.training import train_instance
from ml_core.commands import plain_errors
from ml_core.errors import InvalidInput
from ml_core.jobs.runner import ExitCode


@click.command()
def fetch() -> None:
    """Bring the newest metrics of all instances into the store."""
    with plain_errors(), opened_engine() as engine:
        code = cycle.run_jobs(engine, [cycle.fetch_job])
    raise SystemExit(int(code))


@click.command()
def forecast() -> None:
    """Forecast all instances on what is new; train the quick models of those that have none."""
    with plain_errors(), opened_engine() as engine:
        code = cycle.run_jobs(engine, [cycle.forecast_job])
    raise SystemExit(int(code))


@click.command()
@click.option("--instance", help="Train this instance alone, at once and outside the slots.")
@click.option("--model", "models", multiple=True, help="With --instance: only this model; may be given several times.")
@click.option("--asked", is_flag=True, help="Do the trainings that people have asked for over HTTP.")
def train(instance: str | None, models: tuple[str, ...], asked: bool) -> None:
    """Train all models of all instances, and serve the best."""
    code = ExitCode.DONE
    with plain_errors(), opened_engine() as engine:
        if asked:
            click.echo(f"{cycle.work_off_asked(engine)} asked for and done")
        elif instance is not None:
            trial = train_instance(engine, instance, names=_names(models), progress=_say)
            write_answers(engine, instance)
            click.echo(f"{instance}: {trial['served']} is served, version {trial['version']}")
        else:
            code = cycle.run_jobs(engine, [cycle.train_job])
    raise SystemExit(int(code))


@click.command()
@click.option("--now", is_flag=True, help="Send at once and outside the slots.")
def report(now: bool) -> None:
    """Mail the forecasts with their pictures and the scores of all models."""
    code = ExitCode.DONE
    with plain_errors(), opened_engine() as engine:
        if now:
            click.echo(send_report(engine))
        else:
            code = cycle.run_jobs(engine, [cycle.report_job])
    raise SystemExit(int(code))


@click.command()
@click.option("--without-training", is_flag=True, help="Leave the training to another command.")
def run(without_training: bool) -> None:
    """Do all that is due: fetch, forecast, report, and train."""
    jobs = [cycle.fetch_job, cycle.forecast_job, cycle.report_job]
    with plain_errors(), opened_engine() as engine:
        code = cycle.run_jobs(engine, jobs if without_training else [*jobs, cycle.train_job])
    raise SystemExit(int(code))


def _names(models: tuple[str, ...]) -> list[str] | None:
    from cloudwatch_engine.models import find_name

    try:
        return [find_name(model) for model in models] or None
    except ValueError as error:
        raise InvalidInput(f"--model: {error}") from None


def _say(what: str, done: int, total: int) -> None:
    click.echo(f"{what} ({done} of {total})", err=True)
