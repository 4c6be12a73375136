"""The dashboard's benchmark: one quick round of each part, and what its lines and its exit code say. Not the values."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks.dashboard import PARTS
from ml_core.config import project_root

LINE = re.compile(r"[^:]+: .+ \(asked: [^()]+\) (ok|short|short \(the control showed nothing\))")
FIGURES = {"pages": 4, "charts": 1, "client": 2, "models": 2}


@pytest.mark.parametrize("part", PARTS)
def test_a_quick_round_of_each_part_prints_its_lines(part: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.dashboard", "--quick", part],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    lines = result.stdout.splitlines()
    assert "Traceback" not in result.stderr, result.stderr[-4000:]
    assert len(lines) == FIGURES[part]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert [line for line in lines if "showed nothing" in line] == []
    assert result.returncode == (0 if all(line.endswith(" ok") for line in lines) else 1)
