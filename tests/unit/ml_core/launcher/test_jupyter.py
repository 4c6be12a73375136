"""JupyterLab as the launcher starts it: behind a token, on loopback, with nothing kept in the user's home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_core.launcher.jupyter import jupyter
from ml_core.launcher.pid_files import Record, write_record
from ml_core.launcher.proc import process_state
from ml_core.settings import JupyterSettings, Settings


def token_of(settings: Settings) -> str:
    program = jupyter(settings)
    token = program.environment["JUPYTER_TOKEN"]
    assert program.shown_url.endswith(f"?token={token}")
    assert list(program.files.values()) == [token]
    return token


def test_the_token_is_that_of_the_environment_or_one_that_nobody_can_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(run_folder=str(tmp_path))
    monkeypatch.setenv("JUPYTER_TOKEN", "mine")
    assert token_of(settings) == "mine"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("JUPYTER_TOKEN")
        else:
            monkeypatch.setenv("JUPYTER_TOKEN", unset)
        first, second = token_of(settings), token_of(settings)
        assert first != second
        assert len(first) >= 32


def test_the_token_of_one_that_runs_stays_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(run_folder=str(tmp_path))
    monkeypatch.setenv("JUPYTER_TOKEN", "new")
    (path,) = jupyter(settings).files
    path.parent.mkdir()
    path.write_text("old")
    assert token_of(settings) == "new"
    state = process_state(os.getpid())
    assert state is not None
    write_record(tmp_path, "jupyter", Record(os.getpid(), state.start_ticks, 8888))
    assert token_of(settings) == "old"


def test_it_listens_on_loopback_and_keeps_its_files_in_the_run_folder(tmp_path: Path) -> None:
    program = jupyter(Settings(run_folder=str(tmp_path), jupyter=JupyterSettings(port=9999)))
    assert {"--ip=127.0.0.1", "--port=9999"} <= set(program.command)
    folders = {name: value for name, value in program.environment.items() if name != "JUPYTER_TOKEN"}
    assert len(folders) == 5
    assert all(value.startswith(str(tmp_path)) for value in folders.values())
