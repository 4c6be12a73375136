"""The commands of the loop: predict, label, check, train anew. Each keeps a history by the first system's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from forecasting_jobs.link_traffic.check_model import JOB as CHECK_JOB
from forecasting_jobs.link_traffic.check_model import ModelVerdict, check_model
from forecasting_jobs.link_traffic.get_predictions import JOB as PREDICTIONS_JOB
from forecasting_jobs.link_traffic.get_predictions import Roll
from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.models_client import client_of
from forecasting_jobs.link_traffic.parts import choose_histories, opened_parts
from forecasting_jobs.link_traffic.retrain import opened_owner
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.train import model_name
from ml_core.clock import format_time, parse_time
from ml_core.commands import plain_errors
from ml_core.errors import FieldError, InvalidInput
from ml_core.jobs.runner import Job, run_job
from ml_core.jobs.slots import Schedule
from ml_core.process_parts import ProcessParts
from ml_core.retraining.command import retrain_command

_STEP = click.Choice(tuple(STEP_NAMES))
_DEADLINE = timedelta(minutes=50)
_HISTORY_DAYS = 7
_NONE_SERVED = "no model of link traffic is served yet"
retrain = retrain_command(opened_owner)


@click.command("get-predictions")
@click.option("--step", "steps", type=_STEP, multiple=True, help="Only this one; all that are served by default.")
@click.option("--input", "file", type=click.Path(path_type=Path), help="A CSV file, instead of links that are made up.")
@click.option("--seed", type=click.IntRange(0), default=SimulatedLinks().seed, show_default=True)
@click.option("--from", "start", help="The first issue time; where the last run ended by default.")
@click.option("--check/--no-check", default=True, show_default=True, help="Check the model after each window.")
def get_predictions(steps: Sequence[str], file: Path | None, seed: int, start: str | None, check: bool) -> None:
    """Forecast all links at every issue time that is due, and send the truth of those that are past."""
    with plain_errors(), opened_parts() as parts:
        begin = _time("--from", start) if start else None
        served = [step for step in steps or STEP_NAMES if _is_served(parts, step)]
        if steps and not served:
            raise InvalidInput("--step: no model of link traffic is served yet: train one first")

        def work(slot: datetime) -> str:
            lines = [roll_on(parts, step, file, seed, begin, is_checked=check) for step in served]
            return "; ".join(lines) or _NONE_SERVED

        code = _run(parts, PREDICTIONS_JOB, work)
    raise SystemExit(code)


@click.command("check-model")
@click.option("--step", "steps", type=_STEP, multiple=True, help="Only this one; all that are served by default.")
def check(steps: Sequence[str]) -> None:
    """Have the monitor check the models, and tell what it found; exits with 3 if one is beyond its bound."""
    with plain_errors(), opened_parts() as parts:
        verdicts: list[ModelVerdict] = []

        def work(slot: datetime) -> str:
            served = [step for step in steps or STEP_NAMES if _is_served(parts, step)]
            verdicts.extend(check_model(parts, model_name(step)) for step in served)
            return "; ".join(verdict.told() for verdict in verdicts) or _NONE_SERVED

        code = _run(parts, CHECK_JOB, work)
    if code == 0 and any(verdict.is_breached for verdict in verdicts):
        raise SystemExit(3)
    raise SystemExit(code)


def roll_on(
    parts: ProcessParts, step: str, file: Path | None, seed: int, start: datetime | None, *, is_checked: bool
) -> str:
    """Roll one model on to now; return what came of it. Raises ``ModelsUnavailable`` and ``CommandFailed``."""
    model, now, section = model_name(step), parts.clock.now(), parts.settings.link_traffic
    days = _HISTORY_DAYS if start is None else max(_HISTORY_DAYS, (now - start).days + 3)
    history = choose_histories([step], file, SimulatedLinks(seed), now, days)[step]
    roll = Roll(client_of(parts.settings, model), history.links, section)
    told: list[str] = []

    def checked(issue_time: datetime) -> None:
        verdict = check_model(parts, model).told()
        click.echo(f"{format_time(issue_time)}: {verdict}", err=True)
        told.append(verdict)

    def tell(issue_time: datetime, number: int, count: int) -> None:
        click.echo(f"{model}: {format_time(issue_time)}, {number} of {count}", err=True)

    first = start or now - roll.stride
    done = roll.run(first, now, checked=checked if is_checked else None, told=tell)
    return "; ".join([f"{model}: {done.told()}", *told[-1:]])


def _run(parts: ProcessParts, name: str, work: Callable[[datetime], str]) -> int:
    """Run a job once for the minute in which it is called, say how it ended, and return the exit code."""
    job = Job(name, Schedule(timedelta(minutes=1)), work, deadline=_DEADLINE, missed="none", is_anytime=True)
    code = run_job(job, parts.store, parts.clock)
    for run in parts.store.list_runs(name, newest=1):
        click.echo(f"{run.state}: {run.message}")
    return int(code)


def _is_served(parts: ProcessParts, step: str) -> bool:
    model = parts.store.get_model(model_name(step))
    return model is not None and model.champion is not None


def _time(option: str, text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}", [FieldError(option, str(error))]) from None
