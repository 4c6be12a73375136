"""Exactness: the methods of drift beside scipy's on random sets of all sizes and shapes, ties and outliers included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, Sizes
from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.drift.base import ColumnMethod, MeasuredDrift
from ml_monitor.monitoring.drift.chi_squared import ChiSquared
from ml_monitor.monitoring.drift.jensen_shannon import JensenShannon
from ml_monitor.monitoring.drift.kolmogorov_smirnov import KolmogorovSmirnov
from ml_monitor.monitoring.drift.wasserstein import Wasserstein

Numbers = NDArray[np.float64]


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the largest difference to scipy of each method."""
    from scipy import stats
    from scipy.spatial.distance import jensenshannon

    random = np.random.default_rng(4)
    largest = dict.fromkeys(
        ("KS statistic", "KS p-value", "Wasserstein", "chi2", "chi2 p-value", "Jensen-Shannon"), 0.0
    )

    def note(name: str, ours: Any, theirs: Any) -> None:
        largest[name] = max(largest[name], abs(float(ours) - float(theirs)) / max(1.0, abs(float(theirs))))

    for _ in range(sizes.random_sets):
        reference, current = _numbers(random), _numbers(random)
        ours = _ask(KolmogorovSmirnov(), number_column(reference), number_column(current))
        theirs = stats.ks_2samp(reference, current)
        note("KS statistic", ours.value, theirs.statistic)
        note("KS p-value", ours.p_value, theirs.pvalue)
        ours = _ask(Wasserstein(is_normalised=False), number_column(reference), number_column(current))
        note("Wasserstein", ours.value, stats.wasserstein_distance(reference, current))
        sides = [random.integers(0, random.integers(2, 9), size) for size in random.integers(50, 500, 2)]
        columns = [category_column(side) for side in sides]
        table = np.array([[np.sum(side == label) for label in np.unique(np.concatenate(sides))] for side in sides])
        ours, expected = _ask(ChiSquared(), *columns), stats.chi2_contingency(table)
        note("chi2", ours.value, expected.statistic)
        note("chi2 p-value", ours.p_value, expected.pvalue)
        note("Jensen-Shannon", _ask(JensenShannon(), *columns).value, jensenshannon(*table, base=2))
    for name, difference in largest.items():
        title = f"{name}, largest difference to scipy in {sizes.random_sets} random sets"
        yield Figure(title, f"{difference:.1e}", "at most 1e-9", difference <= 1e-9)


def _ask(method: ColumnMethod[Any], reference: Any, current: Any) -> MeasuredDrift:
    return method.measure(method.fit(reference), current)


def _numbers(random: np.random.Generator) -> Numbers:
    values = random.standard_normal(random.integers(1, 3_000)) * 10.0 ** random.integers(-3, 4)
    return np.round(values + random.random(), int(random.integers(0, 6)))
