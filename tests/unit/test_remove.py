"""remove.sh, in a folder of its own: what the suite has made goes, data only on demand, and nothing else."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from ml_core.config import project_root
from ml_core.jobs.cron_block import cron_block


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A suite that was installed, has run, and has data; beside things of the user."""
    made = tmp_path / "the suite"
    made.mkdir()
    (made / "deploy").mkdir()
    shutil.copy(project_root() / "deploy/remove.sh", made / "deploy")
    add(made, [".venv/installed", ".pipenv/installed", ".venv/lib/python", ".mypy_cache/x", "ml.egg-info/PKG-INFO"])
    add(made, ["ml_core/clock.py", "ml_core/__pycache__/clock.pyc", "tests/unit/__pycache__/a.pyc", "notes.txt"])
    add(made, ["var/log/a.log", "var/run/metrics/x.db", "var/tools/usr/bin/prometheus", "var/mine/file"])
    add(made, ["var/store/documents.json", "var/artifacts/model", "var/prometheus/wal"])
    return made


def add(folder: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("kept")


def remove(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "deploy/remove.sh", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"deploy/remove.sh"}


DATA = {"var/store/documents.json", "var/artifacts/model", "var/prometheus/wal"}
OURS = {"ml_core/clock.py", "notes.txt", "var/mine/file"}


def test_env_removes_environments_and_caches_alone(folder: Path) -> None:
    result = remove(folder, "env")
    assert result.returncode == 0, result.stderr
    left = {"var/log/a.log", "var/run/metrics/x.db", "var/tools/usr/bin/prometheus"}
    assert files(folder) == OURS | DATA | left
    assert "removed .venv\n" in result.stdout


def test_an_environment_that_install_sh_has_not_made_stays(folder: Path) -> None:
    (folder / ".venv" / "installed").unlink()
    assert "kept .venv: " in remove(folder, "env").stdout
    assert (folder / ".venv" / "lib" / "python").exists()


def test_all_keeps_data_if_nobody_can_be_asked(folder: Path) -> None:
    result = remove(folder, "all")
    assert result.returncode == 0, result.stderr
    assert "kept var/store var/artifacts var/prometheus: there is no terminal" in result.stdout
    assert files(folder) >= DATA | OURS
    assert not any(name.startswith(("var/log", "var/run", "var/tools")) for name in files(folder))


def test_all_with_yes_removes_data_and_nothing_that_is_not_ours(folder: Path) -> None:
    assert remove(folder, "all", "--yes").returncode == 0
    left = {name for name in files(folder) if name.startswith("var/")}
    assert left == {"var/mine/file"}
    assert (folder / ".venv" / "installed").exists()


@pytest.mark.parametrize(("reply", "stays"), [("y\n", False), ("\n", True), ("n\n", True)])
def test_all_asks_before_data_are_removed(folder: Path, reply: str, stays: bool) -> None:
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, reply.encode())
        result = subprocess.run(
            [folder / "deploy/remove.sh", "all"], stdin=terminal, capture_output=True, text=True, timeout=30
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert result.returncode == 0, result.stderr
    assert "Nothing brings it back. [y/N]" in result.stdout
    assert (folder / "var" / "store").exists() == stays


def test_nothing_is_removed_while_something_runs(folder: Path) -> None:
    (folder / "var" / "run" / "ml_monitor.pid").write_text(
        f'{{"pid": {os.getpid()}, "start_ticks": 1, "port": 5001}}\n'
    )
    before = files(folder)
    for word in ("env", "all"):
        result = remove(folder, word, "--yes")
        assert result.returncode == 1
        assert result.stderr == f"remove.sh: ml_monitor runs (pid {os.getpid()}): make stop-all first\n"
    assert files(folder) == before


def test_nothing_is_removed_while_cron_calls_the_jobs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder.parent / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = -l ] && cat "{folder.parent}/crontab"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    before = files(folder)
    (folder.parent / "crontab").write_bytes(cron_block(["* * * * * true"], folder))
    for words in (["env"], ["all", "--yes"]):
        result = remove(folder, *words)
        assert result.returncode == 1
        assert result.stderr == "remove.sh: cron calls the jobs of this folder: make remove-cron first\n"
    assert files(folder) == before
    (folder.parent / "crontab").write_bytes(cron_block(["* * * * * true"], folder / "another"))
    assert remove(folder, "env").returncode == 0


def test_a_link_goes_and_what_it_leads_to_stays(folder: Path, tmp_path: Path) -> None:
    add(tmp_path, ["shared/usr/bin/prometheus"])
    shutil.rmtree(folder / "var" / "tools")
    (folder / "var" / "tools").symlink_to(tmp_path / "shared")
    assert remove(folder, "all").returncode == 0
    assert not (folder / "var" / "tools").is_symlink()
    assert (tmp_path / "shared" / "usr" / "bin" / "prometheus").exists()


def test_containers_are_removed_by_compose_and_their_data_only_on_demand(folder: Path) -> None:
    add(folder, ["var/docker.env"])
    script = folder / "deploy" / "compose.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text('#!/bin/sh\necho "$*" >>calls\n')
    script.chmod(0o755)
    remove(folder, "all")
    assert (folder / "calls").read_text() == "remove\n"
    assert (folder / "var" / "docker.env").exists()
    remove(folder, "all", "--yes")
    assert (folder / "calls").read_text() == "remove\nremove\nremove-data\n"
    assert not (folder / "var" / "docker.env").exists()


@pytest.mark.parametrize("words", [[], ["everything"], ["env", "--force"]])
def test_unknown_words_get_the_usage_and_exit_2(folder: Path, words: list[str]) -> None:
    before = files(folder)
    result = remove(folder, *words)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: deploy/remove.sh")
    assert files(folder) == before


def test_help_tells_of_every_word(folder: Path) -> None:
    result = remove(folder, "--help")
    assert result.returncode == 0
    assert all(word in result.stdout for word in ("env", "all", "--yes"))
