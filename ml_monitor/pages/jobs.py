"""The page of jobs at ``/ui/jobs``, one for each job below it, and the form by which one is run now."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from ml_core.errors import Conflict
from ml_core.jobs.job_requests import request_run
from ml_core.jobs.known_jobs import KnownJob
from ml_core.web.forms import check_form
from ml_monitor.pages import forms, frame
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.jobs_reader import (
    JobPage,
    JobsPage,
    job_verdict,
    jobs_verdict,
    known_jobs,
    read_job_page,
    read_jobs_page,
)

ADDRESS = "/ui/jobs"
blueprint = frame.PageBlueprint("jobs", __name__, label="Jobs", address=ADDRESS, is_ranged=False)


@blueprint.get(ADDRESS)
def jobs() -> Response:
    """Show every job, those that need a look first."""
    known, trouble = _known_jobs()
    found = read_jobs_page(frame.store(), known, frame.now(), trouble)
    return frame.respond(
        "jobs.html",
        found,
        jobs_verdict(found),
        tables={"jobs": lambda: _jobs_csv(found)},
        html=lambda: {"crontab": frame.settings().crontab},
    )


@blueprint.get(f"{ADDRESS}/<path:name>")
def job(name: str) -> Response:
    """Show one job with its newest runs; ``?confirm=run`` asks whether to run it now."""
    return _show_job(name, is_asked=request.args.get("confirm") == "run")


@blueprint.post(f"{ADDRESS}/<path:name>/requests")
def ask_for_run(name: str) -> Response:
    """Write a request to run a job, which ``python -m ml_core.jobs run-requested`` picks up."""
    check_form()
    found = _read(name)
    if found.job.refusal:
        return _show_job(name, trouble=found.job.refusal, status=409)
    try:
        request_run(frame.store(), found.job.job, author=forms.text_field("author"), now=frame.now())
    except Conflict as error:
        return _show_job(name, trouble=error.message, status=error.status)
    return forms.done(f"{ADDRESS}/{found.job.job}", "requested")


def _show_job(name: str, *, is_asked: bool = False, trouble: str = "", status: int = 200) -> Response:
    found = _read(name)
    response = frame.respond(
        "job.html",
        found,
        job_verdict(found),
        name=found.job.job,
        tables={"runs": lambda: _runs_csv(found)},
        html=lambda: {"is_asked": is_asked, "form_trouble": trouble, "done": forms.what_was_done()},
    )
    response.status_code = status
    return response


def _read(name: str) -> JobPage:
    known, trouble = _known_jobs()
    return read_job_page(frame.store(), known, name, frame.now(), trouble)


def _known_jobs() -> tuple[Mapping[str, KnownJob], str]:
    return known_jobs(frame.settings())


def _jobs_csv(page: JobsPage) -> str:
    header = ("job", "state", "schedule", "last_slot", "started", "seconds", "message", "next", "command")
    rows = []
    for line in page.jobs:
        last = line.last
        ran = (last.slot, last.started_time, last.seconds, last.message) if last else (None, None, None, "")
        rows.append((line.job, line.state, line.schedule, *ran, line.next_time, line.command))
    return table_csv(header, rows)


def _runs_csv(page: JobPage) -> str:
    header = ("slot", "attempt", "outcome", "started", "finished", "seconds", "holder", "message")
    return table_csv(
        header,
        (
            (
                *(run.slot, run.attempt, run.outcome, run.started_time, run.finished_time),
                *(run.seconds, run.holder, run.message),
            )
            for run in page.runs
        ),
    )
