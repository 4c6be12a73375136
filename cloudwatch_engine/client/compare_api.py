"""Shows what the served model has said beside what came: ``python compare_api.py --server http://host:5003``."""

from __future__ import annotations

from pathlib import Path

import click

from cloudwatch_engine.client.common import Server, instance_option, picture_option, server_option, show_picture
from cloudwatch_engine.client.pictures import draw_comparison


@click.command()
@server_option
@instance_option
@picture_option
def compare(server: str, instance: str | None, png: Path | None) -> None:
    """Draw the newest true values and what was predicted for them."""
    answer = Server(server).get("/compare", instance=instance)
    click.echo(f"{answer['instance']}: {len(answer['true'])} values, predicted by {answer['served']}")
    show_picture(draw_comparison(f"{answer['instance']}: true and predicted", answer), png)


if __name__ == "__main__":
    compare()
