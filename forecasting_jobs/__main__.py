"""``python -m forecasting_jobs response-time ...`` and ``... link-traffic ...``."""

from __future__ import annotations

import click

from forecasting_jobs.link_traffic.doors import link_traffic
from forecasting_jobs.response_time.doors import response_time


@click.group()
def main() -> None:
    """Forecasts that are made by cron jobs."""


main.add_command(response_time)
main.add_command(link_traffic)

if __name__ == "__main__":
    main()
