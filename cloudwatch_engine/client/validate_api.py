"""Tries a model on a data set: ``python validate_api.py metrics.json --model lstm --server http://host:5003``."""

from __future__ import annotations

from pathlib import Path

import click

from cloudwatch_engine.client.common import Server, picture_option, server_option, show_picture
from cloudwatch_engine.client.pictures import draw_comparison


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", help="Which model, or several separated by commas; else MODEL of the engine's config.json.")
@server_option
@picture_option
def validate(file: Path, model: str | None, server: str, png: Path | None) -> None:
    """Print the scores on FILE (CloudWatch JSON or CSV), and draw what the best has said beside what came."""
    answer = Server(server).post("/validate", file, model=model)
    for entry in answer["models"]:
        scores = entry["scores"]
        told = entry["reason"] if scores is None else "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        click.echo(f"{entry['label']:<28} {told}")
    for note in answer["notes"]:
        click.echo(f"note: {note}")
    show_picture(draw_comparison(f"{file.name}: true, and predicted by {answer['best']}", answer), png)


if __name__ == "__main__":
    validate()
