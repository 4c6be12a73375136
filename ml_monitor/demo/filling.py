"""Fills a store with the demo: day by day it posts what came that day, and then has the day checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_core.clock import Clock, format_time, parse_time
from ml_core.errors import Conflict, SuiteError
from ml_core.jobs.runner import ExitCode, Job, run_job
from ml_core.jobs.slots import Schedule
from ml_core.registry import Registry
from ml_core.settings import MailSettings, Settings, WebhookSettings
from ml_core.store.base import Store
from ml_monitor.alerting.rules import list_rules
from ml_monitor.alerting.telling import send_due
from ml_monitor.check import INTERVAL, JOB, Summary, check_models
from ml_monitor.demo import response_times
from ml_monitor.demo.days import predictions_between, reference_csv, truths_between
from ml_monitor.demo.served import Monitor
from ml_monitor.demo.visits import KNOWN_AFTER, SERIES, forecast_of, visits_of
from ml_monitor.demo.worlds import DAYS, WORLDS

KIND, KEY = "demo", "filled"
DAY = timedelta(days=1)
CHECKED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a demo is: everything before ``until`` is there."""

    first_day: date
    until: datetime


def read_progress(store: Store) -> Progress | None:
    """Return how far the demo of a store is, or None if it has none."""
    document = store.get_document(KIND, KEY)
    if document is None:
        return None
    content = document.content
    return Progress(date.fromisoformat(content["first_day"]), parse_time(content["until"]))


def others_in(store: Store) -> list[str]:
    """Return what the store holds beside the demo: kinds of records with the models or series that they are of."""
    own = {*(world.name for world in WORLDS), SERIES, response_times.MODEL}
    counts = {
        kind: sorted(name for name in set(of) - own if not name.startswith(response_times.SERIES))
        for kind, of in store.count_records().items()
    }
    return [f"{kind} of {', '.join(names[:5])}" for kind, names in counts.items() if names]


def refuse_foreign_models(store: Store) -> None:
    """Raise ``Conflict`` if a model of a demo's name is not the demo's."""
    if read_progress(store) is None:
        taken = [world.name for world in WORLDS if store.get_model(world.name) is not None]
        if taken:
            raise Conflict(f"there is a model {taken[0]!r} already, which no demo has made")


