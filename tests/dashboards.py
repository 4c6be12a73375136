"""What Grafana's dashboards and Prometheus' rules ask for, as expressions that Prometheus itself takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from ml_core.config import project_root

GRAFANA = project_root() / "deploy" / "grafana"
DASHBOARDS = GRAFANA / "dashboards"
PROMETHEUS = project_root() / "deploy" / "prometheus"
RULES = ("recording.yml", "rules.yml")


def load_dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it."""
    content: dict[str, Any] = json.loads((DASHBOARDS / f"{name}.json").read_text())
    return content


def expressions(dashboard: dict[str, Any], *, rate_interval: str = "1m", shown: str = "15m") -> Iterator[str]:
    """Yield every expression of a dashboard, with Grafana's own variables replaced as Grafana would."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", rate_interval).replace("$__range", shown)


def rule_expressions() -> Iterator[str]:
    """Yield the expression of every rule."""
    for name in RULES:
        for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]:
            for rule in group["rules"]:
                yield rule["expr"]
