from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.errors import ConfigurationError
from ml_core.jobs.known_jobs import parse_crontab, read_known_jobs


def test_a_line_gives_schedule_module_and_arguments() -> None:
    text = """
MAILTO=ops@example.org
# fetch: get the newest hour
5 * * * * cd /srv && .venv/bin/python -m forecasting_jobs.response_time fetch --series "a b" >>var/log/x.log 2>&1
"""
    (job,) = parse_crontab(text).values()
    assert (job.name, job.description, job.fields) == ("fetch", "get the newest hour", "5 * * * *")
    assert (job.module, job.arguments) == ("forecasting_jobs.response_time", ("fetch", "--series", "a b"))
    assert job.command == "python -m forecasting_jobs.response_time fetch --series 'a b'"
    assert not job.needs_shell


def test_without_a_comment_the_command_is_the_name() -> None:
    assert list(parse_crontab("0 3 * * * python3 -m ml_core.store retain --days 3 2>&1")) == [
        "ml_core.store retain --days 3"
    ]


def test_a_comment_names_only_the_line_below_it() -> None:
    text = "# one: first\n\n0 3 * * * python -m ml_monitor check\n"
    assert list(parse_crontab(text)) == ["ml_monitor check"]


@pytest.mark.parametrize(
    "line",
    [
        "0 3 * * * rm -rf /",
        "0 3 * * * python -m http.server",
        "0 3 * * * python -m ml_core_evil",
        "0 3 * * * python /tmp/x.py",
        "* * * * * python -m ml_core.jobs run-requested",
        "SHELL=/bin/sh",
        "",
    ],
)
def test_other_commands_are_no_jobs(line: str) -> None:
    assert parse_crontab(line) == {}


@pytest.mark.parametrize("argument", ["$(date)", "`id`", "$HOME", "~/x", "*.gz"])
def test_what_only_a_shell_understands_is_noted(argument: str) -> None:
    (job,) = parse_crontab(f"0 3 * * * python -m ml_core.store backup {argument}").values()
    assert job.needs_shell


@pytest.mark.parametrize("line", ["99 3 * * * python -m ml_monitor check", "0 3 * * * python -m ml_monitor 'check"])
def test_a_wrong_line_is_named_by_its_number(line: str) -> None:
    with pytest.raises(ConfigurationError, match="crontab: line 2: "):
        parse_crontab(f"# x\n{line}")


def test_a_file_that_cannot_be_read_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"crontab: cannot read .*: No such file"):
        read_known_jobs(tmp_path / "none")
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_known_jobs(tmp_path / "odd")
