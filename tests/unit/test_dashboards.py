"""Grafana's dashboards and their provisioning, as far as that shows without Grafana."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_core.config import project_root
from tests.dashboards import DASHBOARDS, GRAFANA, expressions, load_dashboard
from tests.tools import tool

NAMES = sorted(path.stem for path in DASHBOARDS.glob("*.json"))
KINDS = {"timeseries", "stat", "table", "heatmap"}
COLUMNS = 24


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load_dashboard(name)["panels"]
    return found


def provisioned(path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((GRAFANA / "provisioning" / path).read_text())
    return content


def test_there_is_the_service_and_the_suite() -> None:
    assert {name: load_dashboard(name)["uid"] for name in NAMES} == {"service": "uwSD-BK7z", "suite": "ml-suite"}


def test_the_service_opens_as_its_first_users_set_it_by_hand() -> None:
    service = load_dashboard("service")
    assert service["title"] == "Service"
    assert (service["time"], service["refresh"]) == ({"from": "now-15m", "to": "now"}, "10s")
    assert [panel["title"] for panel in panels("service")[:3]] == [
        "Prediction Distributions",
        "Latency Distribution",
        "Prediction and Model Info Request Counts",
    ]


def test_no_panel_adds_up_what_may_be_negative() -> None:
    # Sums of outputs and of scores below zero fall, and rate() and increase() take a fall for a restart.
    for name in NAMES:
        for expression in expressions(load_dashboard(name)):
            assert not re.search(r"prediction_(output|score)_distribution_(sum|bucket)", expression)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_whole(name: str) -> None:
    dashboard = load_dashboard(name)
    assert {"uid", "title", "schemaVersion", "time", "refresh", "templating", "annotations", "panels"} <= set(dashboard)
    identities = [panel["id"] for panel in panels(name)]
    assert len(set(identities)) == len(identities)
    for panel in panels(name):
        assert panel["type"] in KINDS
        assert panel["title"]
        assert {"defaults", "overrides"} <= set(panel["fieldConfig"])


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_asks_the_provisioned_source_for_something(name: str) -> None:
    (source,) = provisioned("datasources/prometheus.yml")["datasources"]
    expected = {"type": source["type"], "uid": source["uid"]}
    for panel in panels(name):
        assert panel["datasource"] == expected
        assert panel["targets"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
        for target in panel["targets"]:
            assert target["datasource"] == expected
            assert target["expr"].strip()


@pytest.mark.parametrize("name", NAMES)
def test_panels_lie_beside_each_other_and_not_upon(name: str) -> None:
    for panel in panels(name):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS, panel["title"]
    for first, second in combinations(panels(name), 2):
        a, b = first["gridPos"], second["gridPos"]
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (first["title"], second["title"])


def test_every_expression_is_one_that_prometheus_can_read(tmp_path: Path) -> None:
    found = [expression for name in NAMES for expression in expressions(load_dashboard(name))]
    rules = [{"record": f"panel:expression:{number}", "expr": expression} for number, expression in enumerate(found)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    result = subprocess.run([tool("promtool"), "check", "rules", path], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(rules) > 20


def test_grafana_finds_the_dashboards_where_the_containers_have_them() -> None:
    (provider,) = provisioned("dashboards/suite.yml")["providers"]
    compose = yaml.safe_load((project_root() / "deploy" / "docker-compose.yml").read_text())
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
    variable = provisioned("datasources/prometheus.yml")["datasources"][0]["url"].removeprefix("$")
    assert variable in compose["services"]["grafana"]["environment"]


@pytest.mark.parametrize("path", sorted(GRAFANA.rglob("*.*")), ids=lambda path: path.name)
def test_no_file_of_grafana_names_a_host(path: Path) -> None:
    assert "://" not in path.read_text()
    if path.suffix == ".json":
        json.loads(path.read_text())
