"""Where programs of others are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.launcher import installed
from ml_core.launcher.installed import alertmanager_command, find_program


def add_program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_program_of_the_path_is_taken_before_an_unpacked_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "project_root", lambda: tmp_path)
    assert find_program("some-server") is None
    unpacked = add_program(tmp_path / "var" / "tools" / "usr" / "sbin" / "some-server")
    assert find_program("some-server") == unpacked
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_program("some-server") == unpacked
    own = add_program(tmp_path / "bin" / "some-server")
    assert find_program("some-server") == own


def test_an_alertmanager_of_the_system_is_started_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = add_program(tmp_path / "bin" / "prometheus-alertmanager")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert alertmanager_command() == (own,)


def test_an_unpacked_alertmanager_that_cannot_be_given_its_templates_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "project_root", lambda: tmp_path)
    monkeypatch.setattr(installed, "_TEMPLATES", tmp_path / "not there")
    add_program(tmp_path / "var" / "tools" / "usr" / "bin" / "prometheus-alertmanager")
    unshare = tmp_path / "bin" / "unshare"
    add_program(unshare)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    command = alertmanager_command()
    assert command is not None
    assert command[0] == str(unshare)
    assert command[-1].endswith("prometheus-alertmanager")
    unshare.write_text("#!/bin/sh\nexit 1\n")
    assert alertmanager_command() is None
