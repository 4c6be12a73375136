"""The command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from ml_core.launcher.__main__ import main
from ml_core.launcher.platform import known_programs
from ml_core.settings import Settings


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_a_wrong_setting_is_one_line_and_exit_1(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_MONITOR__PRT", "5001")
    result = CliRunner().invoke(main, [command])
    assert result.exit_code == 1
    assert result.stderr == "ML_MONITOR__PRT: there is no setting monitor.prt\n"
    assert result.stdout == ""


def test_stop_of_an_unknown_part_is_a_failure_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_RUN_FOLDER", str(tmp_path / "run"))
    result = CliRunner().invoke(main, ["stop", "montor"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("there is no montor to stop: expected one of ") and result.stderr.count("\n") == 1


def test_stop_with_nothing_running_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_RUN_FOLDER", str(tmp_path / "run"))
    result = CliRunner().invoke(main, ["stop"])
    assert (result.exit_code, result.stdout) == (0, "nothing to stop\n")


def test_status_names_every_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_RUN_FOLDER", str(tmp_path / "run"))
    result = CliRunner().invoke(main, ["status"])
    assert [line.split() for line in result.stdout.splitlines()] == [
        [program.name, "stopped"] for program in known_programs(Settings())
    ]


def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["start", "ml_monitr"])
    assert result.exit_code == 1
    assert result.stderr.startswith("there is no ml_monitr to start: expected one of ml_monitor, ml_models")


def test_what_is_not_enabled_is_told_with_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_PROMETHEUS__ENABLED", "false")
    result = CliRunner().invoke(main, ["start", "prometheus"])
    assert result.exit_code == 1
    assert result.stderr == "prometheus is not installed, or not enabled: ./install.sh --platform installs it\n"


def test_a_probe_ends_with_0_only_if_the_program_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    with _answering({"/readyz": 200}) as port:
        monkeypatch.setenv("ML_MODELS__PORT", str(port))
        assert CliRunner().invoke(main, ["probe", "ml_models"]).exit_code == 0
    result = CliRunner().invoke(main, ["probe", "ml_models"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"GET http://127.0.0.1:{port}/readyz: ")


@pytest.mark.parametrize("command", ["start", "stop", "status", "probe"])
def test_each_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 2


@contextmanager
def _answering(statuses: dict[str, int]) -> Iterator[int]:
    """Serve these paths on a free port, and give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.get(self.path, 404))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
