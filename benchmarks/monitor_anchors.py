"""The anchors of the monitor's benchmark, Evidently and NannyML, in a virtual environment of their own.

Both want older libraries than the suite, so they are installed under ``var/bench-anchors`` and asked in a process: a
script is run with the name of a task and a folder of data, and prints what ``report`` prints. Ours is asked in the same
way, by our own Python, so that both begin with a fresh process, and only the operation itself is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import progress
from ml_core.config import project_root

REQUIREMENTS = ("evidently==0.7.*", "nannyml==0.13.*", "pandas<3", "statsmodels")
_LONGEST_TASK_SECONDS = 1_800
# One thread each: what is compared is work, not how many processors happen to be free. Neither may call home.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task cost and found: CPU seconds, megabytes of memory at its peak over those before, and values."""

    cpu_seconds: float
    added_megabytes: float
    values: dict[str, Any]


def anchors_python(name: str = "bench-anchors", requirements: Sequence[str] = REQUIREMENTS) -> str:
    """Return the Python of an environment ``var/<name>``; install what it is for if that is not there as required."""
    folder = project_root() / "var" / name
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    wanted = "\n".join(requirements)
    if installed.exists() and installed.read_text() == wanted:
        return str(python)
    progress(f"{name}: installing {', '.join(requirements)}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True, stdout=sys.stderr)
    installed.write_text(wanted)
    return str(python)


def ask(python: str, script: str, arguments: Sequence[str | Path]) -> Answer:
    """Run a script of this folder with its arguments, of which it makes what it likes; return what it printed last."""
    folder = project_root() / "var"
    folder.mkdir(exist_ok=True)
    environment = os.environ | _ENVIRONMENT
    if python == sys.executable:
        environment["PYTHONPATH"] = str(project_root())
    result = subprocess.run(
        [python, str(project_root() / "benchmarks" / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_TASK_SECONDS,
        env=environment,
        cwd=folder,
    )
    if result.returncode:
        raise RuntimeError(f"{script} {arguments[0]} ended with {result.returncode}: {result.stderr[-2000:]}")
    return Answer(**json.loads(result.stdout.splitlines()[-1]))


def run_anchor(code: str, *arguments: str) -> Any:
    """Return what ``code`` prints last, as JSON, when the anchors' Python runs it with the arguments."""
    result = subprocess.run(
        [anchors_python(), "-W", "ignore", "-c", code, *arguments],
        env=os.environ | _ENVIRONMENT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def nannyml_data() -> Path:
    """Return the folder of the data sets that come with NannyML."""
    code = "import importlib.util, json; print(json.dumps(importlib.util.find_spec('nannyml').origin))"
    return Path(run_anchor(code)).parent / "datasets" / "data"
