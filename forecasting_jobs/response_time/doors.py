"""The commands of the response-time hour by name; each is imported when it is called."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup

_MAIN = "forecasting_jobs.response_time.main"
_COMMANDS = {
    "hourly": (f"{_MAIN}:hourly", "Do all that is due: fetch, forecast and refresh, for missed hours too."),
    "fetch": (f"{_MAIN}:fetch", "Bring the hours of all metrics of all servers into the store."),
    "forecast": (f"{_MAIN}:forecast", "Forecast the next six hours, unless that was done."),
    "refresh": (f"{_MAIN}:refresh", "Renew what the dashboards show of the newest hour."),
    "train": (f"{_MAIN}:train", "Train the six models, and serve them if they beat the naive forecasts."),
    "retrain": ("forecasting_jobs.response_time.retrain:retrain", "Train them anew if somebody has asked for it."),
    "backfill": (f"{_MAIN}:backfill", "Fetch and forecast a stretch of hours again, each as of its own time."),
    "doctor": (f"{_MAIN}:doctor", "List the hours that are missing."),
    "create-tables": (
        "forecasting_jobs.response_time.create_tables_mariaDB:create_tables",
        "Make the first system's tables in MariaDB, and fill them.",
    ),
    "simulate-controller": (
        "forecasting_jobs.response_time.simulate_controller:simulate_controller",
        "Serve the API of a controller over a load that is made up.",
    ),
}


@click.group("response-time", cls=LazyGroup, lazy=_COMMANDS)
def response_time() -> None:
    """The response time of a main server, six hours ahead, every hour."""
