"""Drift by Evidently and NannyML, run by the anchors' own Python: ``monitor_drift_anchors.py TASK FOLDER CHUNKS``.

It stands alone: nothing of the suite can be imported there but its neighbour ``monitor_costs``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from monitor_costs import report


def load(folder: Path, side: str, text_type: str) -> pd.DataFrame:
    """Return one side's table: numbers as float64, categories as texts or as pandas' own categories."""
    numbers = np.load(folder / f"{side}_numbers.npy")
    codes = np.load(folder / f"{side}_codes.npy")
    table = {f"number_{place}": numbers[:, place].copy() for place in range(numbers.shape[1])}
    for place in range(codes.shape[1]):
        labels = np.array([f"label {code}" for code in range(codes[:, place].max() + 1)], dtype=object)
        texts = labels[codes[:, place]]
        table[f"category_{place}"] = pd.Categorical(texts) if text_type == "category" else texts
    return pd.DataFrame(table)


def evidently(method: str, names: list[str], folder: Path, chunks: int) -> None:
    """Judge each chunk with a report of one method over some columns; the datasets are made beforehand."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    tables = {side: load(folder, side, "text") for side in ("reference", "current")}
    definition = DataDefinition(
        numerical_columns=[name for name in tables["reference"] if name.startswith("number")],
        categorical_columns=[name for name in tables["reference"] if name.startswith("category")],
    )
    reference = Dataset.from_pandas(tables["reference"], data_definition=definition)
    size = len(tables["current"]) // chunks
    parts = [
        Dataset.from_pandas(tables["current"].iloc[place * size : (place + 1) * size], data_definition=definition)
        for place in range(chunks)
    ]
    chosen = [name for name in tables["reference"] if name.startswith(tuple(names))]

    def operation() -> dict[str, Any]:
        found: dict[str, list[float]] = {name: [] for name in chosen}
        for part in parts:
            snapshot = Report([ValueDrift(column=name, method=method) for name in chosen]).run(part, reference)
            for name, metric in zip(chosen, snapshot.dict()["metrics"], strict=True):
                found[name].append(float(metric["value"]))
        return found

    report(operation)


def nannyml(method: str, names: list[str], folder: Path, chunks: int) -> None:
    """Fit on the reference, which judges its own chunks for thresholds, and judge the current chunks."""
    import nannyml as nml

    tables = {side: load(folder, side, "category") for side in ("reference", "current")}
    chosen = [name for name in tables["reference"] if name.startswith(tuple(names))]
    size = len(tables["current"]) // chunks

    def operation() -> dict[str, Any]:
        if method == "pca":
            calculator: Any = nml.DataReconstructionDriftCalculator(column_names=chosen, chunk_size=size)
        else:
            # A method that does not suit a kind is refused, even if no column is of that kind.
            methods = {
                f"{kind}_methods": [method]
                for kind, prefix in (("continuous", "number"), ("categorical", "category"))
                if prefix in names
            }
            calculator = nml.UnivariateDriftCalculator(column_names=chosen, chunk_size=size, **methods)
        calculator.fit(tables["reference"])
        frame = calculator.calculate(tables["current"]).filter(period="analysis").to_df()
        if method == "pca":
            return {"all": frame[("reconstruction_error", "value")].tolist()}
        return {name: frame[(name, method, "value")].tolist() for name in chosen}

    report(operation)


TASKS: dict[str, tuple[Any, str, list[str]]] = {
    "evidently ks": (evidently, "ks", ["number"]),
    "evidently wasserstein": (evidently, "wasserstein", ["number"]),
    "evidently chi2": (evidently, "chisquare", ["category"]),
    "nannyml ks": (nannyml, "kolmogorov_smirnov", ["number"]),
    "nannyml js": (nannyml, "jensen_shannon", ["number", "category"]),
    "nannyml chi2": (nannyml, "chi2", ["category"]),
    "nannyml wasserstein": (nannyml, "wasserstein", ["number"]),
    "nannyml pca": (nannyml, "pca", ["number", "category"]),
}

if __name__ == "__main__":
    work, method_name, columns = TASKS[sys.argv[1]]
    work(method_name, columns, Path(sys.argv[2]), int(sys.argv[3]))
