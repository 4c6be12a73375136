"""How Prometheus and the Alertmanager are set up for the platform."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from ml_core.launcher.apps import platform_apps
from ml_core.launcher.prometheus import examples_folder, monitoring_programs, prometheus_config
from ml_core.settings import (
    AlertmanagerSettings,
    AuthSettings,
    MonitorSettings,
    PrometheusSettings,
    Settings,
)
from tests.tools import tool


def test_every_app_is_asked_where_it_listens() -> None:
    settings = Settings(monitor=MonitorSettings(host="0.0.0.0", port=6001))
    config = prometheus_config(settings, platform_apps(settings))
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert jobs["ml-monitor"] == ["127.0.0.1:6001"]
    assert jobs["ml-models"] == ["127.0.0.1:5002"]
    assert not any("authorization" in job for job in config["scrape_configs"])


def test_where_the_apps_want_a_token_prometheus_has_one_that_reads() -> None:
    settings = Settings(auth=AuthSettings(read_tokens=("reads",), write_tokens=("writes",)))
    jobs = prometheus_config(settings, platform_apps(settings))["scrape_configs"]
    assert all(job["authorization"] == {"credentials": "reads"} for job in jobs)


def test_the_example_is_what_the_launcher_makes_with_the_default_settings() -> None:
    settings = Settings()
    made = prometheus_config(settings, platform_apps(settings))
    example = yaml.safe_load((examples_folder() / "prometheus.example.yml").read_text())
    jobs = example.pop("scrape_configs")
    assert [job for job in made.pop("scrape_configs") if job not in jobs] == []
    assert [str(examples_folder() / name) for name in example.pop("rule_files")] == made.pop("rule_files")
    assert example == made


def test_what_the_launcher_makes_is_what_prometheus_takes(tmp_path: Path) -> None:
    settings = Settings(run_folder=str(tmp_path), auth=AuthSettings(read_tokens=('it\'s "secret": #1',)))
    (program,) = (
        found for found in monitoring_programs(settings, platform_apps(settings)) if found.name == "prometheus"
    )
    (path,) = program.files
    assert path.parent == tmp_path
    assert f"--config.file={path}" in program.command
    path.write_text(program.files[path])
    result = subprocess.run([tool("promtool"), "check", "config", path], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_both_listen_on_loopback_with_the_folders_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(
        prometheus=PrometheusSettings(port=7001, folder=str(tmp_path / "p"), retention_days=3),
        alertmanager=AlertmanagerSettings(port=7002, folder=str(tmp_path / "a")),
    )
    prometheus, alertmanager = monitoring_programs(settings, ())
    assert {"--web.listen-address=127.0.0.1:7001", f"--storage.tsdb.path={tmp_path / 'p'}"} <= set(prometheus.command)
    assert "--storage.tsdb.retention.time=3d" in prometheus.command
    assert {"--web.listen-address=127.0.0.1:7002", f"--storage.path={tmp_path / 'a'}"} <= set(alertmanager.command)
    assert (prometheus.url, alertmanager.url) == ("http://127.0.0.1:7001/", "http://127.0.0.1:7002/")


def test_a_configuration_of_ones_own_takes_the_place_of_ours() -> None:
    settings = Settings(
        prometheus=PrometheusSettings(config_file="/etc/own/prometheus.yml"),
        alertmanager=AlertmanagerSettings(config_file="/etc/own/alertmanager.yml"),
    )
    prometheus, alertmanager = monitoring_programs(settings, ())
    assert "--config.file=/etc/own/prometheus.yml" in prometheus.command
    assert prometheus.files == {}
    assert "--config.file=/etc/own/alertmanager.yml" in alertmanager.command


@pytest.mark.parametrize(("prometheus", "alertmanager"), [(True, False), (False, True), (False, False)])
def test_what_is_not_wanted_is_not_started(prometheus: bool, alertmanager: bool) -> None:
    settings = Settings(
        prometheus=PrometheusSettings(enabled=prometheus), alertmanager=AlertmanagerSettings(enabled=alertmanager)
    )
    wanted = [name for name, is_wanted in (("prometheus", prometheus), ("alertmanager", alertmanager)) if is_wanted]
    assert [program.name for program in monitoring_programs(settings, ())] == wanted
    assert ("alerting" in prometheus_config(settings, ())) == alertmanager
