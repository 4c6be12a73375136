"""``python -m ml_monitor serve | rules ...``."""

from __future__ import annotations

import click

from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_monitor.rules_command import rules


@click.group()
def main() -> None:
    """The dashboard and monitoring API."""


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
