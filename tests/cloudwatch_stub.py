"""A CloudWatch that does what moto does not: pages, percentiles, partial answers, throttling and limits.

It speaks the JSON protocol that boto3 speaks, over HTTP, so that the real client is tried to the last byte.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np

MOST_QUERIES = 500
Metric = tuple[str, str, str]
"""Namespace, name and instance."""


@dataclass(frozen=True)
class Fault:
    """How one call is answered instead: an error with a status and a code, or a page with this status code."""

    code: str = ""
    status: int = 400
    status_code: str = ""
    share: float = 0.5


THROTTLED = Fault("ThrottlingException", 400)
FORBIDDEN = Fault("AccessDeniedException", 400)
BROKEN = Fault("InternalServiceFault", 500)
PARTIAL = Fault(status_code="PartialData")
INTERNAL = Fault(status_code="InternalError", share=0.0)


@dataclass
class CloudWatchStub:
    """The stub; ``points`` are what it knows, ``faults`` how the next calls are answered, ``calls`` what was asked."""

    points: dict[Metric, dict[datetime, float]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    page_points: int = 100_800
    shuffled: bool = False
    forbidden: set[str] = field(default_factory=set)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> CloudWatchStub:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                status, answer = outer.answer(operation, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Tests read the calls."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The address for the setting ``cloudwatch.endpoint_url``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, operation: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of one call."""
        self.calls.append({"operation": operation, **body})
        fault = self.faults.pop(0) if self.faults else self.always
        if fault is not None and fault.code:
            return fault.status, {"__type": fault.code, "message": "as the test wants it"}
        if operation == "PutMetricData":
            return self._put(body)
        return self._get(body, fault)

    def _put(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if len(body["MetricData"]) > 1000 or body["Namespace"].startswith("AWS/"):
            return 400, {"__type": "InvalidParameterValueException", "message": "a limit of PutMetricData"}
        for datum in body["MetricData"]:
            metric = (body["Namespace"], datum["MetricName"], _instance(datum["Dimensions"]))
            self.points.setdefault(metric, {})[datetime.fromtimestamp(datum["Timestamp"], UTC)] = datum["Value"]
        return 200, {}

    def _get(self, body: Mapping[str, Any], fault: Fault | None) -> tuple[int, dict[str, Any]]:
        queries = body["MetricDataQueries"]
        start, end = (datetime.fromtimestamp(body[name], UTC) for name in ("StartTime", "EndTime"))
        if len(queries) > MOST_QUERIES or end <= start:
            return 400, {"__type": "ValidationError", "message": "a limit of GetMetricData"}
        rows = [(query["Id"], *point) for query in queries for point in self._points(query, start, end)]
        rows.sort(key=lambda row: row[1], reverse=body.get("ScanBy") != "TimestampAscending")
        first = int(body.get("NextToken") or 0)
        page = rows[first : first + self.page_points]
        status_code = "Complete"
        if fault is not None:
            page, status_code = page[: int(len(page) * fault.share)], fault.status_code
        if self.shuffled:
            np.random.default_rng(0).shuffle(page)  # type: ignore[arg-type]
        results = []
        for query in queries:
            own = [(float(time), float(value)) for query_id, time, value in page if query_id == query["Id"]]
            name = query["MetricStat"]["Metric"]["MetricName"]
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", name),
                    "Timestamps": [time for time, _ in own],
                    "Values": [value for _, value in own],
                    "StatusCode": "Forbidden" if name in self.forbidden else status_code,
                }
            )
        answer: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
        if fault is None and first + self.page_points < len(rows):
            answer["NextToken"] = str(first + self.page_points)
        return 200, answer

    def _points(self, query: Mapping[str, Any], start: datetime, end: datetime) -> list[tuple[float, float]]:
        """Return a point a period, as the statistic says; periods are aligned to the epoch, as CloudWatch's are."""
        stat = query["MetricStat"]
        metric = (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], _instance(stat["Metric"]["Dimensions"]))
        buckets: dict[float, list[float]] = {}
        for time, value in self.points.get(metric, {}).items():
            if start <= time < end:
                buckets.setdefault(time.timestamp() // stat["Period"] * stat["Period"], []).append(value)
        return [(time, _statistic(stat["Stat"], values)) for time, values in sorted(buckets.items())]


def _statistic(name: str, values: list[float]) -> float:
    if name.startswith("p"):
        return float(np.percentile(values, float(name[1:])))
    return {"Average": float(np.mean(values)), "Maximum": max(values), "Sum": sum(values)}[name]


def _instance(dimensions: list[dict[str, str]]) -> str:
    return {entry["Name"]: entry["Value"] for entry in dimensions}["InstanceId"]
