"""The hour as a job: fetch, forecast and refresh for each slot that is due, none of them lost.

A slot is done once, whoever calls, and after five missed hours each is made good as of its own time, oldest first: the
errors of an hour are those of the forecasts before it, so where another cron is at one, the later ones are left to it
too. One that failed is tried again by the next call.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.fetch_hourly_data import Fetched, fetch_until
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import JOB, Parts
from forecasting_jobs.response_time.seed_tables import fill_tables
from forecasting_jobs.response_time.sheet_values import SheetReader
from forecasting_jobs.response_time.transform_predict import Kept, forecast
from ml_core.errors import SuiteError
from ml_core.jobs.runner import Job
from ml_core.jobs.slots import Schedule

NAME = JOB
_DEADLINE = timedelta(minutes=55)


def hourly_job(parts: Parts) -> Job:
    """Return the job. What several slots need from the controller and of the store is asked for once."""
    fetched: list[Fetched] = []
    kept: list[Kept] = []
    readers: list[SheetReader] = []

    def work(slot: datetime) -> str:
        until, now = parts.finished(slot), parts.clock.now()
        if not fetched:
            newest = max(until, parts.finished(now))
            fetched.append(fetch_until(parts, newest))
            kept.append(Kept.until(parts, newest))
            readers.append(SheetReader(parts, newest))
        failures = list(fetched[0].failures)
        try:
            forecast(parts, until, kept[0])
        except SuiteError as error:
            failures.append(error.message)
        refresh(parts, until, readers[0])
        try:
            fill_tables(parts, until, reader=readers[0])
        except SuiteError as error:  # what the store keeps is whole; the tables follow when they can be had
            failures.append(error.message)
        if failures := list(dict.fromkeys(failures)):
            more = len(failures) - 3
            raise SuiteError("; ".join(failures[:3]) + (f"; and {more} more" if more > 0 else ""))
        late = (now - slot) // HOUR
        return fetched[0].told() + (f"; {late} hours late" if late > 0 else "")

    schedule = Schedule(HOUR, timedelta(minutes=parts.section.delay_minutes))
    return Job(NAME, schedule, work, deadline=_DEADLINE, missed="all")
