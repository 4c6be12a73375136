"""``python -m ml_core.jobs``: what ran, what is to run, and who calls it.

``list``, ``history JOB``, ``run NAME MODULE``, ``run-requested``, ``start JOB``, ``install-cron``, ``remove-cron``,
``write-units FOLDER``.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

import click

from ml_core import logs
from ml_core.clock import parse_time
from ml_core.clocks import clock_of
from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings, project_root
from ml_core.errors import InvalidInput, NotFound
from ml_core.jobs.missed_calls import missed_calls, told_missed
from ml_core.jobs.recorded import recorded_job
from ml_core.jobs.run_requested import run_requested
from ml_core.jobs.runner import requested_time, run_job
from ml_core.jobs.systemd_units import unit_name
from ml_core.jobs.wanted_jobs import called_jobs, wanted_jobs
from ml_core.records import JobRun
from ml_core.store.base import Store
from ml_core.store.names import EXPECTED_WORD, is_word
from ml_core.store.opening import open_store

_COMMANDS = {
    "install-cron": ("ml_core.jobs.cron_commands:install_cron", "Have cron call all jobs, by lines in your crontab."),
    "remove-cron": ("ml_core.jobs.cron_commands:remove_cron", "Take these lines out of your crontab."),
    "write-units": ("ml_core.jobs.unit_commands:write_units", "Write the units of all jobs for systemd."),
    "write-examples": ("ml_core.jobs.unit_commands:write_examples", "Bring the examples under deploy up to date."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def main() -> None:
    """The suite's cron jobs: their history, and the ways to run them."""


@main.command("list")
def list_jobs() -> None:
    """Show each job with its newest run, and what it missed since."""
    with _opened() as (store, now):
        known = wanted_jobs(load_settings())
        for job in dict.fromkeys([*store.list_jobs(), *known]):
            runs = store.list_runs(job, newest=1)
            missed = missed_calls(known[job].times, runs[0].started_time, now) if runs and job in known else 0
            told = f"; {told_missed(missed)} since: does cron or the schedule still call it?" if missed else ""
            click.echo(f"{job:<24} {_line(runs[0], now) if runs else 'never ran'}{told}")


@main.command()
@click.argument("job")
@click.option("--newest", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many runs to show.")
@click.option("--logs", is_flag=True, help="Show the end of each run's log as well.")
def history(job: str, newest: int, logs: bool) -> None:
    """Show the runs of one job, newest last."""
    with _opened() as (store, now):
        runs = store.list_runs(job, newest=newest)
        if not runs:
            raise NotFound(f"job {job!r} has not run yet; python -m ml_core.jobs list shows those that have")
        for run in runs:
            click.echo(_line(run, now))
            if logs and run.log_tail:
                click.echo("\n".join(f"    {line}" for line in run.log_tail.splitlines()))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("module")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(name: str, module: str, arguments: tuple[str, ...]) -> None:
    """Run a command of the suite, MODULE with its ARGUMENTS, as the job NAME: once, and with a history."""
    with plain_errors():
        if not is_word(name):
            raise InvalidInput(f"NAME: {EXPECTED_WORD}, not {name[:60]!r}")
        settings = load_settings()
        logs.configure(settings.log_level)
        with closing(open_store(settings.store_url.get_secret_value())) as store:
            code = run_job(recorded_job(name, module, arguments), store, clock_of(settings))
    raise SystemExit(int(code))


@main.command("run-requested")
def run_what_is_requested() -> None:
    """Run the jobs that people have asked for on the page of jobs."""
    with plain_errors():
        settings = load_settings()
        logs.configure(settings.log_level)
        known = wanted_jobs(settings)
        with closing(open_store(settings.store_url.get_secret_value())) as store:
            for request in run_requested(store, clock_of(settings), known):
                click.echo(f"{request.job}: {request.state}: {request.message}")


@main.command()
@click.argument("job")
def start(job: str) -> None:
    """Do what cron does when JOB is due: systemd calls this."""
    with plain_errors():
        called = {unit_name(each): each for each in called_jobs(wanted_jobs(load_settings()).values())}
        if job not in called:
            raise NotFound(f"there is no job {job[:60]!r} to start: expected one of {', '.join(called)}")
        os.chdir(project_root())
        os.execv(sys.executable, [sys.executable, "-m", called[job].module, *called[job].arguments])


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("time")
@click.argument("module")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def now(time: str, module: str, arguments: tuple[str, ...]) -> None:
    """Run a job's command as somebody has asked for it at a time."""
    with plain_errors():
        try:
            requested_time.set(parse_time(time))
        except ValueError as error:
            raise InvalidInput(f"TIME: {error}") from None
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@contextmanager
def _opened() -> Iterator[tuple[Store, datetime]]:
    with plain_errors():
        settings = load_settings()
        store = open_store(settings.store_url.get_secret_value())
        try:
            yield store, clock_of(settings).now()
        finally:
            store.close()


def _line(run: JobRun, now: datetime) -> str:
    slot = f"{run.slot:%Y-%m-%d %H:%M}"
    attempt = f", attempt {run.fence}" if run.fence > 1 else ""
    if run.state == "running":
        lost = now >= run.lease_until_time
        state = "lost: its process ended or stalled" if lost else f"running on {run.holder}"
        return f"{slot}  {state}{attempt}"
    seconds = (run.finished_time - run.started_time).total_seconds() if run.finished_time else 0.0
    message = f": {run.message}" if run.message else ""
    return f"{slot}  {run.state} in {seconds:.1f} s{attempt}{message}"


if __name__ == "__main__":
    main()
