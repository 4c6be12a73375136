"""Prometheus and its Alertmanager, started with the platform where they are installed.

Both listen on loopback alone, since neither asks who calls. Their ports are not the standard ones: those may belong to
daemons of the system, which are none of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ml_core.config import project_root, resolve_path
from ml_core.launcher.installed import alertmanager_command, find_program
from ml_core.launcher.programs import Program
from ml_core.settings import Settings

_LOOPBACK = "127.0.0.1"
_INTERVAL = "10s"
_RULES = ("recording.yml", "rules.yml")


def examples_folder() -> Path:
    """Return the folder of the rules and of the example configurations."""
    return project_root() / "deploy" / "prometheus"


def monitoring_programs(settings: Settings, apps: Sequence[Program]) -> tuple[Program, ...]:
    """Return Prometheus, set to scrape ``apps``, and the Alertmanager: those that are installed and wanted."""
    prometheus = find_program("prometheus") if settings.prometheus.enabled else None
    alertmanager = alertmanager_command() if settings.alertmanager.enabled else None
    found: list[Program] = []
    if prometheus is not None:
        found.append(_prometheus(prometheus, settings, apps))
    if alertmanager is not None:
        found.append(_alertmanager(alertmanager, settings))
    return tuple(found)


def prometheus_config(settings: Settings, apps: Sequence[Program]) -> dict[str, Any]:
    """Return Prometheus' configuration: which apps it asks, with a token if they want one, and what it judges by."""
    jobs: list[dict[str, Any]] = [
        {"job_name": app.name.replace("_", "-"), "static_configs": [{"targets": [_address(app)]}]} for app in apps
    ]
    tokens = settings.auth.read_tokens or settings.auth.write_tokens
    if tokens:
        jobs = [job | {"authorization": {"credentials": tokens[0].get_secret_value()}} for job in jobs]
    config: dict[str, Any] = {
        "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
        "rule_files": [str(examples_folder() / name) for name in _RULES],
        "scrape_configs": jobs,
    }
    if settings.alertmanager.enabled:
        target = f"{_LOOPBACK}:{settings.alertmanager.port}"
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]}
    return config


def _prometheus(program: str, settings: Settings, apps: Sequence[Program]) -> Program:
    own = settings.prometheus
    written = resolve_path(settings.run_folder) / "prometheus.yml"
    config = resolve_path(own.config_file) if own.config_file else written
    content = yaml.safe_dump(prometheus_config(settings, apps), sort_keys=False)
    return Program(
        name="prometheus",
        section="prometheus",
        host=_LOOPBACK,
        port=own.port,
        command=(
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={resolve_path(own.folder)}",
            f"--storage.tsdb.retention.time={own.retention_days}d",
            f"--web.listen-address={_LOOPBACK}:{own.port}",
            "--log.level=warn",
        ),
        title="Prometheus: metrics of all apps, rules",
        ready_path="/-/ready",
        files={} if own.config_file else {written: content},
    )


def _alertmanager(command: Sequence[str], settings: Settings) -> Program:
    own = settings.alertmanager
    config = resolve_path(own.config_file) if own.config_file else examples_folder() / "alertmanager.example.yml"
    return Program(
        name="alertmanager",
        section="alertmanager",
        host=_LOOPBACK,
        port=own.port,
        command=(
            *command,
            f"--config.file={config}",
            f"--storage.path={resolve_path(own.folder)}",
            f"--web.listen-address={_LOOPBACK}:{own.port}",
            "--cluster.listen-address=",  # alone: no gossip with others of its kind
            "--log.level=warn",
        ),
        title="Alertmanager: whom to tell",
        ready_path="/-/ready",
    )


def _address(app: Program) -> str:
    return app.url.removeprefix("http://").rstrip("/")
