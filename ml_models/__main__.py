"""``python -m ml_models serve | train | retrain``."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings
from ml_models.retraining import retrain
from ml_models.run_model import train


@click.group(cls=LazyGroup)
def main() -> None:
    """The model registry and serving app."""


@main.command()
def serve() -> None:
    """Serve the app until stopped."""
    from ml_core.web.serving import serve as serve_app

    with plain_errors():
        settings = load_settings()
        serve_app("ml_models.app:create_app", "models", settings, settings.models)


main.add_command(train)
main.add_command(retrain)

if __name__ == "__main__":
    main()
