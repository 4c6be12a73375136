"""``python -m ml_monitor check``: evaluates every model, moves the alerts, and tells whom they concern.

Cron may call it as often as it likes, on several machines: each slot of five minutes is done once, by whoever claims it
first. With ``--as-of`` or ``--model`` it runs at once and outside the slots, for replays and for people.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import click

from ml_core import logs
from ml_core.clock import Clock, FixedClock, parse_time
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings, resolve_path
from ml_core.errors import SuiteError
from ml_core.jobs.runner import ExitCode, Job, run_job
from ml_core.jobs.slots import Schedule
from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.opening import open_store
from ml_monitor.alerting.rules import AlertRule, list_rules
from ml_monitor.alerting.telling import send_due
from ml_monitor.evaluation.alert_moves import Move
from ml_monitor.evaluation.closing import close_orphans
from ml_monitor.evaluation.ingest import check_ingest
from ml_monitor.evaluation.model_evaluator import Evaluation, ModelEvaluator

log = logging.getLogger(__name__)
JOB = "monitor-check"
INTERVAL = timedelta(minutes=5)
_DEADLINE = timedelta(hours=2)


@dataclass
class Summary:
    """What a check came to."""

    models: int = 0
    chunks: int = 0
    results: int = 0
    moves: list[Move] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Return the first line, for the history of the job; raise ``SuiteError`` that names the models that failed."""
        if self.failed:
            raise SuiteError("; ".join(f"{model}: {reason}" for model, reason in self.failed.items()))
        return next(self.lines())

    def lines(self) -> Iterator[str]:
        """Yield the summary for people, the trouble last, where it is seen."""
        models, chunks = _counted(self.models, "model"), _counted(self.chunks, "chunk")
        yield f"{models} checked: {chunks} evaluated, {_counted(self.results, 'result')}"
        for move in self.moves:
            if {move.before, move.after} == {"insufficient data", "ok"}:
                continue  # with many models that would be most of the lines, and no news
            key = move.alert.state.key
            segment = f" in {key.segment}" if key.segment else ""
            reason = f" ({move.reason})" if move.reason else ""
            yield f"{key.model}: {key.cause} of {key.subject}{segment}: {move.before} -> {move.after}{reason}"
        yield from self.untold
        for model, reason in self.failed.items():
            yield f"{model}: FAILED: {reason}"


@click.command()
@click.option("--as-of", help="Check as if it were this time (ISO 8601), with what was known then.")
@click.option("--model", "model_id", help="Check this model alone (name or seed id).")
def check(as_of: str | None, model_id: str | None) -> None:
    """Judge what is new since the last check, and tell of alerts."""
    with plain_errors():
        settings = load_settings()
        logs.configure(settings.log_level)
        clock = _clock(settings, as_of)
        store = open_store(settings.store_url.get_secret_value())
        try:
            registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
            summaries: list[Summary] = []

            def work(slot: datetime) -> str:
                summaries.append(check_all(registry, settings, model_id))
                return summaries[-1].told()

            if as_of is None and model_id is None:
                job = Job(JOB, Schedule(INTERVAL), work, deadline=_DEADLINE, missed="none", is_anytime=True)
                code = run_job(job, store, clock)
            else:
                summaries.append(check_all(registry, settings, model_id))
                code = ExitCode.FAILED if summaries[-1].failed else ExitCode.DONE
        finally:
            store.close()
    for summary in summaries:
        for line in summary.lines():
            click.echo(line)
    raise SystemExit(int(code))


def check_all(registry: Registry, settings: Settings, model_id: str | None = None) -> Summary:
    """Evaluate all models, or one, as of the registry's clock, and send what is due.

    Raises ``ModelNotFound``, and ``StoreUnavailable`` if not even the models can be listed.
    """
    models = registry.store.list_models() if model_id is None else [registry.find(model_id)]
    rules = list_rules(registry.store)
    summary = check_models(registry, settings, models, rules)
    for delivery in send_due(registry.store, rules, settings, registry.clock.now()):
        summary.untold += [f"{channel}: NOT SENT: {reason}" for channel, reason in delivery.errors.items()]
    return summary


def check_models(
    registry: Registry, settings: Settings, models: Sequence[Model], rules: Sequence[AlertRule]
) -> Summary:
    """Evaluate models one after the other; one that fails is noted and does not keep the others from being watched."""
    summary = Summary(models=len(models))
    now = registry.clock.now()
    for number, model in enumerate(models, start=1):
        try:
            evaluation = ModelEvaluator(registry, model, rules, now).evaluate()
            evaluation.moves += close_orphans(registry.store, model.name, rules, now)
            evaluation.moves += check_ingest(
                registry.store, model, rules, settings.monitor.stale_after_hours, now, evaluation.issued
            )
        except SuiteError as error:
            log.error("%s: not checked: %s", model.name, error.message)
            summary.failed[model.name] = error.message
        except Exception as error:  # a fault of ours in one model must not leave the others unwatched
            log.exception("%s: not checked", model.name)
            summary.failed[model.name] = f"{type(error).__name__}: {error}"
        else:
            _add(summary, evaluation)
            log.info("%s: %d chunks evaluated (%d of %d models)", model.name, evaluation.chunks, number, len(models))
    return summary


def _add(summary: Summary, evaluation: Evaluation) -> None:
    summary.chunks += evaluation.chunks
    summary.results += evaluation.results
    summary.moves += evaluation.moves
    for note in evaluation.notes:
        log.warning("%s: %s", evaluation.model, note)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clock(settings: Settings, as_of: str | None) -> Clock:
    if as_of is None:
        return clock_of(settings)
    try:
        return FixedClock(parse_time(as_of))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
