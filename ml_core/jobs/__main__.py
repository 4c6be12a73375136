"""``python -m ml_core.jobs list | history JOB``: what ran, when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from ml_core.clock import Clock
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.errors import NotFound
from ml_core.records import JobRun
from ml_core.store.base import Store
from ml_core.store.opening import open_store


@click.group()
def main() -> None:
    """The history of the suite's cron jobs."""


@main.command("list")
def list_jobs() -> None:
    """Show each job with its newest run."""
    with _opened() as (store, now):
        jobs = store.list_jobs()
        if not jobs:
            click.echo("no job has run yet")
        for job in jobs:
            (run,) = store.list_runs(job, newest=1)
            click.echo(f"{job:<24} {_line(run, now)}")


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


@contextmanager
def _opened() -> Iterator[tuple[Store, datetime]]:
    with plain_errors():
        settings = load_settings()
        store = open_store(settings.store_url.get_secret_value())
        try:
            yield store, Clock(settings.clock_offset).now()
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
