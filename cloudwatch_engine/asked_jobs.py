"""Trainings that people ask for over HTTP: a row for each, which a process of its own works off.

A request is answered as soon as its row is stored. The row is claimed by a conditional update, so it is worked on once,
and tells how far it is; one whose process died is lost when it has not been touched for a while.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ml_core.clock import Clock, format_time, parse_time
from ml_core.errors import NotFound, SuiteError, Unavailable
from ml_core.ids import id_time, new_id
from ml_core.records import Document
from ml_core.store.base import Store

KIND = "cloudwatch-jobs"
LEASE = timedelta(minutes=20)
_MOST_WAITING = 100
_KEPT = timedelta(days=30)

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many pieces are done, and how many there are."""
Work = Callable[[Mapping[str, Any], Tell], Mapping[str, Any]]
"""Does what a row asks for and returns its result."""


class TooManyJobs(Unavailable):
    """So many jobs wait already that another would only wait behind them."""

    code = "too_many_jobs"


def ask(
    store: Store, clock: Clock, *, instance: str | None, file: str | None, models: Sequence[str] = ()
) -> dict[str, Any]:
    """Store the row of a new job and return it.

    ``instance`` None stands for all, ``file`` is a data set on this machine to be recorded first; without ``models``
    all take part. Raises ``TooManyJobs``.
    """
    now = clock.now()
    documents = store.list_documents(KIND)
    if sum(document.content["state"] == "queued" for document in documents) >= _MOST_WAITING:
        raise TooManyJobs(f"{_MOST_WAITING} jobs wait already; try again when some of them are done")
    for document in documents:
        if parse_time(document.content["asked_time"]) < now - _KEPT:
            store.delete_document(KIND, document.key, expected_revision=document.revision)
    job = new_id(now)
    content = {
        "job": job,
        "state": "queued",
        "instance": instance,
        "file": file,
        "models": list(models),
        "host": socket.gethostname(),
        "asked_time": format_time(now),
        "touched_time": format_time(now),
        "progress": None,
        "message": None,
        "result": None,
    }
    store.put_document(KIND, job, content, expected_revision=None)
    return content


def read(store: Store, job: str, now: datetime) -> dict[str, Any]:
    """Return a job's row; one whose process has fallen silent is ``lost``. Raises ``NotFound``."""
    document = None if id_time(job) is None else store.get_document(KIND, job)
    if document is None:
        raise NotFound("there is no such job; POST /train makes one and answers with its address")
    return shown(document, now)


def newest(store: Store, now: datetime, count: int = 50) -> list[dict[str, Any]]:
    """Return the rows of the newest jobs, newest first."""
    documents = sorted(store.list_documents(KIND), key=lambda document: document.content["asked_time"], reverse=True)
    return [shown(document, now) for document in documents[:count]]


def shown(document: Document, now: datetime) -> dict[str, Any]:
    """Return a row as it is told."""
    content = dict(document.content)
    if content["state"] == "running" and now - parse_time(content["touched_time"]) > LEASE:
        content |= {"state": "lost", "message": "its process ended or stalled; ask for it again"}
    return content


def work_off(store: Store, clock: Clock, work: Work) -> int:
    """Do the jobs that wait on this machine, oldest first, until none does; return how many were done."""
    count = 0
    while (document := _claim(store, clock)) is not None:
        _work(store, clock, document, work)
        count += 1
    return count


def _claim(store: Store, clock: Clock) -> Document | None:
    """Return the oldest waiting job, now running; None if none waits. A claim lost to another process is no matter."""
    waiting = [document for document in store.list_documents(KIND) if _is_ours(document)]
    for document in sorted(waiting, key=lambda document: document.content["asked_time"]):
        content = {**document.content, "state": "running", "touched_time": format_time(clock.now())}
        claimed = store.put_document(KIND, document.key, content, expected_revision=document.revision)
        if claimed is not None:
            return claimed
    return None


def _work(store: Store, clock: Clock, document: Document, work: Work) -> None:
    current = document

    def change(**values: Any) -> None:
        nonlocal current
        content = {**current.content, "touched_time": format_time(clock.now()), **values}
        changed = store.put_document(KIND, current.key, content, expected_revision=current.revision)
        if changed is None:
            raise SuiteError("the row of this job was changed by another process")
        current = changed

    try:
        result = work(document.content, lambda what, done, total: change(progress=[what, done, total]))
    except SuiteError as error:
        change(state="failed", message=error.message)
    except Exception as error:
        change(state="failed", message=f"{type(error).__name__}: {error}")
        raise
    else:
        change(state="done", result=dict(result))


def _is_ours(document: Document) -> bool:
    content = document.content
    return bool(content["state"] == "queued" and content["host"] == socket.gethostname())
