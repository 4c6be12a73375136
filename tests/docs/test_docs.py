"""The documentation is complete: what is not written down fails the build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from anomaly_api.app import create_app as create_anomaly
from cloudwatch_engine.__main__ import main as cloudwatch_commands
from cloudwatch_engine.app import create_app as create_cloudwatch
from cloudwatch_engine.seed_config import SeedConfig
from forecasting_jobs.link_traffic.doors import link_traffic
from forecasting_jobs.response_time.dashboard_refresh import REFERENCES
from forecasting_jobs.response_time.doors import response_time
from ml_core.clock import FixedClock
from ml_core.config import load_settings, project_root
from ml_core.errors import SuiteError
from ml_core.settings import Section, Settings
from ml_core.store.json_store import JsonStore
from ml_models.app import create_app as create_models
from ml_monitor.app import create_app as create_monitor

DOCS = project_root() / "docs"
UNDOCUMENTED = ("/openapi/", "/static/", "/ui/static/", "/ui/assets/")


def leaves(section: BaseModel, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            found |= leaves(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def rows_of(document: str) -> dict[str, list[str]]:
    lines = (DOCS / document).read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row for row in cells}


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    rows = rows_of("configuration.md")
    settings = leaves(Settings())
    assert set(rows) == set(settings)
    for key, value in settings.items():
        assert rows[key][1] == f"`ML_{key.upper().replace('.', '__')}`"
        shown = rows[key][2].strip("`")
        if value in ((), ""):
            assert shown == "none"
        elif isinstance(value, SecretStr):
            assert shown == value.get_secret_value()
        elif isinstance(value, bool):
            assert shown == str(value).lower()
        elif isinstance(value, (int, float)):
            assert float(shown) == value
        elif isinstance(value, str):
            assert shown == value


def test_the_example_settings_are_valid_and_say_the_defaults_where_they_repeat_them() -> None:
    path = project_root() / "deploy" / "settings.example.yaml"
    settings = load_settings({"ML_CONFIG": str(path)})
    assert settings.models.workers == 2
    assert yaml.safe_load(path.read_text())["monitor"]["port"] == Settings().monitor.port


def test_every_route_is_documented(settings: Settings, json_store: JsonStore, clock: FixedClock) -> None:
    text = (DOCS / "api.md").read_text()
    for create_app in (create_models, create_monitor, create_cloudwatch, create_anomaly):
        app = create_app(settings, json_store, clock)
        for rule in app.url_map.iter_rules():
            if rule.rule.startswith(UNDOCUMENTED):
                continue
            address = re.sub(r"<\w+:", "<", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert f"`{method} {address}" in text, f"{method} {address} is not in docs/api.md"


def test_every_error_code_is_documented() -> None:
    text = (DOCS / "api.md").read_text()

    def codes(kind: type[SuiteError]) -> set[str]:
        return {kind.code}.union(*(codes(child) for child in kind.__subclasses__()))

    never_sent = {"internal_error", "configuration_error", "unavailable", "invalid_table"}
    for code in codes(SuiteError) - never_sent:
        assert f"`{code}`" in text, code


def test_every_command_and_old_key_of_the_engine_is_documented() -> None:
    text = (DOCS / "cloudwatch.md").read_text()
    shown = [name for name in cloudwatch_commands.list_commands(None) if name != "schedule"]  # type: ignore[arg-type]
    for name in [*shown, *SeedConfig.model_fields]:
        assert f"`{name}`" in text, name


def test_every_metric_is_documented(settings: Settings, json_store: JsonStore, clock: FixedClock) -> None:
    documented = set(rows_of("metrics.md"))
    names: set[str] = set()
    for create_app in (create_monitor, create_anomaly):
        client = create_app(settings, json_store, clock).test_client()
        client.get("/healthz")
        names |= set(re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE))
    names = {re.sub(r"_created$", "", name) for name in names}
    assert {name for name in names if name.startswith("ml_")} == {name for name in documented if name.startswith("ml_")}
    assert names <= documented | {name.removesuffix("_total") for name in documented}


def test_every_rule_of_prometheus_is_documented() -> None:
    text = (DOCS / "metrics.md").read_text()
    for name in ("rules.yml", "recording.yml"):
        groups = yaml.safe_load((project_root() / "deploy" / "prometheus" / name).read_text())["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            assert f"`{rule.get('alert', rule.get('record'))}`" in text


@pytest.mark.parametrize(
    "path", [*sorted(DOCS.rglob("*.md")), project_root() / "README.md"], ids=lambda path: path.name
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_readme_names_every_make_target_it_uses() -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (project_root() / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"make ([a-z][\w-]+)", (project_root() / "README.md").read_text()))
    assert used <= targets


def test_no_committed_file_names_this_machine_or_a_foreign_host() -> None:
    allowed = ("localhost", "127.0.0.1", "monitor.example", "0.0.0.0")
    for path in [project_root() / "README.md", *DOCS.rglob("*.md")]:
        for host in re.findall(r"https?://([^/\s:)`\"]+)", path.read_text()):
            assert host in allowed, f"{path.name} names {host}"


def test_every_command_and_old_key_of_the_response_time_hour_is_documented() -> None:
    text = (DOCS / "response-time.md").read_text()
    for name in (*response_time.list_commands(None), "client_id", "client_secret", "geturl", *REFERENCES):  # type: ignore[arg-type]
        assert name in text, name


def test_every_command_of_link_traffic_is_documented() -> None:
    text = (DOCS / "link-traffic.md").read_text()
    for name in link_traffic.list_commands(None):  # type: ignore[arg-type]
        assert f"`{name}`" in text, name
