"""Shows what the trained models are worth: ``python show_metric_api.py --server http://host:5003``."""

from __future__ import annotations

from pathlib import Path

import click

from cloudwatch_engine.client.common import Server, instance_option, picture_option, server_option, show_picture
from cloudwatch_engine.client.pictures import draw_scores


@click.command()
@server_option
@instance_option
@picture_option
def show_metric(server: str, instance: str | None, png: Path | None) -> None:
    """Print the scores of all models, best first, and draw them."""
    answer = Server(server).get("/compare", instance=instance)
    for model in answer["models"]:
        mark = "*" if model["is_served"] else " "
        scores = model["scores"]
        told = model["reason"] if scores is None else "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        click.echo(f"{mark} {model['label']:<28} {told}")
    show_picture(draw_scores(f"{answer['instance']}: trained up to {answer['cut_off_time']}", answer["models"]), png)


if __name__ == "__main__":
    show_metric()
