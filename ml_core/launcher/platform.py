"""All that the launcher knows to start: the platform, and the notebooks beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ml_core.launcher.apps import platform_apps
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.jobs import job_programs
from ml_core.launcher.jupyter import NAME as JUPYTER
from ml_core.launcher.jupyter import jupyter, jupyter_is_installed
from ml_core.launcher.programs import Program
from ml_core.launcher.prometheus import monitoring_programs
from ml_core.settings import Settings

# How to get what is not there.
_FLAGS = {"prometheus": "--platform", "alertmanager": "--platform", JUPYTER: "--notebook"}
_BY_SETTINGS = ("controller", "schedule")


def platform_programs(settings: Settings) -> tuple[Program, ...]:
    """Return what ``make run-platform`` starts: the apps, what calls the jobs, and what watches, where it is there."""
    apps = platform_apps(settings)
    return (*apps, *job_programs(settings), *monitoring_programs(settings, apps))


def known_programs(settings: Settings) -> tuple[Program, ...]:
    """Return the platform and, where it is installed, JupyterLab."""
    notebooks = (jupyter(settings),) if jupyter_is_installed() else ()
    return (*platform_programs(settings), *notebooks)


def chosen_programs(settings: Settings, names: Collection[str]) -> tuple[Program, ...]:
    """Return the programs of these names; the whole platform for none. Raises ``LauncherError`` for one that is not."""
    if not names:
        return platform_programs(settings)
    known = {program.name: program for program in known_programs(settings)}
    for name in names:
        if name not in known:
            raise LauncherError(_explain(name, list(known)))
    return tuple(known[name] for name in dict.fromkeys(names))


def check_stoppable(settings: Settings, names: Collection[str], recorded: Collection[str]) -> None:
    """Raise ``LauncherError`` for a name of nothing that is ``recorded`` as started or that could have been.

    Parts that these settings leave out count too: they may have been started under others.
    """
    if unknown := [name for name in names if name not in recorded]:
        known = dict.fromkeys([*(each.name for each in known_programs(settings)), *_BY_SETTINGS, *_FLAGS, *recorded])
        for name in unknown:
            if name not in known:
                raise LauncherError(f"there is no {name[:60]} to stop: expected one of {', '.join(known)}")


def not_installed(programs: Sequence[Program], settings: Settings) -> list[str]:
    """Return the names of those parts of the platform that are wanted but not installed."""
    wanted = {"prometheus": settings.prometheus.enabled, "alertmanager": settings.alertmanager.enabled}
    names = {program.name for program in programs}
    return [name for name, is_wanted in wanted.items() if is_wanted and name not in names]


def _explain(name: str, known: Sequence[str]) -> str:
    if name in _FLAGS:
        return f"{name} is not installed, or not enabled: ./install.sh {_FLAGS[name]} installs it"
    return f"there is no {name} to start: expected one of {', '.join(known)}"
