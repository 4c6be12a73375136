"""All checks of quality by name. They cost little, so that all that suit a column are made by default."""

from __future__ import annotations

from collections.abc import Mapping

from ml_monitor.monitoring.columns import ColumnKind
from ml_monitor.monitoring.quality.base import QualityCheck
from ml_monitor.monitoring.quality.changed_types import ChangedTypes
from ml_monitor.monitoring.quality.constant import Constant
from ml_monitor.monitoring.quality.duplicates import Duplicates
from ml_monitor.monitoring.quality.missing import Missing
from ml_monitor.monitoring.quality.out_of_range import OutOfRange
from ml_monitor.monitoring.quality.unseen_categories import UnseenCategories

COLUMN_CHECKS: Mapping[str, QualityCheck] = {
    check.metric.name: check for check in (Missing(), UnseenCategories(), OutOfRange(), ChangedTypes(), Constant())
}
TABLE_CHECKS: Mapping[str, Duplicates] = {Duplicates.metric.name: Duplicates()}
"""Checks that take all columns of a chunk at once."""


def checks_for(kind: ColumnKind) -> list[QualityCheck]:
    """Return the checks that take columns of a kind."""
    return [check for check in COLUMN_CHECKS.values() if kind in check.suits]
