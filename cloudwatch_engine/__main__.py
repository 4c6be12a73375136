"""``python -m cloudwatch_engine backtest``."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup

# Not imported here: the web process starts from this module too, and does without the libraries of the models.
_COMMANDS = {
    "backtest": ("cloudwatch_engine.backtest:backtest", "Write what would have been served at past times."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def main() -> None:
    """Forecasts of CPU load with an early warning."""


if __name__ == "__main__":
    main()
