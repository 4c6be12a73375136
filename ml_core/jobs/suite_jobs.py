"""The jobs of the suite, each in one row: crontab, systemd units, schedule and the dashboard's list are made of it.

A new job is a new row here; ``python -m ml_core.jobs write-examples`` then brings the files under ``deploy`` up to it.
"""

from __future__ import annotations

import shlex

from ml_core.jobs.cron_times import parse_cron
from ml_core.jobs.known_jobs import KnownJob


def _job(name: str, fields: str, command: str, purpose: str, *, own: str = "") -> KnownJob:
    """Return the row of a command that keeps its own history; ``own`` is the setting by which its app starts it."""
    module, *arguments = shlex.split(command)
    return KnownJob(name, purpose, fields, parse_cron(fields), module, tuple(arguments), False, own)


def _recorded(name: str, fields: str, command: str, purpose: str) -> KnownJob:
    """Return the row of a command that is run once for each call, and gets its history by that."""
    return _job(name, fields, f"ml_core.jobs run {name} {command}", purpose)


_CLOUDWATCH = "cloudwatch.schedule"

SUITE_JOBS: dict[str, KnownJob] = {
    job.name: job
    for job in (
        _job(
            "monitor-check",
            "*/5 * * * *",
            "ml_monitor check",
            "judge what is new since the last check, and tell of alerts",
        ),
        _recorded(
            "store-retain",
            "10 3 * * *",
            "ml_core.store retain",
            "forget records that are older than the settings keep them",
        ),
        _recorded(
            "store-compact",
            "30 3 * * *",
            "ml_core.store compact",
            "pack what the store keeps of older days",
        ),
        _recorded(
            "store-backup",
            "0 4 * * *",
            "ml_core.store backup --by-weekday var/backups/store.tar.gz",
            "back the store up, one file for each day of the week",
        ),
        _job(
            "monitor-report-week",
            "0 5 * * 1",
            "ml_monitor report --scheduled --mail",
            "send the report of the week to whom mail.* names, on Monday",
        ),
        _job(
            "cloudwatch-fetch",
            "*/5 * * * *",
            "cloudwatch_engine fetch",
            "bring in the newest metrics of the instances",
            own=_CLOUDWATCH,
        ),
        _job(
            "cloudwatch-forecast",
            "1-59/5 * * * *",
            "cloudwatch_engine forecast",
            "forecast their CPU on what is new",
            own=_CLOUDWATCH,
        ),
        _job(
            "cloudwatch-train",
            "7 */6 * * *",
            "cloudwatch_engine train",
            "train all models that forecast CPU, and serve the best",
            own=_CLOUDWATCH,
        ),
        _job(
            "cloudwatch-report",
            "15 6 * * *",
            "cloudwatch_engine report",
            "mail the forecasts of CPU with their pictures",
            own=_CLOUDWATCH,
        ),
        _job(
            "ART_forecasting",
            "5 * * * *",
            "forecasting_jobs response-time hourly",
            "fetch, forecast and refresh the response time for every hour that is due",
        ),
        _recorded(
            "response-time-train",
            "20 4 * * 1",
            "forecasting_jobs response-time train",
            "tune and train its six models anew, and serve them if they beat the naive forecasts",
        ),
        _job(
            "models-retrain",
            "25 * * * *",
            "ml_models retrain",
            "train our own models anew if an alert or a person asks for it, and look at challengers on trial",
        ),
        _job("anomaly-retrain", "27 * * * *", "anomaly_api retrain", "do the same for the anomaly detector"),
        _job(
            "cloudwatch-retrain",
            "29 * * * *",
            "cloudwatch_engine retrain",
            "do the same for the models that forecast CPU",
        ),
        _job(
            "response-time-retrain",
            "31 * * * *",
            "forecasting_jobs response-time retrain",
            "do the same for the six models of the response time",
        ),
        _job(
            "get_preds",
            "10 * * * *",
            "forecasting_jobs link-traffic get-predictions --no-check",
            "forecast the traffic of links at the issue times that are due, and send the truth of those that are past",
        ),
        _job(
            "check_model",
            "20 6 * * *",
            "forecasting_jobs link-traffic check-model",
            "have the models of link traffic checked, and ask for training where their error is beyond its bound",
        ),
        _job(
            "retrain_model",
            "33 * * * *",
            "forecasting_jobs link-traffic retrain",
            "train the networks of link traffic anew if they are asked for, and look at challengers on trial",
        ),
    )
}

RUN_REQUESTED = _job(
    "run-requested",
    "* * * * *",
    "ml_core.jobs run-requested",
    "run what people have asked for on the dashboard's page of jobs",
)
"""Runs the others, so it is called as they are but is none of those that are shown and asked for."""
