"""``install-cron`` and ``remove-cron``: the lines of the jobs in the user's crontab, shown before they are written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ml_core.commands import plain_errors
from ml_core.config import load_settings, project_root, resolve_path
from ml_core.jobs.cron_block import Place, cron_block, cron_lines, parts_of, with_block
from ml_core.jobs.user_crontab import read_crontab, write_crontab
from ml_core.jobs.wanted_jobs import called_jobs, wanted_jobs
from ml_core.settings import Settings

_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command()
@_YES
def install_cron(yes: bool) -> None:
    """Have cron call all jobs: show their block, and write it into your crontab; the rest of it stays as it is.

    Asks before it changes anything. Without a terminal to ask on, and without --yes, it only shows the block.
    """
    with plain_errors():
        settings = load_settings()
        place = place_here(settings)
        block = cron_block(cron_lines(called_jobs(wanted_jobs(settings).values()), place), place.root)
        before = read_crontab()
        after = with_block(before, block, place.root)
        click.echo(block, nl=False)
        tell_of_variables()
        if after == before:
            click.echo("your crontab has this block already")
        elif _agrees(yes, "Write this block into your crontab?"):
            place.log_folder.mkdir(parents=True, exist_ok=True)
            write_crontab(after)
            click.echo("written: cron calls the jobs from now on; make remove-cron takes the block out again")


@click.command()
@_YES
def remove_cron(yes: bool) -> None:
    """Take the block of the jobs out of your crontab, after showing it; the rest of it stays as it is."""
    with plain_errors():
        above, block, below = parts_of(read_crontab(), project_root())
        if not block:
            click.echo("your crontab has no block of these jobs")
            return
        click.echo(block, nl=False)
        if _agrees(yes, "Take this block out of your crontab?"):
            write_crontab(above + below)
            click.echo("removed: cron calls the jobs no more")


def place_here(settings: Settings) -> Place:
    """Return where the suite stands on this machine, with the variables that name files: those cron can be told."""
    variables = {name: value for name, value in sorted(os.environ.items()) if _names_a_file(name)}
    return Place(project_root(), Path(sys.executable), resolve_path(settings.log_folder), variables)


def _names_a_file(variable: str) -> bool:
    return variable == "ML_CONFIG" or (variable.startswith("ML_") and variable.endswith("_FILE"))


def tell_of_variables() -> None:
    """Say which settings of this shell the jobs will not have: values may be secrets, which no crontab should hold."""
    lost = sorted(name for name in os.environ if name.startswith("ML_") and not _names_a_file(name))
    if lost:
        click.echo(
            f"mind: the jobs will not have {', '.join(lost)} of this shell; put these settings into a file that "
            "ML_CONFIG names, and call this again with ML_CONFIG set",
            err=True,
        )


def _agrees(yes: bool, question: str) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo("nothing was changed: there is nobody to ask here; --yes does it")
        return False
    if click.confirm(question):
        return True
    click.echo("nothing was changed")
    return False
