"""What there is to start."""

from __future__ import annotations

from ml_core.launcher.apps import platform_apps
from ml_core.launcher.platform import chosen_programs, known_programs, not_installed, platform_programs
from ml_core.settings import AlertmanagerSettings, JobsSettings, PrometheusSettings, Settings

BARE = Settings(
    prometheus=PrometheusSettings(enabled=False),
    alertmanager=AlertmanagerSettings(enabled=False),
    jobs=JobsSettings(schedule=False),
)


def test_the_platform_is_the_apps_and_then_what_calls_jobs_and_watches_them() -> None:
    names = [program.name for program in platform_programs(Settings())]
    apps = [app.name for app in platform_apps(Settings())]
    assert names == [*apps, "controller", "schedule", "prometheus", "alertmanager"]
    assert platform_programs(BARE) == platform_apps(BARE)


def test_without_names_the_platform_is_chosen_and_no_notebook() -> None:
    assert chosen_programs(BARE, []) == platform_apps(BARE)
    assert "jupyter" not in {program.name for program in chosen_programs(Settings(), [])}


def test_the_named_are_chosen_once_each() -> None:
    assert [program.name for program in chosen_programs(BARE, ["ml_models", "ml_models"])] == ["ml_models"]


def test_notebooks_are_known_where_they_are_installed() -> None:
    assert known_programs(Settings())[-1].name == "jupyter"


def test_what_is_wanted_and_missing_is_named() -> None:
    assert not_installed(platform_apps(Settings()), Settings()) == ["prometheus", "alertmanager"]
    assert not_installed(platform_apps(BARE), BARE) == []
