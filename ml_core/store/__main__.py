"""``python -m ml_core.store``: what an operator does to the store that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from ml_core.clock import Clock, format_time
from ml_core.clocks import clock_of
from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings
from ml_core.errors import NotFound
from ml_core.settings import MOST_DAYS, RetentionSettings
from ml_core.store import moving, spool_commands
from ml_core.store.base import Store
from ml_core.store.command_line import opened_store
from ml_core.store.erasure import Erasure
from ml_core.store.names import RECORD_KINDS


@click.group(cls=LazyGroup)
def main() -> None:
    """Look after the store that the setting store_url names."""


@main.command("create-tables")
def create_tables() -> None:
    """Make the tables of an empty database; one that has them stays as it is."""
    from ml_core.store import migrating

    with plain_errors():
        migrating.create_tables(_url())
        click.echo("the tables are there")


@main.command()
@click.option("--pending", is_flag=True, help="Only show what would be done.")
def migrate(pending: bool) -> None:
    """Bring a database or an embedded store to this version of the suite; safe to repeat, and to call twice at once."""
    from ml_core.store import migrating

    with plain_errors():
        url = _url()
        if pending:
            revisions = migrating.pending(url)
            click.echo(f"to be done: {', '.join(revisions)}" if revisions else "nothing is to be done")
            return
        applied = migrating.migrate(url, lambda line: click.echo(line, err=True))
        click.echo(f"done: {', '.join(applied)}" if applied else "nothing was to be done")


@main.command()
def stats() -> None:
    """Show how many records are kept, by kind and model."""
    with _opened() as (store, _):
        for kind, models in store.count_records().items():
            click.echo(f"{kind}: {sum(models.values()):,}")
            width = max([32, *map(len, models)])
            for model, rows in sorted(models.items()):
                newest = store.last_prediction_time(model) if kind == "predictions" else None
                click.echo(f"  {model:<{width}} {rows:>12,}{f'  newest {format_time(newest)}' if newest else ''}")


@main.command()
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), help="Keep so many days; else as the settings retention.* say."
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(RECORD_KINDS),
    multiple=True,
    help="Of this kind; may be given more than once.  [default: all, with --days predictions and ground_truths]",
)
def retain(days: int | None, kinds: tuple[str, ...]) -> None:
    """Forget records that are older than the settings say, or than so many days."""
    with opened_store() as (store, settings):
        now = clock_of(settings).now()
        for kind in kinds or (RECORD_KINDS if days is None else RECORD_KINDS[:2]):
            before = now - timedelta(days=days or _days_kept(settings.retention, kind))
            click.echo(f"{kind}: forgetting what is older than {format_time(before)}", err=True)
            click.echo(f"{kind}: {store.drop_before(before, (kind,))[kind]:,} forgotten")


def _days_kept(retention: RetentionSettings, kind: str) -> int:
    if kind == "metric_points":
        return retention.metrics_days
    return retention.series_days if kind in ("observations", "forecasts") else retention.predictions_days


@main.command()
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=3, show_default=True, help="Leave the last days as they are."
)
def compact(days: int) -> None:
    """Pack what the embedded store keeps of older days; have a database give back the room of what was deleted."""
    with opened_store() as (store, settings):
        before = clock_of(settings).now() - timedelta(days=days)
        done = store.compact(before, lambda line: click.echo(line, err=True))
        click.echo(f"{done.parts:,} files or tables: {done.bytes_before:,} bytes became {done.bytes_after:,}")
        if done.superseded:
            click.echo(f"{done.superseded:,} lines left out that later ones had superseded")
        if done.damaged:
            click.echo(f"{done.damaged:,} damaged lines kept as they are")


@main.command()
@click.argument("model")
@click.argument("prediction_ids", nargs=-1, required=True)
def erase(model: str, prediction_ids: tuple[str, ...]) -> None:
    """Remove all that is stored of some predictions of MODEL.

    That is features, values and truths with their history, what hidden versions of the model said of them, and the
    metrics that scripts tracked of them.
    """
    with _opened(with_spool=True) as (store, _):
        gone = store.erase(model, prediction_ids)
        if not gone.found:
            raise NotFound(f"none of the {len(prediction_ids)} ids is stored for model {model!r}")
        click.echo(f"erased {gone.found} of {len(set(prediction_ids))} predictions of {model}: {_what_went(gone)}")


def _what_went(gone: Erasure) -> str:
    parts = {
        "served": gone.predictions,
        "ground truths": gone.ground_truths,
        "said by hidden versions": gone.shadows,
        "tracked lines": gone.tracked,
        "set apart": gone.set_apart,
    }
    return ", ".join(f"{name} {count:,}" for name, count in parts.items())


for _command in (spool_commands.replay, spool_commands.poisoned, spool_commands.requeue):
    main.add_command(_command)


def _url() -> str:
    return load_settings().store_url.get_secret_value()


@contextmanager
def _opened(*, with_spool: bool = False) -> Iterator[tuple[Store, Clock]]:
    with opened_store(with_spool=with_spool) as (store, settings):
        yield store, clock_of(settings)


for command in (moving.copy, moving.backup, moving.restore_backup, moving.verify, moving.import_file):
    main.add_command(command)


if __name__ == "__main__":
    main()
