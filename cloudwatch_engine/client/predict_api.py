"""Shows a forecast: the newest one, or that of a data set. ``python predict_api.py [metrics.json] --server ...``."""

from __future__ import annotations

from pathlib import Path

import click

from cloudwatch_engine.client.common import Server, instance_option, picture_option, server_option, show_picture
from cloudwatch_engine.report import draw_forecast


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@server_option
@instance_option
@picture_option
def predict(file: Path | None, server: str, instance: str | None, png: Path | None) -> None:
    """Print and draw the newest forecast, or the forecast of FILE (CloudWatch JSON or CSV)."""
    engine = Server(server)
    answer = engine.get("/predictions", instance=instance) if file is None else engine.post("/predictions", file)
    click.echo(f"{answer['instance']}: forecast by {answer['forecaster']}, issued {answer['issue_time']}")
    if answer.get("is_stale"):
        click.echo(f"stale: {answer['stale_reason']}")
    for step in answer["steps"]:
        click.echo(f"{step['valid_time']}  {step['value']:6.2f} %  ({step['lower_80']:.2f} to {step['upper_80']:.2f})")
    click.echo(f"P(above {answer['limit']:g} %): {answer['overload']['probability']:.0%}")
    show_picture(draw_forecast(f"{answer['instance']}: forecast", [], [], answer), png)


if __name__ == "__main__":
    predict()
