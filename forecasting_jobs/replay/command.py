"""``python -m forecasting_jobs replay``: what alerts, retraining and promotions history would have brought."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import click

from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.parts import choose_histories, opened_parts
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.train import model_name
from forecasting_jobs.replay.forecast_plans import plan_of
from forecasting_jobs.replay.records import replay_records, replayable
from forecasting_jobs.replay.scratch import Scratch, scratch_world
from forecasting_jobs.replay.series import arrivals_of, replay_series
from forecasting_jobs.replay.timeline import Timeline
from forecasting_jobs.replay.traffic import replay_traffic
from ml_core.clock import format_time, parse_time
from ml_core.commands import plain_errors
from ml_core.config import resolve_path
from ml_core.errors import FieldError, InvalidInput
from ml_core.process_parts import ProcessParts

_FILE = click.Path(path_type=Path)
_SPAN = re.compile(r"([1-9][0-9]{0,3})(min|h|d)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_TRAINED_ON = timedelta(days=60)
_STEP_OF = {model_name(step): step for step in STEP_NAMES}


@click.command()
@click.option("--model", required=True, help="Its name or seed id.")
@click.option("--from", "start", required=True, help="The first time, such as 2026-08-01T00:00:00Z.")
@click.option("--to", "end", required=True, help="The last time; not after now, except for links that are made up.")
@click.option("--every", show_default="1d", help="How often it is checked, such as 30min, 12h or 1d.")
@click.option("--folder", type=_FILE, help="Where the scratch store and the report go; by default below var/replays.")
@click.option("--known-after", help="Forecasts: how soon after its time a value counts as known, if it came later.")
@click.option("--without-training", is_flag=True, help="Forecasts: leave out the training on schedule.")
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
        first, last, step = _time("--from", start), _time("--to", end), _span("--every", every or "1d")
        known = _span("--known-after", known_after) if known_after else None
        if first >= last:
            raise _refused("--to", f"expected a time after {format_time(first)}, not {format_time(last)}")
        made_up = SimulatedLinks(
            SimulatedLinks().seed if seed is None else seed, _time("--change", change) if change else None
        )
        plan = None if model in _STEP_OF else plan_of(parts, model)
        if plan is None:
            of_series = {"--known-after": known, "--without-training": without_training or None}
            _refuse(of_series, "expected only for a model that forecasts a series")
        if model in _STEP_OF:
            _refuse({"--every": every}, "link traffic is checked after link_traffic.check_every forecasts")
            if file is not None:
                _refuse({"--change": change, "--seed": seed}, "expected only without --input")
        else:
            links = {"--input": file, "--seed": seed, "--change": change, "--epochs": epochs}
            _refuse(links, "expected only for link traffic")
            if plan is None:
                replayable(parts.registry, model, first, last)
        if last > parts.clock.now() and (model not in _STEP_OF or file is not None):
            raise _refused("--to", f"expected a time that is past, not {format_time(last)}")
        arrivals = arrivals_of(parts.registry, plan, first, known) if plan else None
        place = folder or resolve_path("var/replays") / f"{model}-{parts.clock.now():%Y%m%d-%H%M%S}"
        with scratch_world(place, first) as world:
            if model in _STEP_OF:
                options = ["--epochs", str(epochs)] if epochs else []
                timeline = _traffic(world, parts, _STEP_OF[model], file, made_up, (first, last), options)
            elif plan is not None and arrivals is not None:
                span, training = (first, last, step), not without_training
                timeline = replay_series(
                    world, parts.registry, plan, arrivals, *span, with_training=training, told=_tell
                )
            else:
                timeline = replay_records(world, parts.registry, model, first, last, step, told=_tell)
            files = timeline.write(place)
        click.echo("\n".join(timeline.lines()))
        click.echo(f"written: {', '.join(str(each) for each in files)}")


def _traffic(
    world: Scratch,
    parts: ProcessParts,
    step: str,
    file: Path | None,
    made_up: SimulatedLinks,
    span: tuple[datetime, datetime],
    options: list[str],
) -> Timeline:
    start, end = span
    days = (end - start + _TRAINED_ON).days
    history = choose_histories([step], file, made_up, end, days)[step]
    return replay_traffic(world, parts.registry, step, history.links, start, end, train_options=options, told=_tell)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _span(option: str, text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise _refused(option, f"expected minutes, hours or days such as 30min, 12h or 1d, not {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def _time(option: str, text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise _refused(option, str(error)) from None


def _refuse(given: Mapping[str, object], reason: str) -> None:
    """Raise ``InvalidInput`` for the first option that was given though it says nothing here."""
    for option, value in given.items():
        if value is not None:
            raise _refused(option, reason)


def _refused(option: str, message: str) -> InvalidInput:
    return InvalidInput(f"{option}: {message}", [FieldError(option, message)])
