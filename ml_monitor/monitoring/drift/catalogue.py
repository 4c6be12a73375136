"""All methods of drift by name, which of them are used unless others are asked for, and their statistics from JSON.

By default a column is judged by a test and by a distance. For numbers the test is Kolmogorov-Smirnov: it assumes no
shape and no bins, and is the same whether exact (up to 10,000 rows of reference) or summed up (above: 0.00025 off at
most, which is far below what chance does to chunks of any real size). For categories it is chi-squared. Their p-values
answer "is it chance?", but call anything a change once there are rows enough; the Jensen-Shannon distance, for both,
answers "how much?" on one scale for all columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_monitor.monitoring.columns import ColumnKind
from ml_monitor.monitoring.drift.base import ColumnMethod, Statistics, TableMethod
from ml_monitor.monitoring.drift.bins import NumberBins
from ml_monitor.monitoring.drift.chi_squared import ChiSquared
from ml_monitor.monitoring.drift.classifier_sample import RowSample
from ml_monitor.monitoring.drift.domain_classifier import DomainClassifier
from ml_monitor.monitoring.drift.hellinger import Hellinger
from ml_monitor.monitoring.drift.jensen_shannon import JensenShannon
from ml_monitor.monitoring.drift.kolmogorov_smirnov import KolmogorovSmirnov
from ml_monitor.monitoring.drift.l_infinity import LInfinity
from ml_monitor.monitoring.drift.pca import PcaReconstruction
from ml_monitor.monitoring.drift.pca_statistics import PcaStatistics
from ml_monitor.monitoring.drift.points import Points
from ml_monitor.monitoring.drift.psi import PopulationStability
from ml_monitor.monitoring.drift.wasserstein import Wasserstein
from ml_monitor.monitoring.labels import LabelCounts

COLUMN_METHODS: Mapping[str, ColumnMethod[Any]] = {
    method.metric.name: method
    for method in (
        KolmogorovSmirnov(),
        JensenShannon(),
        PopulationStability(),
        Wasserstein(),
        ChiSquared(),
        LInfinity(),
        Hellinger(),
    )
}
TABLE_METHODS: Mapping[str, TableMethod[Any]] = {
    method.metric.name: method for method in (PcaReconstruction(), DomainClassifier())
}
DEFAULTS: Mapping[ColumnKind, tuple[str, ...]] = {
    "number": ("kolmogorov_smirnov", "jensen_shannon"),
    "category": ("chi_squared", "jensen_shannon"),
}
TABLE_DEFAULTS: tuple[str, ...] = ("pca_reconstruction",)

_STATISTICS: Mapping[str, type[Statistics]] = {
    statistics.kind: statistics for statistics in (Points, NumberBins, LabelCounts, PcaStatistics, RowSample)
}


def methods_for(kind: ColumnKind) -> list[ColumnMethod[Any]]:
    """Return all methods that take columns of a kind, the defaults first."""
    names = [*DEFAULTS[kind], *(name for name in COLUMN_METHODS if name not in DEFAULTS[kind])]
    return [COLUMN_METHODS[name] for name in names if kind in COLUMN_METHODS[name].suits]


def read_statistics(values: Mapping[str, Any]) -> Statistics:
    """Return statistics from what their ``to_dict`` gave; raise ``ValueError`` if they are of no known kind."""
    kind = str(values.get("kind"))
    if kind not in _STATISTICS:
        raise ValueError(f"kind: expected one of {', '.join(sorted(_STATISTICS))}, not {kind!r}")
    return _STATISTICS[kind].from_dict(values)