def fill(
    store: Store,
    artifacts: Path,
    settings: Settings,
    monitor: Monitor,
    now: datetime,
    tell: Callable[[str], None],
    days_before: int = DAYS,
) -> int:
    """Post and check what the demo lacks up to ``now``, of so many days before today; return how many rows were new.

    A demo that was begun goes on where it ended, and a day that was posted before does no harm. Nobody is told of its
    alerts. Raises ``DeliveryFailed`` for what the monitor does not take, and ``SuiteError`` for a check that failed.
    """
    progress = read_progress(store)
    if progress is None:
        start = datetime(now.year, now.month, now.day, tzinfo=UTC) - days_before * DAY
        progress = Progress(start.date(), start)
        _save(store, progress)
    _register(store, monitor, progress)
    days = -((progress.until - now) // DAY)
    new = 0
    for number in range(1, days + 1):
        start = progress.until
        end = min(now, _midnight_after(start))
        rows = _post(store, monitor, progress.first_day, start, end)
        said = _check(store, artifacts, settings, min(now, end + CHECKED_AFTER))
        progress = Progress(progress.first_day, end)
        _save(store, progress)
        new += rows
        tell(f"{number:>3} of {days}  {start.date()}  {rows:>6,} rows  {said}")
    return new


def check_response_times(store: Store, artifacts: Path, settings: Settings, now: datetime) -> str:
    """Check what was forecast of response times, telling nobody; return what it came to, and raise ``SuiteError``."""
    registry = Registry(store, artifacts, Clock(now - Clock().now()))
    rules = list_rules(store)
    summary = check_models(registry, _silent(settings), [registry.find(response_times.MODEL)], rules)
    if summary.failed:
        raise SuiteError(f"the check of {response_times.MODEL} failed: {summary.failed[response_times.MODEL]}")
    return summary.told()


def _register(store: Store, monitor: Monitor, progress: Progress) -> None:
    """Register the models with their references; those that are there stay as they are."""
    for world in WORLDS:
        body = {"name": world.name, "title": world.title, "task": world.task}
        monitor.register(body | ({"headline_metric": world.headline_metric} if world.headline_metric else {}))
        if store.get_model(world.name) is None:
            raise Conflict(f"{monitor.url} writes into another store than these settings name (store_url)")
        monitor.put_reference(world.name, reference_csv(world, progress.first_day))


def _post(store: Store, monitor: Monitor, first_day: date, start: datetime, end: datetime) -> int:
    """Post the predictions made, and the truths and observations known, in ``start <= time < end``."""
    new = 0
    for world in WORLDS:
        predictions = predictions_between(world, first_day, start, end)
        new += monitor.post("/predictions", "predictions", predictions, model=world.name)
        truths = truths_between(world, first_day, start, end)
        new += monitor.post("/ground-truth", "ground_truths", truths, model=world.name)
    new += monitor.post("/ground-truth", "ground_truths", _observations(first_day, start, end))
    for day in range((start.date() - first_day).days, (end.date() - first_day).days + 1):
        forecast = forecast_of(first_day, day)
        # Forecasts are what jobs write: no address takes them.
        if forecast is not None and start <= forecast.issue_time + timedelta(minutes=1) < end:
            store.put_forecast(forecast)
    return new


def _observations(first_day: date, start: datetime, end: datetime) -> list[dict[str, Any]]:
    hour = timedelta(hours=1)
    found = []
    for day in range(max(0, (start.date() - first_day).days - 1), (end.date() - first_day).days + 1):
        for time, value in visits_of(first_day, day):
            known = time + hour + KNOWN_AFTER
            if start <= known < end:
                row = {"series": SERIES, "valid_time": format_time(time), "value": value}
                found.append(row | {"received_time": format_time(known)})
    return found


def _check(store: Store, artifacts: Path, settings: Settings, as_of: datetime) -> str:
    """Check the demo's models as of a time, as a run of the job; return what it came to."""
    silent = _silent(settings)
    clock = Clock(as_of - Clock().now())
    registry = Registry(store, artifacts, clock)
    summaries: list[Summary] = []

    def work(slot: datetime) -> str:
        rules = list_rules(store)
        summaries.append(check_models(registry, silent, [registry.find(world.name) for world in WORLDS], rules))
        send_due(store, rules, silent, clock.now())
        return summaries[-1].told()

    code = run_job(Job(JOB, Schedule(INTERVAL), work, missed="none"), store, clock)
    if code is ExitCode.FAILED:
        reason = "; ".join(f"{model}: {why}" for summary in summaries for model, why in summary.failed.items())
        raise SuiteError(f"the check as of {format_time(as_of)} failed: {reason or 'see the log'}")
    moves = [
        f"{move.alert.state.key.model}: {move.alert.state.key.cause} of {move.alert.state.key.subject} {move.after}"
        for summary in summaries
        for move in summary.moves
        if move.after in ("firing", "resolved")
    ]
    more = f" and {len(moves) - 2} more" if len(moves) > 2 else ""
    return "; ".join(moves[:2]) + more if moves else "checked"


def _silent(settings: Settings) -> Settings:
    return settings.model_copy(update={"mail": MailSettings(), "webhook": WebhookSettings()})


def _save(store: Store, progress: Progress) -> None:
    content = {"first_day": progress.first_day.isoformat(), "until": format_time(progress.until)}
    found = store.get_document(KIND, KEY)
    if store.put_document(KIND, KEY, content, expected_revision=found.revision if found else None) is None:
        raise Conflict("another process fills this store with the demo at this moment")


def _midnight_after(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
