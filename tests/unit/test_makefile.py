"""The Makefile: every word explains itself, and says what to do where something is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ml_core.config import project_root

TARGETS = [
    "bench-dashboard",
    "bench-forecast",
    "bench-link-traffic",
    "bench-monitor",
    "bench-response-time",
    "bench-serving",
    "bench-store",
    "build-api",
    "demo",
    "help",
    "install",
    "install-cron",
    "lint",
    "remove-all",
    "remove-cron",
    "remove-env",
    "run-all",
    "run-api",
    "run-jupyter",
    "run-platform",
    "status",
    "stop-all",
    "stop-api",
    "stop-jupyter",
    "stop-platform",
    "test",
    "test-platform",
    "try-image",
    "try-pythons",
    "types",
]
PLATFORM = [
    ("run-platform", ["start"]),
    ("stop-platform", ["stop"]),
    ("run-api", ["start anomaly_api"]),
    ("stop-api", ["stop anomaly_api"]),
    ("run-jupyter", ["start jupyter"]),
    ("stop-jupyter", ["stop jupyter"]),
    ("run-all", ["start", "start jupyter"]),
    ("stop-all", ["stop --all"]),
    ("status", ["status"]),
]


def clean_environment() -> dict[str, str]:
    """Return the environment without what an outer make or git has set, which may be what runs these tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "GIT_"))}


