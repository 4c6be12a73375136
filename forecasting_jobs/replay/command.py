"""``python -m forecasting_jobs replay``: what alerts, retraining and promotions history would have brought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import click

from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.parts import choose_histories, opened_parts
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.train import model_name
from forecasting_jobs.replay.forecast_plans import ForecastPlan, plan_of
from forecasting_jobs.replay.options import read_span, read_time, refuse, refused
from forecasting_jobs.replay.records import replay_records, replayable
from forecasting_jobs.replay.scratch import Scratch, scratch_world
from forecasting_jobs.replay.series import Course, arrivals_of, replay_series
from forecasting_jobs.replay.timeline import Timeline
from forecasting_jobs.replay.traffic import replay_traffic
from ml_core.clock import format_time
from ml_core.commands import plain_errors
from ml_core.config import resolve_path
from ml_core.process_parts import ProcessParts

Replay = Callable[[Scratch], Timeline]
_FILE = click.Path(path_type=Path)
_TRAINED_ON = timedelta(days=60)
_STEP_OF = {model_name(step): step for step in STEP_NAMES}


@click.command()
@click.option("--model", required=True, help="Its name or seed id.")
@click.option("--from", "start", required=True, help="The first time, such as 2026-08-01T00:00:00Z.")
@click.option("--to", "end", required=True, help="The last time; not after now, except for links that are made up.")
@click.option("--every", show_default="1d", help="How often it is checked, such as 30min, 12h or 1d.")
@click.option("--folder", type=_FILE, help="Where the scratch store and the report go; by default below var/replays.")
@click.option(
    "--known-after", help="Forecasts of series: how soon a value counts as known, such as 10min, if not sooner."
)
@click.option("--forecast-every", help="CPU: how often it is forecast, such as 1h, if less often than on schedule.")
@click.option("--without-training", is_flag=True, help="Forecasts of series: leave out the training on schedule.")
@click.option("--input", "file", type=_FILE, help="Link traffic: a CSV file, instead of links that are made up.")
@click.option("--seed", type=click.IntRange(0), show_default=str(SimulatedLinks().seed), help="Of such links.")
@click.option("--change", help="A time from which on the made-up links have another pattern.")
@click.option("--epochs", type=click.IntRange(1, 1000), help="Link traffic: of the first training, if there is one.")
def replay(
    model: str,
    start: str,
    end: str,
    every: str | None,
    folder: Path | None,
    known_after: str | None,
    forecast_every: str | None,
    without_training: bool,
    file: Path | None,
    seed: int | None,
    change: str | None,
    epochs: int | None,
) -> None:
    """Push history through the production path once more, and show what would have happened.

    The store is only read: all that is written goes to a store of the replay's own.
    """
    with plain_errors(), opened_parts() as parts:
        first, last, step = read_time("--from", start), read_time("--to", end), read_span("--every", every or "1d")
        if first >= last:
            raise refused("--to", f"expected a time after {format_time(first)}, not {format_time(last)}")
        known = read_span("--known-after", known_after) if known_after else None
        apart = read_span("--forecast-every", forecast_every) if forecast_every else None
        made_up = SimulatedLinks(
            SimulatedLinks().seed if seed is None else seed, read_time("--change", change) if change else None
        )
        plan = None if model in _STEP_OF else plan_of(parts, model)
        if plan is None:
            of_series = {"--known-after": known, "--without-training": without_training or None}
            refuse(of_series, "expected only for a model that forecasts a series, not links")
        if plan is None or not plan.needs_news:
            refuse({"--forecast-every": apart}, "expected only for a model that forecasts CPU")
        if model in _STEP_OF:
            refuse({"--every": every}, "link traffic is checked after link_traffic.check_every forecasts")
            if file is not None:
                refuse({"--change": change, "--seed": seed}, "expected only without --input")
        else:
            links = {"--input": file, "--seed": seed, "--change": change, "--epochs": epochs}
            refuse(links, "expected only for link traffic")
            if plan is None:
                replayable(parts.registry, model, first, last)
        if last > parts.clock.now() and (model not in _STEP_OF or file is not None):
            raise refused("--to", f"expected a time that is past, not {format_time(last)}")
        if model in _STEP_OF:
            run = _traffic(parts, _STEP_OF[model], file, made_up, (first, last), epochs)
        elif plan is not None:
            run = _series(parts, plan, Course(first, last, step, apart, with_training=not without_training), known)
        else:
            run = _records(parts, model, (first, last), step)
        place = folder or resolve_path("var/replays") / f"{model}-{parts.clock.now():%Y%m%d-%H%M%S}"
        with scratch_world(place, first) as world:
            timeline = run(world)
            files = timeline.write(place)
        click.echo("\n".join(timeline.lines()))
        click.echo(f"written: {', '.join(str(each) for each in files)}")


def _traffic(
    parts: ProcessParts,
    step: str,
    file: Path | None,
    made_up: SimulatedLinks,
    span: tuple[datetime, datetime],
    epochs: int | None,
) -> Replay:
    start, end = span
    days = (end - start + _TRAINED_ON).days
    options = ["--epochs", str(epochs)] if epochs else []

    def run(world: Scratch) -> Timeline:
        links = choose_histories([step], file, made_up, end, days)[step].links
        return replay_traffic(world, parts.registry, step, links, start, end, train_options=options, told=_tell)

    return run


def _series(parts: ProcessParts, plan: ForecastPlan, course: Course, known_after: timedelta | None) -> Replay:
    arrivals = arrivals_of(parts.registry, plan, course.start, known_after)
    return lambda world: replay_series(world, parts.registry, plan, arrivals, course, told=_tell)


def _records(parts: ProcessParts, model: str, span: tuple[datetime, datetime], every: timedelta) -> Replay:
    return lambda world: replay_records(world, parts.registry, model, *span, every, told=_tell)


def _tell(text: str) -> None:
    click.echo(text, err=True)
