"""The metrics that are fetched: the first system's names, and where the controller keeps them.

A ``*`` stands for all servers, so that one question a metric is enough. The names are those of the first system's
tables, with its spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ART = "avg_response_time_ms"
"""The metric that is forecast, in milliseconds."""

MAIN_METRICS: Mapping[str, str] = {
    ART: "Average Response Time (ms)",
    "calls_per_minute": "Calls per Minute",
    "errors_per_minute": "Errors per Minute",
    "exceptions_per_minue": "Exceptions per Minute",
    "number_of_slow_calls": "Number of Slow Calls",
    "number_of_very_slow_calls": "Number of Very Slow Calls",
}
"""What the servers do for their callers, by name: the last part of the path."""

HARDWARE_METRICS: Mapping[str, str] = {
    "hardware_resources_cpu_busy": "Hardware Resources|CPU|%Busy",
    "hardware_resources_memory_used": "Hardware Resources|Memory|Used %",
    "threads_hogging_cpu": "Agent|Threads|Hogging CPU",
    "hardware_resources_network_bond2_incoming_kb_sec": "Hardware Resources|Network|bond2|Incoming KB/sec",
    "number_of_bytes_read_from_socket": "JMX|Socket|Number of Bytes Read",
    "number_of_bytes_written_to_socket": "JMX|Socket|Number of Bytes Written",
    "socket_read_time": "JMX|Socket|Read Time",
    "socket_reads": "JMX|Socket|Reads",
    "socket_write_time": "JMX|Socket|Write Time",
    "socket_writes": "JMX|Socket|Writes",
}
"""What the machines behind them do, by name: the path below the node."""

ALL_METRICS = (*MAIN_METRICS, *HARDWARE_METRICS)
_MAIN, _HARDWARE = "Overall Application Performance", "Application Infrastructure Performance"
_ESCAPED = re.compile(r"\\(.)")
_LEVEL = re.compile(r"(?:\\.|[^|\\])+")


def metric_path(metric: str, server: str = "*") -> str:
    """Return the controller's path of a metric, of one server or of all; ``|`` and ``\\`` in a name are escaped."""
    name = server if server == "*" else re.sub(r"([|\\])", r"\\\1", server)
    if metric in MAIN_METRICS:
        return f"{_MAIN}|{name}|{MAIN_METRICS[metric]}"
    return f"{_HARDWARE}|{name}|Individual Nodes|{name}|{HARDWARE_METRICS[metric]}"


def server_of(path: str) -> str:
    """Return the server that a path speaks of; raise ``ValueError`` for a path that is not one of ours."""
    levels = [_ESCAPED.sub(r"\1", level) for level in _LEVEL.findall(path)]
    if len(levels) == 3 and levels[0] == _MAIN:
        return levels[1]
    if len(levels) > 4 and levels[0] == _HARDWARE:
        return levels[3]
    raise ValueError(f"metricPath: expected the path of a server's metric, not {path[:100]!r}")


def series_name(application: str, server: str, metric: str) -> str:
    """Return the name under which the hourly values of a server's metric are kept."""
    return f"response-time/{application}/{server}/{metric}"


def series_parts(series: str, application: str) -> tuple[str, str] | None:
    """Return server and metric of a series of this application; None for the series of others."""
    prefix = f"response-time/{application}/"
    server, _, metric = series.removeprefix(prefix).rpartition("/")
    return (server, metric) if series.startswith(prefix) and server and metric in ALL_METRICS else None


def model_name(application: str) -> str:
    """Return the name of the model that forecasts an application's response time."""
    return "response-time-" + re.sub(r"[^A-Za-z0-9_.-]", "_", application)[:50]
