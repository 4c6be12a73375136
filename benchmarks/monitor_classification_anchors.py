"""Six metrics of a binary classifier by Evidently, by the anchors' own Python: ``... FOLDER CHUNKS``.

It stands alone: nothing of the suite can be imported there but its neighbour ``monitor_costs``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from monitor_costs import report


def evidently(folder: Path, chunks: int) -> None:
    """Measure each chunk with a report of the six metrics; the datasets are made beforehand."""
    from evidently import BinaryClassification, DataDefinition, Dataset, Report
    from evidently.metrics import Accuracy, F1Score, LogLoss, Precision, Recall, RocAuc

    columns = {name: np.load(folder / f"{name}.npy") for name in ("truths", "values", "scores")}
    table = pd.DataFrame(
        {
            "truth": columns["truths"].astype(np.int64),
            "value": columns["values"].astype(np.int64),
            "score": columns["scores"],
        }
    )
    kind = BinaryClassification(target="truth", prediction_labels="value", prediction_probas="score", pos_label=1)
    definition = DataDefinition(classification=[kind], numerical_columns=["score"])
    size = len(table) // chunks
    parts = [
        Dataset.from_pandas(
            table.iloc[place * size : (place + 1) * size].reset_index(drop=True), data_definition=definition
        )
        for place in range(chunks)
    ]
    metrics = {
        "accuracy": Accuracy,
        "precision": Precision,
        "recall": Recall,
        "f1": F1Score,
        "roc_auc": RocAuc,
        "log_loss": LogLoss,
    }

    def operation() -> dict[str, Any]:
        found: dict[str, list[float]] = {name: [] for name in metrics}
        for part in parts:
            snapshot = Report([make() for make in metrics.values()]).run(part, None)
            for name, metric in zip(metrics, snapshot.dict()["metrics"], strict=True):
                found[name].append(float(metric["value"]))
        return found

    report(operation)


if __name__ == "__main__":
    evidently(Path(sys.argv[1]), int(sys.argv[2]))
