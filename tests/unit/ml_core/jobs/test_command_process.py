"""Commands that are run again and again in one process end and write as those of their own would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml_core.config import project_root
from ml_core.jobs.command_process import call
from ml_core.worker.messages import read_message, write_message

COUNTING = """
import sys
from counting.seen import seen
seen.append(1)
print(len(seen), *sys.argv[1:])
"""


def a_package(folder: Path, name: str, main: str) -> None:
    (folder / name).mkdir()
    for file, text in {"__init__.py": "", "seen.py": "seen = []\n", "__main__.py": main}.items():
        (folder / name / file).write_text(text)


def test_a_command_gets_its_arguments_and_finds_what_was_imported_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_package(tmp_path, "counting", COUNTING)
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.argv
    assert call("counting", ["a", "b"]) == {"code": 0, "output": "1 a b\n", "errors": ""}
    assert call("counting", [])["output"] == "2\n"
    assert sys.argv is before


@pytest.mark.parametrize(
    ("main", "code", "errors"),
    [
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(75)", 75, ""),
        ("raise SystemExit('no such thing')", 1, "no such thing\n"),
        ("import warnings, sys\nprint('a line', file=sys.stderr)\n1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_it_ends_with_the_code_of_a_process_and_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: str, code: int, errors: str
) -> None:
    a_package(tmp_path, f"ending_{code}_{len(main)}", main)
    monkeypatch.syspath_prepend(tmp_path)
    ended = call(f"ending_{code}_{len(main)}", [])
    assert ended["code"] == code and ended["errors"].endswith(errors)


def test_the_process_answers_each_request_until_its_input_ends() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ml_core.jobs.command_process"],
        cwd=project_root(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        for option, code in (("--help", 0), ("--no-such-option", 2)):
            write_message(process.stdin, ["ml_core.jobs", option])
            answer = read_message(process.stdout)
            assert answer is not None and answer["code"] == code
            assert "Usage: " in answer["output"] + answer["errors"]
        process.stdin.close()
        assert read_message(process.stdout) is None
    assert process.wait(20) == 0
