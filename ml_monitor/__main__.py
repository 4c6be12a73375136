"""``python -m ml_monitor serve | check | demo | report | rules``."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings

# Not imported here: a web process, which also starts from this module, does without the maths of monitoring.
_COMMANDS = {
    "check": ("ml_monitor.check:check", "Judge what is new since the last check, and tell of alerts."),
    "demo": ("ml_monitor.demo.command:demo", "Fill the store with a month of demo models."),
    "report": ("ml_monitor.report.command:report", "Report on models over a period, as a file or a mail."),
    "rules": ("ml_monitor.alerting.rules_command:rules", "List, export and apply alert rules."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def main() -> None:
    """The dashboard and monitoring API."""


@main.command()
def serve() -> None:
    """Serve the app until stopped."""
    from ml_core.web.serving import serve as serve_app

    with plain_errors():
        settings = load_settings()
        serve_app("ml_monitor.app:create_app", "monitor", settings, settings.monitor)


if __name__ == "__main__":
    main()
