"""The same six metrics by the suite, in a process of its own: ``monitor_classification_ours.py FOLDER CHUNKS``.

They come with their standard errors, which Evidently does not give.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.monitor_costs import report
from ml_monitor.monitoring.performance.catalogue import measure
from ml_monitor.monitoring.results import Undefined

NAMES = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss")


def main(folder: Path, chunks: int) -> None:
    """Load the data, measure each chunk, print what it cost."""
    columns = [np.load(folder / f"{name}.npy") for name in ("truths", "values", "scores")]
    size = len(columns[0]) // chunks

    def operation() -> dict[str, Any]:
        found: dict[str, list[float]] = {name: [] for name in NAMES}
        for place in range(chunks):
            truths, values, scores = (column[place * size : (place + 1) * size] for column in columns)
            for name, metric in measure("binary", truths, values, scores, NAMES).items():
                found[name].append(float("nan") if isinstance(metric.value, Undefined) else metric.value)
        return found

    report(operation)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
