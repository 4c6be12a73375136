"""``python -m forecasting_jobs link-traffic ...``: the steps from raw counters to a model that is served."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import click

from forecasting_jobs.link_traffic.data_clean import clean_file
from forecasting_jobs.link_traffic.eda import explore
from forecasting_jobs.link_traffic.files import write, write_report, write_table
from forecasting_jobs.link_traffic.link_series import STEP_NAMES, read_links
from forecasting_jobs.link_traffic.ml_flow_experiments import experiment, settings_range, tracking
from forecasting_jobs.link_traffic.network import Epoch, NetworkSettings
from forecasting_jobs.link_traffic.parts import GENERATED_DAYS, choose_histories, opened_parts
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.simulated_netstats import netstats
from forecasting_jobs.link_traffic.train import train as train_network
from ml_core.clock import parse_time
from ml_core.commands import plain_errors
from ml_core.config import resolve_path
from ml_core.errors import FieldError, InvalidInput

_FILE, _STEP = click.Path(path_type=Path), click.Choice(tuple(STEP_NAMES))
_SEED = SimulatedLinks().seed


@click.command()
@click.option("--output", type=_FILE, required=True, help="The CSV file to be written.")
@click.option("--step", type=_STEP, default="hourly", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), help="So many days up to --until.")
@click.option("--until", help="The end, such as 2026-11-20T18:00:00Z; now by default.")
@click.option("--seed", type=click.IntRange(0), default=_SEED, show_default=True)
@click.option("--change", help="A time from which on the links have another pattern.")
@click.option("--raw", is_flag=True, help="As a collector writes it down, with all that has to be cleaned.")
def generate(
    output: Path, step: str, days: int | None, until: str | None, seed: int, change: str | None, raw: bool
) -> None:
    """Write the traffic of sixteen links that are made up."""
    with plain_errors(), opened_parts() as parts:
        end = _time("--until", until) if until else parts.clock.now()
        end = end.replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(days=days or GENERATED_DAYS[step])
        made_up = SimulatedLinks(seed, _time("--change", change) if change else None)
        table = (
            netstats(made_up, start, end, STEP_NAMES[step]) if raw else made_up.traffic(start, end, STEP_NAMES[step])
        )
        write_table(output, table)
        click.echo(f"{len(table)} rows written to {output}")


@click.command()
@click.option("--input", "file", type=_FILE, required=True, help="A collector's CSV file, or one of links.")
@click.option("--output", type=_FILE, required=True, help="The clean CSV file; its report lies beside it.")
def clean(file: Path, output: Path) -> None:
    """Clean a collector's rows: names, fields without use, gaps; each drop with its reason."""
    with plain_errors():
        cleaned = clean_file(file)
        write_table(output, cleaned.table)
        write_report(output.with_suffix(".report.json"), cleaned.report())
        for line in cleaned.told():
            click.echo(line)


@click.command()
@click.option("--input", "file", type=_FILE, required=True, help="A clean CSV file.")
@click.option("--output", type=_FILE, required=True, help="The folder of the report.")
def eda(file: Path, output: Path) -> None:
    """Draw all links in one report, and leave out those that cannot be forecast."""
    with plain_errors():
        report = explore(read_links(file))
        for name, picture in report.pictures().items():
            write(output / name, picture)
        write_table(output / "kept.csv", report.kept)
        write(output / "report.html", report.html().encode())
        for drop in report.drops:
            click.echo(f"dropped {drop.what}: {drop.reason}")
        click.echo(f"{output / 'report.html'}: {report.kept.groupby(['link', 'location']).ngroups} links are kept")


@click.command()
@click.option("--step", "steps", type=_STEP, multiple=True, help="Only this one; both by default.")
@click.option("--input", "file", type=_FILE, help="A CSV file, instead of links that are made up.")
@click.option("--days", type=click.IntRange(7, 3650), help="Days of made-up traffic up to now.")
@click.option("--seed", type=click.IntRange(0), default=_SEED, show_default=True, help="Of the made-up traffic.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=NetworkSettings().epochs, show_default=True)
def train(steps: tuple[str, ...], file: Path | None, days: int | None, seed: int, epochs: int) -> None:
    """Train the networks, and serve those that beat the naive forecasts."""
    with plain_errors(), opened_parts() as parts:
        settings = NetworkSettings(epochs=epochs)
        for step, history in choose_histories(steps, file, SimulatedLinks(seed), parts.clock.now(), days).items():
            told = _teller(step)
            done = train_network(parts, history.links, step, history.source, settings=settings, told=told)
            click.echo(done.told())


@click.command()
@click.option("--step", type=_STEP, default="hourly", show_default=True)
@click.option("--input", "file", type=_FILE, help="A CSV file, instead of links that are made up.")
@click.option("--days", type=click.IntRange(7, 3650), help="Days of made-up traffic up to now.")
@click.option("--units", type=click.IntRange(1, 1024), multiple=True, default=(32, 64), show_default=True)
@click.option("--dropout", type=click.FloatRange(0, 0.9), multiple=True, default=(0.1,), show_default=True)
@click.option("--rate", "rates", type=click.FloatRange(1e-6, 1), multiple=True, default=(2e-3,), show_default=True)
@click.option("--epochs", type=click.IntRange(1, 1000), default=20, show_default=True)
def experiments(
    step: str,
    file: Path | None,
    days: int | None,
    units: tuple[int, ...],
    dropout: tuple[float, ...],
    rates: tuple[float, ...],
    epochs: int,
) -> None:
    """Train over a range of settings, each a run in MLflow, and register the best; name an option twice for a range."""
    with plain_errors(), opened_parts() as parts:
        where = tracking(os.environ, resolve_path("var/mlflow"))
        (history,) = choose_histories((step,), file, SimulatedLinks(), parts.clock.now(), days).values()
        ranges = {"units": units, "dropout": dropout, "learning_rate": rates}
        tried = settings_range(NetworkSettings(epochs=epochs), ranges)
        done = experiment(
            parts,
            history.links,
            step,
            history.source,
            tried,
            where,
            told=_teller(step),
            finished=lambda trial: click.echo(trial.told(), err=True),
        )
        click.echo(f"{done.told()}; MLflow run {done.version.lineage['mlflow_run_id']}")


def _teller(step: str) -> Epoch:
    def tell(epoch: int, epochs: int, loss: float, validation_loss: float) -> None:
        click.echo(f"{step}: epoch {epoch} of {epochs}, loss {loss:.4f}, in validation {validation_loss:.4f}", err=True)

    return tell


def _time(option: str, text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}", [FieldError(option, str(error))]) from None
