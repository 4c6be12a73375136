"""Requests to run a job now, as documents: a page writes one, and ``python -m ml_core.jobs run-requested`` picks it up.

A request names a job and nothing else: what is run is what the table of jobs, or the crontab, says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from ml_core.clock import format_time, parse_time
from ml_core.errors import Conflict
from ml_core.records import Document
from ml_core.store.base import Store

KIND = "job_requests"
RequestState = Literal["requested", "running", "done", "failed", "refused"]
STATES: tuple[RequestState, ...] = get_args(RequestState)
GIVEN_UP_AFTER = timedelta(hours=6)
"""A request that is open for longer may be made anew: whoever took it up has ended without a word."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class JobRequest:
    """The newest request to run a job; ``message`` says how it ended."""

    job: str
    state: RequestState
    requested_time: datetime
    author: str
    changed_time: datetime
    message: str = ""
    revision: int = 0

    def is_open(self, now: datetime) -> bool:
        """Return whether it still waits or runs."""
        return self.state in ("requested", "running") and now - self.changed_time < GIVEN_UP_AFTER


def request_run(store: Store, job: str, *, author: str, now: datetime) -> JobRequest:
    """Ask for a job to be run now; raise ``Conflict`` while an earlier request of it is open."""
    for _ in range(_ATTEMPTS):
        document = store.get_document(KIND, job)
        before = _request(document) if document else None
        if before is not None and before.is_open(now):
            raise Conflict(f"{job} is {before.state} already, since {format_time(before.changed_time)}")
        request = JobRequest(job, "requested", now, author, now)
        if (stored := _put(store, request, document.revision if document else None)) is not None:
            return stored
    raise Conflict(f"others ask for {job} all the time; try again")


def list_requests(store: Store) -> dict[str, JobRequest]:
    """Return the newest request of each job that was ever asked for, by job."""
    return {document.key: _request(document) for document in store.list_documents(KIND)}


def move_request(
    store: Store, request: JobRequest, state: RequestState, *, now: datetime, message: str = ""
) -> JobRequest | None:
    """Return the request in its next state; None if another process was first."""
    moved = JobRequest(request.job, state, request.requested_time, request.author, now, message)
    return _put(store, moved, request.revision)


def _put(store: Store, request: JobRequest, expected: int | None) -> JobRequest | None:
    content = {
        "state": request.state,
        "requested_time": format_time(request.requested_time),
        "author": request.author,
        "changed_time": format_time(request.changed_time),
        "message": request.message,
    }
    stored = store.put_document(KIND, request.job, content, expected_revision=expected)
    return None if stored is None else _request(stored)


def _request(document: Document) -> JobRequest:
    content = document.content
    return JobRequest(
        job=document.key,
        state=content["state"],
        requested_time=parse_time(content["requested_time"]),
        author=content["author"],
        changed_time=parse_time(content["changed_time"]),
        message=content["message"],
        revision=document.revision,
    )
