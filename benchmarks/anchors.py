"""The libraries that the monitor is measured against, in a virtual environment of their own under ``var``.

They want other versions than the suite (pandas 2), and NannyML leaves out statsmodels, which it needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import progress
from ml_core.config import project_root

NANNYML = ("nannyml==0.13.*", "pandas<3", "statsmodels")


def anchor_python(*requirements: str) -> Path:
    """Return the Python of the environment, after installing what is asked for there."""
    folder = project_root() / "var" / "bench-anchors"
    python = folder / "bin" / "python"
    if not python.exists():
        progress(f"anchors: a virtual environment in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    progress(f"anchors: {', '.join(requirements)}")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True, stdout=sys.stderr)
    return python


def run_anchor(python: Path, code: str, *arguments: str) -> Any:
    """Return what ``code`` prints last, as JSON, when run there with the arguments. It calls nobody at home."""
    result = subprocess.run(
        [str(python), "-W", "ignore", "-c", code, *arguments],
        env=os.environ | {"NML_DISABLE_USAGE_LOGGING": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def nannyml_data(python: Path) -> Path:
    """Return the folder of the data sets that come with NannyML."""
    code = "import importlib.util, json; print(json.dumps(importlib.util.find_spec('nannyml').origin))"
    return Path(run_anchor(python, code)).parent / "datasets" / "data"
