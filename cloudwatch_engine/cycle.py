"""The work of the cron jobs, each for all instances: one that fails is told and does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cloudwatch_engine import asked_jobs
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.fetch import fetch, open_source
from cloudwatch_engine.forecasting import forecast_instance
from cloudwatch_engine.metric_data import read_dataset
from cloudwatch_engine.models import first_names
from cloudwatch_engine.names import CPU, model_name, series_name
from cloudwatch_engine.report import report
from cloudwatch_engine.seed_files import write_answers, write_data
from cloudwatch_engine.training import train_instance
from cloudwatch_engine.uploads import take_upload
from ml_core.clock import format_time
from ml_core.errors import SuiteError
from ml_core.jobs.runner import ExitCode, Job, run_job
from ml_core.jobs.slots import Schedule
from ml_core.records import Observation
from ml_core.retraining.trials import read_trial

log = logging.getLogger(__name__)
_DEADLINE = timedelta(hours=2)


def fetch_job(engine: Engine) -> Job:
    """Bring in the newest metrics, every ``GET_METRIC_INTERVAL``; a failed slot is made good by the next fetch."""

    def work(slot: datetime) -> str:
        source, queries = open_source(engine.section)
        fetched = fetch(engine.store, engine.section, source, queries, engine.clock.now())
        for_each(engine.active_instances(), lambda instance: write_data(engine, instance))
        # Nothing is forecast without CPU; memory that nobody pushes is no more than a warning.
        silent = {row.series: row.newest_time for row in fetched if row.is_silent}
        for_each((series for series in silent if series.endswith(f"/{CPU}")), lambda series: _refuse(silent[series]))
        new, corrected = sum(row.new for row in fetched), sum(row.corrected for row in fetched)
        return f"{len(fetched)} series: {new:,} new points, {corrected:,} corrected" + (
            f", no points of {', '.join(silent)}" if silent else ""
        )

    return _job("cloudwatch-fetch", engine.config.GET_METRIC_INTERVAL, work)


def forecast_job(engine: Engine) -> Job:
    """Issue forecasts on what is new, every ``PREDICT_INTERVAL``.

    An instance that has no model yet is first trained with the quick ones, so that it has a forecast within seconds.
    """

    def forecast(instance: str) -> None:
        known = engine.store.get_model(model_name(instance))
        if known is None or known.champion is None:
            train_instance(engine, instance, names=first_names())
        else:
            forecast_instance(engine, instance)
        write_answers(engine, instance)

    def work(slot: datetime) -> str:
        instances = engine.active_instances()
        for_each(instances, forecast)
        return f"{_counted(instances)} forecast"

    return _job("cloudwatch-forecast", engine.config.PREDICT_INTERVAL, work)


def train_job(engine: Engine) -> Job:
    """Train all models of all instances, every ``TRAIN_INTERVAL``.

    One whose challenger is in the shadow is left alone: a champion of today would end that trial without a verdict.
    """

    def train(instance: str) -> None:
        trial = read_trial(engine.store, model_name(instance))
        if trial is not None and trial.kind == "shadow":
            log.info("%s: version %d is in the shadow, so nothing is trained", instance, trial.hidden)
            return
        train_instance(engine, instance, progress=_told_by(instance))
        write_answers(engine, instance)

    def work(slot: datetime) -> str:
        instances = engine.active_instances()
        for_each(instances, train)
        return f"{_counted(instances)} trained"

    return _job("cloudwatch-train", engine.config.TRAIN_INTERVAL, work)


def report_job(engine: Engine) -> Job:
    """Mail the forecasts, every ``MAIL_INTERVAL``; while the mail server is down each run tries again."""
    return _job("cloudwatch-report", engine.config.MAIL_INTERVAL, lambda slot: report(engine))


def run_jobs(engine: Engine, jobs: Iterable[Callable[[Engine], Job]]) -> ExitCode:
    """Run jobs in order, each for its due slot; return the worst code."""
    codes = {run_job(make(engine), engine.store, engine.clock) for make in jobs}
    return next((code for code in (ExitCode.FAILED, ExitCode.HELD_ELSEWHERE) if code in codes), ExitCode.DONE)


def work_off_asked(engine: Engine) -> int:
    """Do the trainings that people have asked for; return how many were done."""

    def work(content: Mapping[str, Any], tell: asked_jobs.Tell) -> dict[str, Any]:
        instance = content["instance"]
        if content["file"] is not None:
            _record_dataset(engine, instance, take_upload(engine.folder, content["file"]))
        results: dict[str, Any] = {}
        for name in [instance] if instance is not None else engine.active_instances():
            trial = train_instance(engine, name, names=content["models"] or None, progress=tell)
            write_answers(engine, name)
            results[name] = {key: trial[key] for key in ("served", "version", "models")}
        return {"instances": results}

    return asked_jobs.work_off(engine.store, engine.clock, work)


def for_each(names: Iterable[str], work: Callable[[str], object]) -> None:
    """Do the work for each name; afterwards raise one ``SuiteError`` that names those that failed, with the reasons."""
    failed = {}
    for name in names:
        try:
            work(name)
        except SuiteError as error:
            log.error("%s: %s", name, error.message)
            failed[name] = error.message
    if failed:
        raise SuiteError("; ".join(f"{name}: {reason}" for name, reason in failed.items()))


def _record_dataset(engine: Engine, instance: str, content: bytes) -> None:
    """Record the series of a data set as those of an instance, corrected where they were known otherwise."""
    now = engine.clock.now()
    dataset = read_dataset(content)
    forecast, _ = dataset.cpu()
    for (named, metric), points in dataset.series.items():
        whose = instance if named == forecast else named
        rows = [Observation(time, value, now, correct=True) for time, value in points.items()]
        engine.store.record_observations(series_name(whose, metric), rows)


def _refuse(newest_time: datetime | None) -> None:
    since = "came" if newest_time is None else f"came since {format_time(newest_time)}"
    raise SuiteError(f"no points {since}; is the instance running, and are its dimensions named in queries.json?")


def _counted(instances: Collection[str]) -> str:
    return "1 instance" if len(instances) == 1 else f"{len(instances):,} instances"


def _told_by(instance: str) -> asked_jobs.Tell:
    def tell(what: str, done: int, total: int) -> None:
        log.info("%s: %s (%d of %d)", instance, what, done, total)

    return tell


def _job(name: str, seconds: int, work: Callable[[datetime], str]) -> Job:
    return Job(name, Schedule(timedelta(seconds=seconds)), work, deadline=_DEADLINE, missed="last")
