"""``python -m forecasting_jobs response-time ... | link-traffic ... | schedule``."""

from __future__ import annotations

import click

from forecasting_jobs.link_traffic.doors import link_traffic
from forecasting_jobs.response_time.doors import response_time
from ml_core.commands import LazyGroup

_COMMANDS = {"schedule": ("ml_core.jobs.scheduling:schedule", "Call all jobs of the suite when they are due.")}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def main() -> None:
    """Forecasts that are made by cron jobs, and a schedule for where there is no cron."""


main.add_command(response_time)
main.add_command(link_traffic)

if __name__ == "__main__":
    main(prog_name="python -m forecasting_jobs")
