"""The metrics of an instance, and by which names they and their series are known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Metric = Literal["CPUUtilization", "MemoryUtilization", "NetworkIn", "NetworkOut"]

CPU: Metric = "CPUUtilization"
MEMORY: Metric = "MemoryUtilization"
METRICS: tuple[Metric, ...] = ("CPUUtilization", "MemoryUtilization", "NetworkIn", "NetworkOut")

UNITS: dict[Metric, str] = {
    "CPUUtilization": "%",
    "MemoryUtilization": "%",
    "NetworkIn": "bytes",
    "NetworkOut": "bytes",
}

INSTANCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
"""What an instance may be called: its name is part of a model's, of a series' and of a folder's."""

AGENT, SCRIPTS, EC2 = "CWAgent", "System/Linux", "AWS/EC2"
_PREFIX = "cloudwatch"


@dataclass(frozen=True, slots=True)
class Known:
    """A name under which CloudWatch keeps a metric; of two for the same metric the one with the lower rank wins."""

    namespace: str
    name: str
    metric: Metric
    rank: int = 0


KNOWN = (
    Known(EC2, "CPUUtilization", "CPUUtilization"),
    Known(EC2, "NetworkIn", "NetworkIn"),
    Known(EC2, "NetworkOut", "NetworkOut"),
    # The agent took the place of the old scripts: where an instance has both, the scripts are what was left behind.
    Known(AGENT, "mem_used_percent", "MemoryUtilization", rank=0),
    Known(SCRIPTS, "MemoryUtilization", "MemoryUtilization", rank=1),
)


def known_by_name(name: str) -> Known | None:
    """Return the metric of this CloudWatch name, such as ``mem_used_percent``; None if it is none of ours."""
    return next((known for known in KNOWN if known.name == name), None)


def series_name(instance: str, metric: Metric) -> str:
    """Return the name of a series in the store, such as ``cloudwatch/i-0abc/CPUUtilization``."""
    return f"{_PREFIX}/{instance}/{metric}"


def instance_of(series: str) -> str | None:
    """Return the instance whose CPU a series of the store is; None for any other series."""
    parts = series.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == _PREFIX and parts[2] == CPU else None


def model_name(instance: str) -> str:
    """Return the name of the registered model that forecasts an instance's CPU, such as ``cpu-i-0abc``."""
    return f"cpu-{instance}"
