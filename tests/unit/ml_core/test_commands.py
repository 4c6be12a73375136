"""Errors on the command line, and commands that load only when they are called."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ml_core.commands import LazyGroup, plain_errors
from ml_core.errors import ConfigurationError, StoreUnavailable, SuiteError


@pytest.mark.parametrize("error", [ConfigurationError("port is taken"), StoreUnavailable("the disk is full")])
def test_an_error_of_ours_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str], error: SuiteError) -> None:
    with pytest.raises(SystemExit) as caught, plain_errors():
        raise error
    assert caught.value.code == 1
    output = capsys.readouterr()
    assert output.err == f"error: {error.message}\n"
    assert output.out == ""


def test_any_other_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError


def test_without_an_error_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_errors():
        pass
    assert capsys.readouterr() == ("", "")


@click.command()
def far() -> None:
    """Say that it was called."""
    click.echo("called")


@click.group(cls=LazyGroup, lazy={"far": (f"{__name__}:far", "A line for the help.")})
def group() -> None:
    """A group."""


@group.command()
def near() -> None:
    """A command of its own."""


def test_a_lazy_command_is_called_as_any_other() -> None:
    assert CliRunner().invoke(group, ["far"]).output == "called\n"
    assert CliRunner().invoke(group, ["nowhere"]).exit_code == 2


def test_help_shows_the_first_sentence_of_a_command_whole() -> None:
    sentence = "Bring what was kept by a version of long ago to where the one of today looks for it"

    @group.command("long", help=f"{sentence}. There is more to say.")
    def long() -> None: ...

    told = " ".join(CliRunner().invoke(group, ["--help"]).output.split())
    del group.commands["long"]
    assert f"long {sentence}." in told and "more" not in told


def test_help_lists_lazy_commands_beside_the_others_in_order() -> None:
    lines = CliRunner().invoke(group, ["--help"]).output.splitlines()
    assert lines[lines.index("Commands:") + 1 :] == ["  far   A line for the help.", "  near  A command of its own."]


def test_the_help_of_the_monitor_loads_no_command() -> None:
    code = (
        "import sys; from ml_monitor.__main__ import main; main(['--help'], standalone_mode=False)\n"
        "late = ('pandas', 'ml_monitor.check', 'ml_monitor.alerting.rules_command')\n"
        "sys.exit(any(name in sys.modules for name in late))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "check" in result.stdout
