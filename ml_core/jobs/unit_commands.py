"""``write-units`` and ``write-examples``: files that are made of the jobs, for systemd and for those who copy lines."""

from __future__ import annotations

from pathlib import Path

import click

from ml_core.commands import plain_errors
from ml_core.config import load_settings, project_root
from ml_core.errors import InvalidInput
from ml_core.files import replace_file
from ml_core.jobs.cron_block import Place, cron_lines
from ml_core.jobs.cron_commands import place_here, tell_of_variables
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.jobs.systemd_units import PREFIX, units
from ml_core.jobs.wanted_jobs import called_jobs, wanted_jobs

_ROOT = Path("/srv/ml-monitoring-suite")
EXAMPLE_PLACE = Place(_ROOT, _ROOT / ".venv/bin/python", _ROOT / "var/log")
_HEAD = """\
# The suite's cron jobs, made of ml_core/jobs/suite_jobs.py. `make install-cron` writes them with your folder into your
# crontab; to do it by hand put your folder in, make var/log, and install with `crontab`. Each may run on several
# machines: a slot is done once, by whoever claims it first. The comment above a line names its job for the dashboard.
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def write_units(folder: Path) -> None:
    """Write the units of all jobs for systemd into FOLDER, such as ~/.config/systemd/user."""
    with plain_errors():
        settings = load_settings()
        made = units(called_jobs(wanted_jobs(settings).values()), place_here(settings))
        try:
            _write_all(made, folder)
        except OSError as error:
            raise InvalidInput(f"FOLDER: cannot write {folder}: {error.strerror or error}") from None
        tell_of_variables()
    click.echo(
        f"written; to have systemd call the jobs: systemctl --user daemon-reload && "
        f"systemctl --user enable --now {PREFIX}.target"
    )


@click.command(hidden=True)
def write_examples() -> None:
    """Bring the files under deploy that are made of the table of jobs up to date."""
    replace_file(project_root() / "deploy" / "crontab.example", example_crontab().encode())
    _write_all(example_units(), project_root() / "deploy" / "systemd")


def example_crontab() -> str:
    """Return what deploy/crontab.example holds."""
    lines = cron_lines(called_jobs(SUITE_JOBS.values()), EXAMPLE_PLACE)
    return _HEAD + "".join(f"{line}\n" for line in lines)


def example_units() -> dict[str, str]:
    """Return the files of deploy/systemd by name."""
    return units(called_jobs(SUITE_JOBS.values()), EXAMPLE_PLACE)


def _write_all(files: dict[str, str], folder: Path) -> None:
    """Write the units, and remove those of jobs that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PREFIX}-*.timer"):
        if left.name not in files:
            left.unlink()
    for name, content in files.items():
        replace_file(folder / name, content.encode())
