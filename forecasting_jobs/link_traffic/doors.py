"""The commands of link traffic by name; each is imported when it is called."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup

_MAIN = "forecasting_jobs.link_traffic.main"
_COMMANDS = {
    "generate": (f"{_MAIN}:generate", "Write the traffic of sixteen links that are made up."),
    "clean": (f"{_MAIN}:clean", "Clean a collector's rows: names, fields without use, gaps."),
    "eda": (f"{_MAIN}:eda", "Draw all links in one report, and leave out those that cannot be forecast."),
    "experiments": (f"{_MAIN}:experiments", "Train over a range of settings, each a run in MLflow."),
    "train": (f"{_MAIN}:train", "Train the networks, and serve those that beat the naive forecasts."),
}


@click.group("link-traffic", cls=LazyGroup, lazy=_COMMANDS)
def link_traffic() -> None:
    """The traffic of network links, six steps ahead, by the hour and by 5 minutes."""
