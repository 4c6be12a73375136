"""``python -m ml_monitor serve | check | rules``."""

from __future__ import annotations

import click

from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_monitor.rules_command import rules


@click.group()
def main() -> None:
    """The dashboard and monitoring API."""


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(arguments: tuple[str, ...]) -> None:
    """Judge what is new since the last check, and tell of alerts."""
    # Imported here: a web process, which also starts from this module, does without the maths of monitoring.
    from ml_monitor.check import check as check_command

    check_command.main(list(arguments), prog_name="python -m ml_monitor check")


@main.command()
def serve() -> None:
    """Serve the app until stopped."""
    from ml_core.web.serving import serve as serve_app

    with plain_errors():
        settings = load_settings()
        serve_app("ml_monitor.app:create_app", "monitor", settings, settings.monitor)


main.add_command(rules)


if __name__ == "__main__":
    main()
