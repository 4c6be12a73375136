"""``python -m anomaly_api serve | train | retrain``."""

from __future__ import annotations

import click

from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings

_LAZY = {
    "train": ("anomaly_api.train:train", "Train the detector and register a version."),
    "retrain": ("anomaly_api.retrain:retrain", "Train the detector anew if somebody has asked for it."),
}


@click.group(cls=LazyGroup, lazy=_LAZY)
def main() -> None:
    """Anomaly predictions with Prometheus metrics."""


@main.command()
def serve() -> None:
    """Serve the app until stopped."""
    from ml_core.web.serving import serve as serve_app

    with plain_errors():
        settings = load_settings()
        listening = settings.anomaly
        serve_app("anomaly_api.app:create_serving_app", "anomaly", settings, listening, also_port=listening.also_port)


if __name__ == "__main__":
    main()
