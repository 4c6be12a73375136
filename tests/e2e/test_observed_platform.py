"""The platform as Prometheus sees it: started by one command, asked by the tester, read by every panel and rule."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ml_core.config import load_settings, project_root
from ml_core.launcher.apps import platform_apps
from ml_core.launcher.prometheus import prometheus_config
from ml_core.processes import free_port
from tests.dashboards import DASHBOARDS, RULES, expressions, load_dashboard, rule_expressions
from tests.processes import eventually, own_folders
from tests.tools import alertmanager, tool

REQUESTS = 300
# What a platform in which all is well has nothing of.
SELDOM = {
    'ml_alert_state{state!="pending"} == 1': "an alert of the monitor is open",
    "ml_model_metric": "a check has judged a model on true values",
    "ml_channel_up": "mail or webhook is set up, and was used",
}


class Observed:
    """The launcher's command line with folders, ports and tokens of its own, and Prometheus in a hurry."""

    def __init__(self, folder: Path) -> None:
        sections = ("MONITOR", "MODELS", "ANOMALY", "CLOUDWATCH", "PROMETHEUS", "ALERTMANAGER")
        ports = {f"ML_{section}__PORT": str(free_port()) for section in sections}
        own = own_folders(folder) | ports
        own |= {f"ML_{name}__FOLDER": str(folder / name.lower()) for name in sections[3:]}
        own["ML_CLOUDWATCH__SCHEDULE"] = "false"  # its models have tests of their own
        own |= {"ML_AUTH__READ_TOKENS": "reads", "ML_AUTH__WRITE_TOKENS": "writes"}
        settings = load_settings(own)
        config = prometheus_config(settings, platform_apps(settings))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        own["ML_PROMETHEUS__CONFIG_FILE"] = str(folder / "prometheus.yml")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ML_")} | own
        self.apps = platform_apps(settings)
        self.url = f"http://127.0.0.1:{settings.prometheus.port}"
        self.settings = settings
        self.session = requests.Session()
        self.session.trust_env = False

    def run(self, *words: str, **environment: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", *words],
            capture_output=True,
            text=True,
            env=self.environment | environment,
            cwd=project_root(),
            timeout=180,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def asked(self, path: str, **parameters: str) -> Any:
        answer = self.session.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, expression: str) -> list[float]:
        """Return the values of an expression now, without those that are no number."""
        found = [float(series["value"][1]) for series in self.asked("query", query=expression)["result"]]
        return [value for value in found if value == value]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The platform after the tester, a few other requests and two slots of the check."""
    tool("prometheus")
    alertmanager()
    observed = Observed(tmp_path_factory.mktemp("observed"))
    observed.output = observed.run("ml_core.launcher", "start")  # type: ignore[attr-defined]
    try:
        with observed.session:
            eventually(lambda: len(observed.values("up == 1")) == len(observed.apps), seconds=60)
            observed.run("ml_monitor", "check", ML_CLOCK_OFFSET="-PT10M")
            observed.run("ml_monitor", "check")
            words = ("--requests", str(REQUESTS), "--per-second", "100", "--seed", "1")
            observed.tested = observed.run("anomaly_api.tester", *words)  # type: ignore[attr-defined]
            api = next(app for app in observed.apps if app.name == "anomaly_api")
            token = {"Authorization": "Bearer reads"}
            asked = observed.session.get(f"{api.url}model_information", headers=token, timeout=30)
            assert asked.status_code == 200
            yield observed
    finally:
        observed.run("ml_core.launcher", "stop")


def test_the_addresses_of_all_parts_are_printed(platform: Observed) -> None:
    lines = [line.split() for line in platform.output.splitlines() if "http://" in line]  # type: ignore[attr-defined]
    assert [line[0] for line in lines] == [*(app.name for app in platform.apps), "prometheus", "alertmanager"]
    assert lines[-2][1] == f"{platform.url}/"


def test_the_tester_sums_up_what_was_answered(platform: Observed) -> None:
    told = platform.tested  # type: ignore[attr-defined]
    assert f"{REQUESTS} requests in " in told
    assert "latency: p50 " in told
    assert "scores: 90 asked for" in told


@pytest.mark.parametrize("name", sorted(path.stem for path in DASHBOARDS.glob("*.json")))
def test_every_panel_shows_something(platform: Observed, name: str) -> None:
    found = list(expressions(load_dashboard(name)))
    wanted = [expression for expression in found if expression not in SELDOM]
    assert len(wanted) > 10
    eventually(lambda: all(platform.values(expression) for expression in wanted), seconds=60)
    for expression in found:
        platform.values(expression)  # those that are empty are understood all the same


def test_what_is_seldom_there_is_asked_for_by_some_panel() -> None:
    asked = {found for path in DASHBOARDS.glob("*.json") for found in expressions(load_dashboard(path.stem))}
    assert set(SELDOM) <= asked


def test_every_rule_is_understood_and_every_recorded_series_is_there(platform: Observed) -> None:
    for expression in rule_expressions():
        platform.values(expression)
    rules = [rule for group in platform.asked("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(list(rule_expressions()))
    assert {rule["health"] for rule in rules} == {"ok"}
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    assert recorded
    eventually(lambda: all(platform.values(name) for name in recorded), seconds=60)
    assert platform.values('ALERTS{alertstate="firing"}') == []


def test_prometheus_has_counted_what_the_tester_sent(platform: Observed) -> None:
    eventually(lambda: sum(platform.values("anomaly_predictions_total")) == REQUESTS, seconds=60)
    assert platform.values("sum(num_prediction_requests_total)") == [REQUESTS]
    assert platform.values("sum(anomaly_prediction_score_count)") == [REQUESTS]
    (mean,) = platform.values(next(expressions(load_dashboard("service"))))
    assert -1 <= mean <= 1


def test_prometheus_knows_its_alertmanager_and_the_rules_that_the_examples_name(platform: Observed) -> None:
    (found,) = platform.asked("alertmanagers")["activeAlertmanagers"]
    assert f":{platform.settings.alertmanager.port}/" in found["url"]
    loaded = {Path(group["file"]).name for group in platform.asked("rules")["groups"]}
    assert loaded == set(RULES)
