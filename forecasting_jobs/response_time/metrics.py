"""The metrics that are fetched: the first system's 28 names, and where the controller keeps them.

The names are those of the first system's tables, with its spelling. What ends in ``_summary`` (or ``_summary_ms``)
speaks of a tier as a whole, what does not of a node in it; a server is both, by its name. ``{server}`` stands for that
name, a ``*`` for any name of one level. A question puts a ``*`` for the server too, so one brings all servers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ART = "avg_response_time_ms"
"""The metric that is forecast, in milliseconds."""


def summary_of(metric: str) -> str:
    """Return the name of a metric's twin that speaks of the whole tier."""
    return "avg_response_time_summary_ms" if metric == ART else f"{metric}_summary"


MAIN_METRICS: Mapping[str, str] = {
    ART: "Average Response Time (ms)",
    "calls_per_minute": "Calls per Minute",
    "errors_per_minute": "Errors per Minute",
    "exceptions_per_minue": "Exceptions per Minute",
    "number_of_slow_calls": "Number of Slow Calls",
    "number_of_very_slow_calls": "Number of Very Slow Calls",
}
"""What the servers do for their callers, by name: the last level of the path. Each has a twin."""

PREFIXES: Mapping[str, str] = dict(zip(("ART", "CPM", "EPM", "EXC", "SLW", "VSLW"), MAIN_METRICS, strict=True))
"""The metrics by what the first system's columns begin with: ``ART_SN00`` is the main server's response time."""

SOCKET_METRICS: Mapping[str, str] = {
    "number_of_bytes_read_from_socket": "JMX|Socket|Number of Bytes Read",
    "number_of_bytes_written_to_socket": "JMX|Socket|Number of Bytes Written",
    "socket_read_time": "JMX|Socket|Read Time",
    "socket_reads": "JMX|Socket|Reads",
    "socket_write_time": "JMX|Socket|Write Time",
    "socket_writes": "JMX|Socket|Writes",
}
"""What goes through their sockets, by name: the levels below the node or tier. Each has a twin."""

_NODE, _TIER = "|*|Individual Nodes|{server}|", "|{server}|"
_SERVICE, _MACHINE = "Overall Application Performance", "Application Infrastructure Performance"

METRIC_PATHS: Mapping[str, str] = {
    **{name: f"{_SERVICE}{_NODE}{last}" for name, last in MAIN_METRICS.items()},
    **{summary_of(name): f"{_SERVICE}{_TIER}{last}" for name, last in MAIN_METRICS.items()},
    "hardware_resources_cpu_busy_summary": f"{_MACHINE}{_TIER}Hardware Resources|CPU|%Busy",
    "hardware_resources_memory_used_summary": f"{_MACHINE}{_TIER}Hardware Resources|Memory|Used %",
    "threads_hogging_cpu": f"{_MACHINE}{_NODE}Agent|Threads|Hogging CPU",
    "hardware_resources_network_bond2_incoming_kb_sec_summary": (
        f"{_MACHINE}{_TIER}Hardware Resources|Network|bond2|Incoming KB/sec"
    ),
    **{name: f"{_MACHINE}{_NODE}{below}" for name, below in SOCKET_METRICS.items()},
    **{summary_of(name): f"{_MACHINE}{_TIER}{below}" for name, below in SOCKET_METRICS.items()},
}
"""The paths by name, unless ``metric_paths`` of ``appdynamics-config.yml`` says otherwise."""

ALL_METRICS = tuple(METRIC_PATHS)
SERVER = "{server}"
_ESCAPED = re.compile(r"\\(.)")
_LEVEL = re.compile(r"(?:\\.|[^|\\])+")


def metric_path(pattern: str, server: str = "*") -> str:
    """Return the controller's path of one server's metric, or of all; ``|`` and ``\\`` in a name are escaped."""
    return pattern.replace(SERVER, server if server == "*" else re.sub(r"([|\\])", r"\\\1", server))


def check_pattern(pattern: str) -> None:
    """Raise ``ValueError`` for a pattern that does not name the server in exactly one of its levels."""
    if _levels(pattern).count(SERVER) != 1 or pattern.count(SERVER) != 1:
        raise ValueError(f"expected levels with '|' between, one of them {SERVER}, not {pattern[:100]!r}")


def server_of(path: str, pattern: str) -> str:
    """Return the server that a path speaks of; raise ``ValueError`` for a path that the pattern does not have."""
    levels, expected = _levels(path), _levels(pattern)
    if len(levels) != len(expected) or any(
        wanted not in (level, "*", SERVER) for level, wanted in zip(levels, expected, strict=True)
    ):
        raise ValueError(f"metricPath: expected {pattern}, not {path[:100]!r}")
    return levels[expected.index(SERVER)]


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


def _levels(path: str) -> list[str]:
    return [_ESCAPED.sub(r"\1", level) for level in _LEVEL.findall(path)]