def make(*arguments: str, folder: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder or project_root(),
        env=clean_environment() | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile and nothing else."""
    made = tmp_path / "the suite"
    made.mkdir()
    shutil.copy(project_root() / "Makefile", made)
    return made


def add_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def test_every_target_has_its_line_in_help() -> None:
    lines = make("help").stdout.splitlines()
    assert all(re.fullmatch(r"  make \S+ +\S.+", line) for line in lines)
    assert sorted(line.split()[1] for line in lines) == TARGETS


def test_every_target_is_a_word_and_not_a_file() -> None:
    text = (project_root() / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert sorted(" ".join(phony).split()) == TARGETS


def test_the_default_goal_starts_the_platform(folder: Path) -> None:
    add_program(folder / ".venv/bin/python", '#!/bin/sh\necho "$*"\n')
    assert make(folder=folder).stdout == "-m ml_core.launcher start\n"


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        *((target, [f"-m ml_core.launcher {words}" for words in commands]) for target, commands in PLATFORM),
        ("build-api", ["-m ml_core.launcher prepare anomaly_api"]),
        ("test-platform", ["-m anomaly_api.tester"]),
        ("test", ["-m pytest -n 3 --dist loadgroup"]),
        ("bench-store", ["-m benchmarks.store"]),
        ("bench-monitor", ["-m benchmarks.monitor"]),
        ("types", ["-m mypy"]),
        ("install-cron", ["-m ml_core.jobs install-cron"]),
        ("remove-cron", ["-m ml_core.jobs remove-cron"]),
        ("lint", ["-m ruff check", "-m ruff format --check", "-m mypy", "lint-imports"]),
    ],
)
def test_a_word_runs_its_commands_in_the_environment(folder: Path, target: str, commands: list[str]) -> None:
    add_program(folder / ".venv/bin/python", '#!/bin/sh\necho "$*" >>calls\n')
    add_program(folder / ".venv/bin/pytest", "#!/bin/sh\n")
    add_program(folder / ".venv/bin/lint-imports", "#!/bin/sh\necho lint-imports >>calls\n")
    assert make(target, folder=folder).returncode == 0
    assert (folder / "calls").read_text().splitlines() == commands


@pytest.mark.parametrize(("target", "commands"), [*PLATFORM, ("build-api", ["build"]), ("test-platform", ["test"])])
def test_with_docker_the_same_words_go_to_compose_and_need_no_environment(
    folder: Path, target: str, commands: list[str]
) -> None:
    add_program(folder / "deploy/compose.sh", '#!/bin/sh\necho "$*" >>calls\n')
    assert make(target, "RUNTIME=docker", folder=folder).returncode == 0
    assert (folder / "calls").read_text().splitlines() == commands


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["N=50"], "--requests 50"),
        (["ALL=1"], "--all"),
        (["ALL=1", "N=50"], "--all"),
        (["OS=other"], ""),
        (["N=5", "ARGS=--per-second 0"], "--requests 5 --per-second 0"),
    ],
)
def test_the_tester_is_told_how_many(folder: Path, words: list[str], arguments: str) -> None:
    add_program(folder / ".venv/bin/python", '#!/bin/sh\necho "$*"\n')
    assert make("test-platform", *words, folder=folder).stdout.split() == f"-m anomaly_api.tester {arguments}".split()


@pytest.mark.parametrize(("target", "words"), [("remove-env", "env"), ("remove-all", "all --yes")])
def test_what_is_removed_is_up_to_the_script(folder: Path, target: str, words: str) -> None:
    add_program(folder / "deploy/remove.sh", '#!/bin/sh\necho "$*"\n')
    assert make(target, "FLAGS=--yes", folder=folder).stdout == f"{words}\n"


@pytest.mark.parametrize(
    "target",
    [
        *(target for target, _ in PLATFORM),
        "build-api",
        "test-platform",
        "test",
        "lint",
        "types",
        "bench-store",
        "bench-monitor",
    ],
)
def test_without_an_environment_the_line_says_what_to_run_first(folder: Path, target: str) -> None:
    result = make(target, folder=folder)
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == "there is no .venv here: run ./install.sh first"


@pytest.mark.parametrize("target", ["test", "lint", "types", "bench-store", "bench-monitor"])
def test_without_the_test_tools_the_line_says_how_to_get_them(folder: Path, target: str) -> None:
    add_program(folder / ".venv/bin/python", "#!/bin/sh\n")
    result = make(target, folder=folder)
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == "the test tools are not installed: run ./install.sh --dev first"


def test_a_python_newer_than_the_test_tools_does_not_hinder_them(folder: Path) -> None:
    add_program(folder / ".venv/bin/pytest", "#!/bin/sh\n")
    os.utime(folder / ".venv/bin/pytest", (0, 0))
    add_program(folder / ".venv/bin/python", "#!/bin/sh\n")
    assert make("types", folder=folder).returncode == 0


def test_try_pythons_tries_a_clone_with_each_python_and_reports_each(folder: Path, tmp_path: Path) -> None:
    add_program(folder / "install.sh", '#!/bin/sh\necho "$PYTHON $*"\n[ "$PYTHON" != python3.12 ]\n')
    (folder / "Makefile").write_text(
        (folder / "Makefile").read_text().replace("test: $(python) $(test_tools)", "test:")
    )
    add_program(folder / ".venv/bin/python", "#!/bin/sh\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "init.defaultBranch=main"]
    for arguments in (["init", "--quiet"], ["add", "--force", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=folder, env=clean_environment(), check=True)
    (folder / "install.sh").write_text("this is not committed, and so not tried")
    for version in ("3.11", "3.12"):
        add_program(tmp_path / f"bin/python{version}", "#!/bin/sh\n")
    add_program(tmp_path / "bin/python3.13", "#!/bin/sh\nexit 127\n")  # as a shim does whose version is not there
    result = make(
        "try-pythons", folder=folder, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", PYENV_ROOT=str(tmp_path / "none")
    )
    first, second, third = result.stdout.splitlines()
    assert re.fullmatch(r"Python 3\.11: passed in \d+ s, see var/try/3\.11\.log", first)
    assert re.fullmatch(r"Python 3\.12: FAILED in \d+ s, see var/try/3\.12\.log", second)
    assert third == "Python 3.13: not found here, not tried"
    assert result.returncode != 0
    assert (folder / "var/try/3.11.log").read_text().startswith("python3.11 --yes --dev\n")
