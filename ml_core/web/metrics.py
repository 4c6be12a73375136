"""``/metrics`` in Prometheus' format: counters of the process, and collectors that read the store at scrape time."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# Seconds. A prediction of the anomaly app takes a fraction of a millisecond, a page of the monitor a second at most.
_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class AppMetrics:
    """The metrics of one app. Its own registry, so that two apps in one test do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests",
            "Requests answered, by method, route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.durations = Histogram(
            "http_request_duration_seconds",
            "Time from request to answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.collectors: list[Collector] = []

    def add_collector(self, collector: Collector) -> None:
        """Add metrics that are read when Prometheus asks."""
        self.collectors.append(collector)

    def scrape_registry(self) -> CollectorRegistry:
        """Return what a scrape shows: this process's metrics, or those of all workers under granian."""
        registry = CollectorRegistry()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self.registry)
        for collector in self.collectors:
            registry.register(collector)
        return registry


def init_app(app: Flask) -> AppMetrics:
    """Count and time each request, add ``/metrics``, and return the metrics for the app to add its own."""
    metrics = AppMetrics()
    app.extensions["metrics"] = metrics

    def finish(response: Response) -> Response:
        # The rule, not the path: paths hold names that clients choose, and would make series without end.
        route = request.url_rule.rule if request.url_rule else "none"
        metrics.requests.labels(request.method if request.url_rule else "any", route, str(response.status_code)).inc()
        if "started" in g:  # set with the request's id
            metrics.durations.labels(route).observe(time.perf_counter() - g.started)
        return response

    def show() -> Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encoder(metrics.scrape_registry()), content_type=content_type)

    app.after_request(finish)
    app.add_url_rule("/metrics", view_func=show, strict_slashes=False)  # the first systems' apps answered at /metrics/
    return metrics
