"""A process is kept for each package, told of like any other, started anew if it dies, and ended at last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forecasting_jobs.kept_process import kept_processes
from forecasting_jobs.suite_process import CommandFailed

MAIN = """
import os, sys
print(os.getpid(), os.environ["WHAT"])
if "die" in sys.argv:
    os.kill(os.getpid(), 9)
if "fail" in sys.argv:
    sys.exit("it is too late")
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which there are two packages."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "__main__.py").write_text(MAIN)
    return {"PYTHONPATH": str(tmp_path), "WHAT": "a replay"}


def test_commands_of_a_package_share_a_process_that_ends_with_the_block(environ: dict[str, str]) -> None:
    with kept_processes(environ) as processes:
        first, again, other = processes.run("one"), processes.run("one", "word"), processes.run("other")
    assert first == again != other and first.endswith(" a replay\n")
    for said in (first, other):
        with pytest.raises(ProcessLookupError):
            os.kill(int(said.split()[0]), 0)


def test_a_command_that_fails_is_told_as_that_of_a_process_of_its_own(environ: dict[str, str]) -> None:
    with kept_processes(environ) as processes:
        before = processes.run("one")
        with pytest.raises(CommandFailed, match=r"^one fail ended with 1: it is too late$"):
            processes.run("one", "fail")
        assert processes.run("one") == before


def test_a_process_that_dies_is_told_and_another_takes_its_place(environ: dict[str, str]) -> None:
    with kept_processes(environ) as processes:
        before = processes.run("one")
        with pytest.raises(CommandFailed, match="one die ended without an answer"):
            processes.run("one", "die")
        assert processes.run("one") != before
