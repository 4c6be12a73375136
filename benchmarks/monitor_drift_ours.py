"""The same drift by the suite, in a process of its own: ``monitor_drift_ours.py TASK FOLDER CHUNKS``.

Beside Evidently only the current chunks are judged, as there, and texts are encoded within the time. Beside NannyML the
reference's own chunks are judged too, since its thresholds come from them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special, stats  # the methods load it on their first use, the anchors on import

from benchmarks.monitor_costs import report
from ml_monitor.monitoring.columns import Column, category_column, number_column
from ml_monitor.monitoring.drift.base import ColumnMethod
from ml_monitor.monitoring.drift.chi_squared import ChiSquared
from ml_monitor.monitoring.drift.jensen_shannon import JensenShannon
from ml_monitor.monitoring.drift.kolmogorov_smirnov import KolmogorovSmirnov
from ml_monitor.monitoring.drift.pca import PcaReconstruction
from ml_monitor.monitoring.drift.wasserstein import Wasserstein
from ml_monitor.monitoring.results import Undefined

ALL_ROWS = 10**9
LOADED = (special, stats)


def load(folder: Path, side: str, prefixes: tuple[str, ...]) -> dict[str, Any]:
    """Return one side's numbers as float64 arrays and its categories as arrays of texts."""
    numbers, codes = np.load(folder / f"{side}_numbers.npy"), np.load(folder / f"{side}_codes.npy")
    cells: dict[str, Any] = {f"number_{place}": numbers[:, place].copy() for place in range(numbers.shape[1])}
    for place in range(codes.shape[1]):
        labels = np.array([f"label {code}" for code in range(codes[:, place].max() + 1)], dtype=object)
        cells[f"category_{place}"] = labels[codes[:, place]]
    return {name: values for name, values in cells.items() if name.startswith(prefixes)}


def typed(name: str, values: Any) -> Column:
    """Make a column of an array."""
    return number_column(values) if name.startswith("number") else category_column(values)


def chunk(column: Column, place: int, chunks: int) -> Column:
    """Return one of as many chunks."""
    size = len(column) // chunks
    return column[place * size : (place + 1) * size]


def beside_evidently(
    method: ColumnMethod[Any], reference: Mapping[str, Any], current: Mapping[str, Any], chunks: int, *, p_values: bool
) -> dict[str, Any]:
    """Make columns of arrays one after the other, and judge the current chunks by value or by p-value."""
    found: dict[str, Any] = {}
    for name in reference:
        statistics, column = method.fit(typed(name, reference[name])), typed(name, current[name])
        measured = [method.measure(statistics, chunk(column, place, chunks)) for place in range(chunks)]
        found[name] = [one.p_value if p_values else _value(one) for one in measured]
    return found


def beside_nannyml(
    method: ColumnMethod[Any], reference: Mapping[str, Column], current: Mapping[str, Column], chunks: int
) -> dict[str, Any]:
    """Judge column by column, the reference's own chunks first."""
    found: dict[str, Any] = {}
    for name, column in reference.items():
        statistics = method.fit(column)
        _bounds([_value(method.measure(statistics, chunk(column, place, chunks))) for place in range(chunks)])
        measured = [method.measure(statistics, chunk(current[name], place, chunks)) for place in range(chunks)]
        found[name] = [_value(one) for one in measured]
    return found


def by_table(reference: Mapping[str, Column], current: Mapping[str, Column], chunks: int) -> dict[str, Any]:
    """Judge all columns at once."""
    method = PcaReconstruction()
    statistics = method.fit(reference)

    def measure(columns: Mapping[str, Column]) -> list[float]:
        parts = ({name: chunk(column, place, chunks) for name, column in columns.items()} for place in range(chunks))
        return [_value(method.measure(statistics, part)) for part in parts]

    _bounds(measure(reference))
    return {"all": measure(current)}


def _value(measured: Any) -> float:
    if isinstance(measured.value, Undefined):
        raise ValueError(str(measured.value))
    return float(measured.value)


def _bounds(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values) - 3 * np.std(values)), float(np.mean(values) + 3 * np.std(values))


EVIDENTLY: dict[str, tuple[ColumnMethod[Any], tuple[str, ...], bool]] = {
    "evidently ks": (KolmogorovSmirnov(exact_rows=ALL_ROWS), ("number",), True),
    "evidently wasserstein": (Wasserstein(exact_rows=ALL_ROWS), ("number",), False),
    "evidently chi2": (ChiSquared(), ("category",), True),
}
NANNYML: dict[str, tuple[ColumnMethod[Any], tuple[str, ...]]] = {
    "nannyml ks": (KolmogorovSmirnov(), ("number",)),
    "nannyml exact ks": (KolmogorovSmirnov(exact_rows=ALL_ROWS), ("number",)),
    "nannyml js": (JensenShannon(), ("number", "category")),
    "nannyml chi2": (ChiSquared(), ("category",)),
    "nannyml wasserstein": (Wasserstein(is_normalised=False), ("number",)),
    "nannyml exact wasserstein": (Wasserstein(is_normalised=False, exact_rows=ALL_ROWS), ("number",)),
}


def main(task: str, folder: Path, chunks: int) -> None:
    """Load the data, do the task, print what it cost."""
    if task in EVIDENTLY:
        method, prefixes, p_values = EVIDENTLY[task]
        cells = {side: load(folder, side, prefixes) for side in ("reference", "current")}
        report(lambda: beside_evidently(method, cells["reference"], cells["current"], chunks, p_values=p_values))
        return
    method, prefixes = NANNYML.get(task, (KolmogorovSmirnov(), ("number", "category")))
    reference, current = (
        {name: typed(name, values) for name, values in load(folder, side, prefixes).items()}
        for side in ("reference", "current")
    )
    if task == "nannyml pca":
        report(lambda: by_table(reference, current, chunks))
    else:
        report(lambda: beside_nannyml(method, reference, current, chunks))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
