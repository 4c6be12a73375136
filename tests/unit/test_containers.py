"""The image and the containers, as far as that shows without an engine: what compose and promtool make of the files."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_core.config import load_settings, project_root
from ml_core.launcher.apps import platform_apps
from ml_core.settings import Settings
from tests.tools import tool

DEPLOY = project_root() / "deploy"
SECRETS = ("ADMIN_PASSWORD", "ML_AUTH__READ_TOKENS", "ML_AUTH__WRITE_TOKENS", "JUPYTER_TOKEN")


def compose(**environment: str) -> subprocess.CompletedProcess[str]:
    """Let docker-compose read the file; it needs no engine for that."""
    return subprocess.run(
        [tool("docker-compose"), "-f", str(DEPLOY / "docker-compose.yml"), "config"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def published(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return host, published port and port of the container, which compose 1 and 2 write in their own ways."""
    found = []
    for port in service.get("ports", []):
        if isinstance(port, str):
            host, outer, inner = port.removesuffix("/tcp").split(":")
        else:
            host, outer, inner = port["host_ip"], str(port["published"]), str(port["target"])
        found.append((host, outer, inner))
    return found


def mounted(service: dict[str, Any]) -> list[str]:
    """Return what is mounted of this machine, or the names of volumes."""
    volumes = service.get("volumes", [])
    return [volume.split(":")[0] if isinstance(volume, str) else volume["source"] for volume in volumes]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as compose understands them, with all secrets named."""
    result = compose(**{name: name.lower() for name in SECRETS})
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = yaml.safe_load(result.stdout)["services"]
    return found


@pytest.mark.parametrize("absent", SECRETS)
def test_no_secret_has_a_default(absent: str) -> None:
    result = compose(**{name: name.lower() for name in SECRETS if name != absent})
    assert result.returncode != 0
    assert absent in result.stderr


def test_every_app_of_the_platform_has_its_container(services: dict[str, Any]) -> None:
    for app in platform_apps(Settings()):
        service = services[app.name.replace("_", "-")]
        assert service["environment"]["APP"] == app.name
        assert [ports[1:] for ports in published(service)] == [(str(app.port), str(app.port))]


def test_what_the_containers_are_told_are_settings_by_which_the_apps_may_listen(services: dict[str, Any]) -> None:
    for app in platform_apps(Settings()):
        told = services[app.name.replace("_", "-")]["environment"]
        settings = load_settings({name: value for name, value in told.items() if name.startswith("ML_")})
        (found,) = (other for other in platform_apps(settings) if other.name == app.name)
        assert found.host == "0.0.0.0"
        assert settings.auth.write_tokens


def test_ports_are_published_on_this_machine_alone_unless_it_is_said_otherwise(services: dict[str, Any]) -> None:
    hosts = [host for service in services.values() for host, _, _ in published(service)]
    assert len(hosts) >= 5
    assert set(hosts) == {"127.0.0.1"}
    opened = yaml.safe_load(compose(BIND_ADDRESS="192.0.2.7", **dict.fromkeys(SECRETS, "x")).stdout)["services"]
    assert {host for service in opened.values() for host, _, _ in published(service)} == {"192.0.2.7"}


def test_prometheus_and_the_alertmanager_are_reached_through_caddy_alone(services: dict[str, Any]) -> None:
    assert not any(published(services[name]) for name in ("prometheus", "alertmanager", "grafana"))
    assert sorted(ports[1:] for ports in published(services["caddy"])) == [("3000", "3000"), ("9090", "9090")]
    caddyfile = (DEPLOY / "docker" / "Caddyfile").read_text()
    prometheus, grafana = re.findall(r"^:(?:9090|3000) \{.+?^\}", caddyfile, re.MULTILINE | re.DOTALL)
    assert "basicauth" in prometheus
    assert "{$PROMETHEUS}" in prometheus
    assert "{$GRAFANA}" in grafana
    # The variables of the file are those of the container, or made at its start.
    told = set(services["caddy"]["environment"]) | {"ADMIN_HASH"}
    assert set(re.findall(r"\{\$(\w+)\}", caddyfile)) <= told


def test_the_suite_runs_without_rights_and_is_asked_for_its_health(services: dict[str, Any]) -> None:
    for app in platform_apps(Settings()):
        service = services[app.name.replace("_", "-")]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)
    assert "HEALTHCHECK" in dockerfile
    others = ("prometheus", "alertmanager", "grafana", "caddy", "jupyter")
    assert all(services[name]["healthcheck"]["test"] for name in others if name in services)


def test_prometheus_asks_every_app_in_its_container(tmp_path: Path, services: dict[str, Any]) -> None:
    text = (DEPLOY / "docker" / "prometheus.yml").read_text()
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in yaml.safe_load(text)["scrape_configs"]}
    assert jobs == {
        name: [f"{name}:{app.port}"]
        for app in platform_apps(Settings())
        if (name := app.name.replace("_", "-")) in services
    }
    (tmp_path / "read-token").write_text("token")
    (tmp_path / "prometheus.yml").write_text(text.replace("/tmp/read-token", str(tmp_path / "read-token")))
    for name in ("recording.yml", "rules.yml"):
        (tmp_path / name).write_text((DEPLOY / "prometheus" / name).read_text())
    result = subprocess.run(
        [tool("promtool"), "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_that_is_mounted_is_there(services: dict[str, Any]) -> None:
    bound = [Path(path) for service in services.values() for path in mounted(service) if path.startswith("/")]
    assert len(bound) >= 6
    assert [path for path in bound if not path.exists()] == []


def test_the_image_has_every_package_and_no_data() -> None:
    found = tomllib.loads((project_root() / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = [pattern.rstrip("*") for pattern in found["include"]]
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^COPY (\w+)/__init__\.py .*\1/$", dockerfile, re.MULTILINE) == packages
    ignored = (project_root() / ".dockerignore").read_text().splitlines()
    taken = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert "**" in ignored  # nothing but what is named
    assert set(packages) <= set(taken)
    for private in ("var", ".venv", ".git", ".env", "tests"):
        assert not any(fnmatch.fnmatch(private, pattern) for pattern in taken)


def test_the_packages_are_installed_with_what_the_installer_imports_of_the_suite() -> None:
    (imported,) = re.findall(r'modules="flask,.* (ml_core\.\w+)"', (project_root() / "install.sh").read_text())
    code = f"import sys, {imported}; print(*(name for name in sys.modules if name.startswith('ml_core')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    wanted = {f"{name.replace('.', '/')}.py" for name in loaded if name != "ml_core"} | {"ml_core/__init__.py"}
    copied = re.search(r"^COPY (ml_core/.+) ml_core/$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    assert set(copied[1].split()) == wanted


class Suite:
    """A folder with compose.sh, and a docker-compose that notes what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "the suite"
        (self.folder / "deploy").mkdir(parents=True)
        script = self.folder / "deploy" / "compose.sh"
        script.write_text((DEPLOY / "compose.sh").read_text())
        script.chmod(0o755)
        self.bin = folder / "bin"
        self.bin.mkdir()
        fake = self.bin / "docker-compose"
        fake.write_text('#!/bin/sh\nshift 6\necho "$*" >>calls\n')
        fake.chmod(0o755)
        (self.bin / "docker").write_text("#!/bin/sh\nexit 1\n")
        (self.bin / "docker").chmod(0o755)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "deploy" / "compose.sh", *words],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )

    def secrets(self) -> dict[str, str]:
        lines = (self.folder / "var" / "docker.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["start"], "up --detach --build"),
        (["start", "anomaly_api"], "up --detach --build anomaly-api"),
        (["stop"], "down"),
        (["stop", "--all"], "--profile notebook down"),
        (["stop", "anomaly_api"], "rm --force --stop anomaly-api"),
        (["status"], "ps"),
        (["build"], "build prepare"),
        (["test", "--requests", "5"], "exec -T anomaly-api python -m anomaly_api.tester --requests 5"),
        (["remove"], "--profile notebook down --rmi local --remove-orphans"),
        (["remove-data"], "--profile notebook down --volumes"),
    ],
)
def test_each_word_is_one_of_compose(tmp_path: Path, words: list[str], asked: str) -> None:
    suite = Suite(tmp_path)
    result = suite.run(*words)
    assert result.returncode == 0, result.stderr
    assert (suite.folder / "calls").read_text().strip() == asked


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    result = suite.run("start", ADMIN_PASSWORD="mine")
    first = suite.secrets()
    assert set(first) == set(SECRETS)
    assert first["ADMIN_PASSWORD"] == "mine"
    made = [first[name] for name in SECRETS if name != "ADMIN_PASSWORD"]
    assert len(set(made)) == 3
    assert all(len(secret) == 48 for secret in made)
    assert (suite.folder / "var" / "docker.env").stat().st_mode & 0o777 == 0o600
    assert not any(secret in result.stdout for secret in first.values())
    suite.run("start", ADMIN_PASSWORD="another")
    assert suite.secrets() == first


def test_an_unknown_word_gets_the_usage(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    for words in ([], ["begin"]):
        result = suite.run(*words)
        assert result.returncode == 2
        assert result.stderr.startswith("usage: deploy/compose.sh")


def test_without_docker_one_line_says_so(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    (suite.bin / "docker-compose").unlink()
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("sh", "dirname", "mkdir", "grep", "od", "tr"):
        (bare / name).symlink_to(tool(name))
    result = suite.run("start", PATH=str(bare))
    assert result.returncode == 1
    assert result.stderr == "compose.sh: neither docker compose nor docker-compose is installed here\n"
