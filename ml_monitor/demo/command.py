"""``python -m ml_monitor demo``: fills the store with a month of models whose troubles are known."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ml_core import logs
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings, resolve_path
from ml_core.errors import Conflict
from ml_core.settings import Settings
from ml_core.store.opening import open_store
from ml_monitor.demo.filling import check_response_times, fill, others_in, refuse_foreign_models
from ml_monitor.demo.response_times import fill_response_times
from ml_monitor.demo.served import Monitor, started_monitor
from ml_monitor.demo.worlds import DAYS


def _read_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter("expected an address such as http://localhost:5001", context, parameter)
    return value


@click.command()
@click.option(
    "--url",
    callback=_read_url,
    help="Post to the monitor that runs there; it must use the same store. Else one is started.",
)
@click.option("--days", type=click.IntRange(1, 365), default=DAYS, show_default=True, help="How long ago it begins.")
@click.option("--yes", is_flag=True, help="Do not ask, also if the store holds data of others.")
def demo(url: str | None, days: int, yes: bool) -> None:
    """Fill the store with a month of demo models, their truths and alerts; again: with what has come since."""
    with plain_errors():
        settings = load_settings()
        logs.configure("WARNING")
        began = time.monotonic()
        store = open_store(settings.store_url.get_secret_value())
        try:
            refuse_foreign_models(store)
            others = others_in(store)
            if others and not yes:
                _confirm(others)
            with _monitor(url, settings) as monitor:
                click.echo(f"posting to {monitor.url}, checking day by day")
                now = clock_of(settings).now()
                artifacts = resolve_path(settings.artifacts_folder)
                new = fill(store, artifacts, settings, monitor, now, click.echo, days)
            fill_response_times(now, click.echo)
            click.echo(f"response times: {check_response_times(store, artifacts, settings, now)}")
        finally:
            store.close()
        click.echo(f"{new:,} rows were new, in {time.monotonic() - began:.0f} s")
        click.echo(f"look at http://{settings.monitor.host}:{settings.monitor.port} (make run-platform starts it)")


def _confirm(others: list[str]) -> None:
    told = f"the store holds data beside the demo: {'; '.join(others)}"
    if not sys.stdin.isatty():
        raise Conflict(f"{told}. Set ML_STORE_URL to a store for the demo alone, or give --yes to add it here")
    click.confirm(f"{told}. Add the demo to it?", abort=True)


@contextmanager
def _monitor(url: str | None, settings: Settings) -> Iterator[Monitor]:
    token = next((secret.get_secret_value() for secret in settings.auth.write_tokens), None)
    if url is None:
        with started_monitor(token) as started:
            yield started
        return
    monitor = Monitor(url, token)
    try:
        yield monitor
    finally:
        monitor.close()
