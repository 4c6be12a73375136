"""Reads metrics of CloudWatch by GetMetricData: every page, merged by id and time, oldest first."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cloudwatch_engine.aws import Patience, patiently
from cloudwatch_engine.errors import CloudWatchRefused, CloudWatchUnavailable
from cloudwatch_engine.queries import MetricQuery
from cloudwatch_engine.readings import Points, Reading
from ml_core.clock import as_utc

_MOST_QUERIES = 500
"""Of one call, by the limits of the API."""


@dataclass
class _Heard:
    """What the pages of one call have said so far."""

    points: dict[str, dict[datetime, float]] = field(default_factory=lambda: defaultdict(dict))
    status: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, page: Mapping[str, Any]) -> None:
        """Add a page. An id may come again on any later page, with the points that are still missing."""
        for result in page.get("MetricDataResults", ()):
            query_id = result["Id"]
            for time, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True):
                if math.isfinite(value):
                    self.points[query_id][as_utc(time)] = float(value)
            self.status[query_id] = result.get("StatusCode", "Complete")
            self.notes += [f"{query_id}: {message.get('Value', '')}" for message in result.get("Messages", ())]
        self.notes += [message.get("Value", "") for message in page.get("Messages", ())]


class CloudWatch:
    """The metrics of instances, from AWS or whatever speaks its API at the setting ``cloudwatch.endpoint_url``."""

    def __init__(self, client: Any, period_seconds: int, patience: Patience | None = None) -> None:
        self._client = client
        self._period_seconds = period_seconds
        self._patience = patience or Patience()

    def read(self, queries: Sequence[MetricQuery], start: datetime, end: datetime) -> Reading:
        """Return the points with ``start <= time < end``.

        What CloudWatch says it has only in part is asked for again; if it stays so, what came is returned with a note.
        Raises ``CloudWatchUnavailable`` and ``CloudWatchRefused``.
        """
        points: dict[str, Points] = {}
        notes: list[str] = []
        for first in range(0, len(queries), _MOST_QUERIES):
            reading = self._read(queries[first : first + _MOST_QUERIES], start, end)
            points |= reading.points
            notes += reading.notes
        return Reading(points, tuple(notes))

    def _read(self, queries: Sequence[MetricQuery], start: datetime, end: datetime) -> Reading:
        heard = _Heard()
        waiting = list(queries)
        for attempt in range(1, self._patience.attempts + 1):
            self._read_pages(waiting, start, end, heard)
            _refuse_forbidden(queries, heard)
            waiting = [query for query in waiting if heard.status.get(query.query_id) != "Complete"]
            if not waiting:
                break
            if attempt < self._patience.attempts:
                self._patience.wait(attempt)
        failed = [query for query in waiting if not heard.points.get(query.query_id)]
        if failed and len(failed) == len(queries):
            raise CloudWatchUnavailable(
                f"cloudwatch:GetMetricData has answered none of {len(queries)} queries whole; the next run asks again"
            )
        notes = [f"{query.label}: CloudWatch has given a part only; it is asked for again" for query in waiting]
        points = {query.query_id: dict(sorted(heard.points.get(query.query_id, {}).items())) for query in queries}
        return Reading(points, tuple(dict.fromkeys([*notes, *heard.notes])))

    def _read_pages(self, queries: Sequence[MetricQuery], start: datetime, end: datetime, heard: _Heard) -> None:
        request: dict[str, Any] = {
            "MetricDataQueries": [self._wire(query) for query in queries],
            "StartTime": start,
            "EndTime": end,
            "ScanBy": "TimestampAscending",  # newest first is the default
        }
        while True:
            page = patiently(
                self._patience, "cloudwatch:GetMetricData", lambda: self._client.get_metric_data(**request)
            )
            heard.take(page)
            token = page.get("NextToken")
            if not token:
                return
            if token == request.get("NextToken"):
                raise CloudWatchUnavailable("cloudwatch:GetMetricData turns its pages in a circle")
            request["NextToken"] = token

    def _wire(self, query: MetricQuery) -> dict[str, Any]:
        return {
            "Id": query.query_id,
            "Label": query.label,
            "MetricStat": {
                "Metric": {
                    "Namespace": query.known.namespace,
                    "MetricName": query.known.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
                },
                "Period": self._period_seconds,
                "Stat": query.statistic,
            },
            "ReturnData": True,
        }


def _refuse_forbidden(queries: Sequence[MetricQuery], heard: _Heard) -> None:
    labels = [query.label for query in queries if heard.status.get(query.query_id) == "Forbidden"]
    if labels:
        raise CloudWatchRefused(f"reading is not allowed for {', '.join(labels)}: the role needs this permission")
