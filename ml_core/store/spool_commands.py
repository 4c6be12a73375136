"""The verbs of ``python -m ml_core.store`` for records that wait, or that the database did not take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
import orjson

from ml_core.clock import Clock, format_time
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.errors import NotFound, StoreUnavailable
from ml_core.settings import Settings
from ml_core.store.opening import open_spool
from ml_core.store.spool import Spool

_LOCK_SECONDS = 10.0
_SHOWN_ID = 12  # characters; requeue takes any beginning that fits one record alone


@click.command()
def replay() -> None:
    """Send what waits on this machine to the database now."""
    with _opened() as (settings, spool, clock):
        from ml_core.store.replaying import Replay
        from ml_core.store.sql_store import SqlStore

        with closing(SqlStore(settings.store_url.get_secret_value())) as store, spool.replaying(_LOCK_SECONDS) as mine:
            if not mine:
                raise StoreUnavailable("another process replays what waits now; look again in a moment")
            going = Replay(spool, store, clock)
            for done in going.run():
                click.echo(f"{done}; {spool.status().records:,} still wait", err=True)
        click.echo(f"nothing waits any more: {going.done}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the whole record.")
def poisoned(as_json: bool) -> None:
    """List the records that the database did not take, with the reason."""
    with _opened() as (_, spool, _):
        records = spool.poisoned()
        for record in records:
            if as_json:
                click.echo(orjson.dumps(record, option=orjson.OPT_UTC_Z).decode())
                continue
            name = str(record.row.get("prediction_id", "a damaged line"))
            click.echo(
                f"{record.poison_id[:_SHOWN_ID]}  {format_time(record.time)}  {record.kind} {record.model} {name}"
            )
            click.echo(f"    {record.reason}")
        if not records and not as_json:
            click.echo("no record is set apart")


@click.command()
@click.argument("poison_ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="All that are set apart.")
def requeue(poison_ids: tuple[str, ...], everything: bool) -> None:
    """Put records that were set apart back to the end of what waits, to be tried again."""
    if bool(poison_ids) == everything:
        raise click.UsageError("name the records by the ids that poisoned lists, or give --all")
    with _opened() as (_, spool, clock):
        known = [record.poison_id for record in spool.poisoned()]
        chosen = known if everything else [_find(each, known) for each in poison_ids]
        put_back = spool.requeue(chosen, clock.now())
        left = len(set(chosen)) - put_back
        click.echo(f"{put_back} put back; they are replayed by a running app, or by python -m ml_core.store replay")
        if left:
            click.echo(f"{left} cannot be put back: their lines were damaged, and only what is left of them is known")


def _find(beginning: str, known: list[str]) -> str:
    found = [each for each in known if each.startswith(beginning)]
    if len(found) != 1:
        raise NotFound(f"{len(found) or 'no'} records that are set apart have an id that begins with {beginning!r}")
    return found[0]


@contextmanager
def _opened() -> Iterator[tuple[Settings, Spool, Clock]]:
    with plain_errors():
        settings = load_settings()
        spool = open_spool(settings.store_url.get_secret_value(), settings.spool)
        yield settings, spool, clock_of(settings)
