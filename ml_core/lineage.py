"""Where a trained model comes from: the data, the code and the library that made it."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from typing import Any

import pandas as pd

from ml_core.config import project_root
from ml_core.csv_tables import table_sha256


def training_lineage(source: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return the lineage of a version that scikit-learn trains on ``table``, which came from ``source``."""
    return {**data_lineage(source, table), "scikit_learn_version": version("scikit-learn")}


def data_lineage(source: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return the lineage of a version that is trained on ``table``: the data and the code."""
    return {
        "data_source": source,
        "data_rows": len(table),
        "data_sha256": table_sha256(table),
        "code_version": version("ml-monitoring-suite"),
        "code_commit": _commit(),
    }


def _commit() -> str | None:
    """Return the commit of the checkout that runs, or None where it is none or git is not installed."""
    command = ["git", "-C", str(project_root()), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
