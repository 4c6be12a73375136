"""``python -m forecasting_jobs link-traffic ...``: the steps from raw counters to a model that is served."""

from __future__ import annotations

from pathlib import Path

import click

from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.network import Epoch, NetworkSettings
from forecasting_jobs.link_traffic.parts import generated_history, opened_parts, read_history
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from ml_core.commands import plain_errors
from ml_core.errors import InvalidInput

_STEPS = tuple(STEP_NAMES)


@click.command()
@click.option("--step", "steps", type=click.Choice(_STEPS), multiple=True, help="Only this one; both by default.")
@click.option("--input", "file", type=click.Path(path_type=Path), help="A CSV file, instead of links that are made up.")
@click.option("--days", type=click.IntRange(7, 3650), help="Days of made-up traffic up to now.")
@click.option("--seed", type=click.IntRange(0), default=3, show_default=True, help="Of the made-up traffic.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=NetworkSettings().epochs, show_default=True)
def train(steps: tuple[str, ...], file: Path | None, days: int | None, seed: int, epochs: int) -> None:
    """Train the networks, and serve those that beat the naive forecasts."""
    from forecasting_jobs.link_traffic.train import train as train_network

    with plain_errors(), opened_parts() as parts:
        if file is None:
            made_up, now = SimulatedLinks(seed), parts.clock.now()
            histories = {step: generated_history(made_up, step, now, days) for step in steps or _STEPS}
        else:
            found = read_history(file)
            if lacking := [step for step in steps if step not in found]:
                raise InvalidInput(f"--step: {file.name} has no steps short enough for {', '.join(lacking)}")
            histories = {step: found[step] for step in _STEPS if step in (steps or found)}
        for step, history in histories.items():
            settings = NetworkSettings(epochs=epochs)
            done = train_network(parts, history.links, step, history.source, settings=settings, told=_teller(step))
            click.echo(done.told())


def _teller(step: str) -> Epoch:
    def tell(epoch: int, epochs: int, loss: float, validation_loss: float) -> None:
        click.echo(f"{step}: epoch {epoch} of {epochs}, loss {loss:.4f}, in validation {validation_loss:.4f}", err=True)

    return tell
