"""``fetch``: brings the hours of all metrics of all servers into the store.

1. Ask for each metric from some hours before the newest one of its last whole answer, since points come late, or all of
   ``history_days``.
2. Make hours of what comes; the one that is not over yet is never stored.
3. Record what is new, correct what has changed since. To do it again changes nothing.
4. Write the first system's tables of metrics, where there are any.
5. Note how far the metric is known only when all of its servers are stored: who is stopped before asks again.

What fails is one metric, or one server of it: the others are stored, and the failures are told at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from forecasting_jobs.response_time.create_tables_mariaDB import opened_tables
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metric_tables import MetricTables
from forecasting_jobs.response_time.metrics import ALL_METRICS, series_name, series_parts
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sources import Question, Source, opened_source
from ml_core.clock import format_time, parse_time
from ml_core.errors import StoreUnavailable, SuiteError
from ml_core.records import Document, Observation

log = logging.getLogger(__name__)
_AT_ONCE = timedelta(days=30)
FETCHED = "response-time-fetched"
"""Documents that say until when a metric of all servers is known, by application and metric."""


@dataclass(slots=True)
class Fetched:
    """What a fetch came to: hours that are new and corrected, the servers seen, and what failed by metric."""

    new: int = 0
    corrected: int = 0
    servers: int = 0
    failures: tuple[str, ...] = ()

    def told(self) -> str:
        """Return it in a line."""
        return f"{self.servers} servers: {self.new:,} new hours, {self.corrected:,} corrected"


def fetch(
    parts: Parts,
    source: Source,
    until: datetime,
    *,
    start: datetime | None = None,
    metrics: Sequence[str] = ALL_METRICS,
    tables: MetricTables | None = None,
) -> Fetched:
    """Bring all metrics up to ``until``, the end of an hour that is over; from ``start`` on, if told.

    Failures are in what is returned, all else is stored, in ``tables`` too. Raises ``StoreUnavailable``.
    """
    earliest = until - timedelta(days=parts.section.history_days)
    known = {document.key: document for document in parts.store.list_documents(FETCHED)}
    wanted = [
        Question(metric, first, min(first + _AT_ONCE, until), in_detail=tables is not None)
        for metric in metrics
        for first in _starts(start or _start(parts, known.get(_key(parts, metric)), earliest), until)
    ]
    answers = source.hours(parts.section.application, wanted)
    fetched, servers, failures = Fetched(), set[str](), list[str]()
    newest: dict[str, datetime] = {}
    spoilt: set[str] = set()
    for question, answer in zip(wanted, answers, strict=True):
        metric = question.metric
        if isinstance(answer, SuiteError):
            failures.append(f"{metric}: {answer.message}")
            spoilt.add(metric)
            continue
        failures += [f"{metric} of {server}: {reason}" for server, reason in answer.faults.items()]
        if answer.faults:
            spoilt.add(metric)
        for server, hours in answer.values.items():
            servers.add(server)
            _record(parts, series_name(parts.section.application, server, metric), hours, fetched)
            newest[metric] = max([*hours, newest.get(metric, question.start)])
        if tables is not None:
            tables.add(metric, answer)
    if tables is not None:
        tables.done()
    # A stretch that was asked for by its start may leave hours before it unknown, so it says nothing of the others.
    for metric in newest.keys() - spoilt if start is None else ():
        _note(parts, known.get(_key(parts, metric)), _key(parts, metric), newest[metric] + HOUR)
    fetched.servers, fetched.failures = len(servers), tuple(dict.fromkeys(failures))
    for failure in fetched.failures:
        log.error("%s", failure)
    return fetched


def fetch_until(parts: Parts, until: datetime, *, start: datetime | None = None) -> Fetched:
    """Fetch from where the settings say; raise ``ConfigurationError`` or ``InvalidTable`` where that is wrong.

    If the first system's tables cannot be had, all else is done, and that is among the failures.
    """
    trouble: tuple[str, ...] = ()
    with ExitStack() as stack:
        try:
            tables = stack.enter_context(opened_tables(parts))
        except StoreUnavailable as error:
            tables, trouble = None, (error.message,)
        taken = MetricTables(tables, parts.clock.now()) if tables is not None else None
        source = stack.enter_context(opened_source(parts.section))
        fetched = fetch(parts, source, until, start=start, tables=taken)
    fetched.failures = (*fetched.failures, *trouble)
    return fetched


def refuse_failures(fetched: Fetched) -> None:
    """Raise ``SuiteError`` that tells what failed, if anything did."""
    if fetched.failures:
        more = len(fetched.failures) - 3
        raise SuiteError("; ".join(fetched.failures[:3]) + (f"; and {more} more" if more > 0 else ""))


def missing_hours(parts: Parts, until: datetime) -> dict[str, list[datetime]]:
    """Return by series the hours without a value since its first one, as far back as ``history_days``."""
    earliest = until - timedelta(days=parts.section.history_days)
    found: dict[str, list[datetime]] = {}
    for series in parts.store.list_series():
        if series_parts(series, parts.section.application) is None:
            continue
        times = {time.to_pydatetime() for time in parts.store.observations(series, earliest, until)["time"]}
        first = min(times, default=until)
        hours = [first + number * HOUR for number in range((until - first) // HOUR)]
        found[series] = [hour for hour in hours if hour not in times]
    return found


def _key(parts: Parts, metric: str) -> str:
    return f"{parts.section.application}/{metric}"


def _start(parts: Parts, noted: Document | None, earliest: datetime) -> datetime:
    if noted is None:
        return earliest
    return max(earliest, parse_time(noted.content["until_time"]) - parts.section.overlap_hours * HOUR)


def _note(parts: Parts, noted: Document | None, key: str, until: datetime) -> None:
    """Note that a metric is known until then, unless it was so already; another who fetches now may have noted it."""
    if noted is None or parse_time(noted.content["until_time"]) < until:
        content = {"until_time": format_time(until), "fetched_time": format_time(parts.clock.now())}
        parts.store.put_document(FETCHED, key, content, expected_revision=noted.revision if noted else None)


def _starts(start: datetime, until: datetime) -> list[datetime]:
    return [start + number * _AT_ONCE for number in range(max(0, -((start - until) // _AT_ONCE)))]


def _record(parts: Parts, series: str, hours: Mapping[datetime, float], fetched: Fetched) -> None:
    if not hours:
        return
    now = parts.clock.now()
    frame = parts.store.observations(series, min(hours), max(hours) + HOUR)
    known = {time.to_pydatetime(): value for time, value in zip(frame["time"], frame["value"], strict=True)}
    new = [Observation(time, value, now) for time, value in hours.items() if time not in known]
    changed = [
        Observation(time, value, now, correct=True)
        for time, value in hours.items()
        if time in known and known[time] != value
    ]
    if new or changed:
        parts.store.record_observations(series, [*new, *changed])
    fetched.new += len(new)
    fetched.corrected += len(changed)
