"""``python -m cloudwatch_engine serve | run | fetch | forecast | train | retrain | report | ...``."""

from __future__ import annotations

from contextlib import nullcontext

import click

from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings

# Not imported here: the web process starts from this module too, and does without the libraries of the models.
_COMMANDS = {
    "run": ("cloudwatch_engine.commands:run", "Do all that is due: fetch, forecast, report, and train."),
    "fetch": ("cloudwatch_engine.commands:fetch", "Bring the newest metrics of all instances into the store."),
    "forecast": ("cloudwatch_engine.commands:forecast", "Forecast all instances on what is new."),
    "train": ("cloudwatch_engine.commands:train", "Train all models of all instances, and serve the best."),
    "retrain": ("cloudwatch_engine.retrain:retrain", "Train the instances anew for which somebody has asked."),
    "report": ("cloudwatch_engine.commands:report", "Mail the forecasts with their pictures and all scores."),
    "backtest": ("cloudwatch_engine.backtest:backtest", "Write what would have been served at past times."),
    "push-memory": (
        "cloudwatch_engine.push_memory:push_memory",
        "Tell CloudWatch of this instance's memory, swap and disk.",
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def main() -> None:
    """Forecasts of CPU load with an early warning."""


@main.command()
def serve() -> None:
    """Serve the app until stopped, with its jobs on schedule unless cloudwatch.schedule is false."""
    serve_engine(with_schedule=load_schedule())


@main.command(hidden=True)
@click.argument("parent", type=int)
def schedule(parent: int) -> None:
    """Start the jobs when they are due, while the process PARENT lives; ``serve`` calls it."""
    from cloudwatch_engine.schedule import keep_schedule

    with plain_errors():
        keep_schedule(parent)


def load_schedule() -> bool:
    """Return whether the settings want the jobs on schedule."""
    with plain_errors():
        return load_settings().cloudwatch.schedule


def serve_engine(*, with_schedule: bool) -> None:
    """Serve the app, with or without its jobs."""
    from cloudwatch_engine.schedule import scheduled
    from ml_core.web.serving import serve as serve_app

    with plain_errors():
        settings = load_settings()
        with scheduled(settings) if with_schedule else nullcontext():
            serve_app("cloudwatch_engine.app:create_app", "cloudwatch", settings, settings.cloudwatch)


if __name__ == "__main__":
    main()
