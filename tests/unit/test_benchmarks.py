"""The store's benchmark: one quick round of each part, and what its lines and its exit code say. Not the values."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks.figures import Figure, Pairs, Sizes
from benchmarks.store import PARTS, main
from ml_core.config import project_root
from tests.mariadb import new_server

LINE = re.compile(r"[^:]+: .+ \(asked: [^()]+\) (ok|short|short \(the control showed nothing\))")
FIGURES = {
    "documents": 2,
    "kills": 4,
    "faults": 3,
    "batches": 3,
    "groups": 3,
    "compaction": 2,
    "reads": 6,
    "outage": 4,
}
BY_ITS_COMMAND = "groups"
NEEDS_MARIADB = {"batches", "reads", "outage"}


def reached(sizes: Sizes, folder: Path) -> Iterable[Figure]:
    return [Figure("a count", "5", "5", met=True)]


def missed(sizes: Sizes, folder: Path) -> Iterable[Figure]:
    return [Figure("a ratio", "3.00", "at most 2", met=False)]


def unproven(sizes: Sizes, folder: Path) -> Iterable[Figure]:
    return [Figure("a count", "0", "0", met=True, shown=False)]


def broken(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    yield Figure("a count", "5", "5", met=True)
    raise OSError("no such disk")


def test_the_exit_code_is_0_only_if_every_figure_is_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"one": reached, "other": reached}) == 0
    assert main([], {"one": missed, "other": reached}) == 1
    assert main([], {"one": reached, "other": unproven}) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "a ratio: 3.00 (asked: at most 2) short",
        "a count: 5 (asked: 5) ok",
        "a count: 5 (asked: 5) ok",
        "a count: 0 (asked: 0) short (the control showed nothing)",
    ]


def test_a_part_that_fails_is_short_and_the_next_one_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"one": broken, "other": reached}) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "a count: 5 (asked: 5) ok",
        "one: stopped by OSError, see above (asked: to be measured) short",
        "a count: 5 (asked: 5) ok",
    ]
    assert "no such disk" in printed.err


def test_parts_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["other"], {"one": missed, "other": reached}) == 0
    with pytest.raises(SystemExit):
        main(["another"], {"one": missed, "other": reached})
    assert "no such part: another" in capsys.readouterr().err


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert Pairs([1.0, 4.0, 30.0], [1.0, 2.0, 3.0]).ratio == 2.0


def may_mount(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "bench-store", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


def assert_lines(part: str, lines: list[str], code: int) -> None:
    assert len(lines) == FIGURES[part]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert code == (0 if all(line.endswith(" ok") for line in lines) else 1)


@pytest.mark.parametrize("part", [part for part in PARTS if part != BY_ITS_COMMAND])
def test_a_quick_round_of_each_part_prints_its_lines(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if part in NEEDS_MARIADB:
        new_server().remove()  # skips where there is none
    if part == "faults" and not may_mount(tmp_path):
        pytest.skip("needs the right to mount a small disk")
    code = main(["--quick", part])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err, printed.err[-4000:]
    assert_lines(part, printed.out.splitlines(), code)


def test_the_command_prints_the_lines_of_a_part_and_ends_with_its_verdict() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.store", "--quick", BY_ITS_COMMAND],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr[-4000:]
    assert_lines(BY_ITS_COMMAND, result.stdout.splitlines(), result.returncode)
