"""Runs this app's tests: ``python test.py``, as in the first system."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from ml_core.config import project_root


def main() -> int:
    """Run the tests of this app, and return pytest's exit status."""
    if importlib.util.find_spec("pytest") is None:
        print("error: the test tools are not installed; run ./install.sh --dev", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "pytest", "tests/unit/ml_models", *sys.argv[1:]]
    return subprocess.run(command, cwd=project_root(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
