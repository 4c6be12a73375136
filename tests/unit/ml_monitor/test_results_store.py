"""The names under which results are stored."""

from __future__ import annotations

import pytest

from ml_core.store.names import MAX_NAME_CHARACTERS, unfit_name
from ml_monitor.results_store import metric_name


def test_a_name_says_chunk_group_metric_and_column() -> None:
    assert metric_name("day", "performance", "roc_auc") == "day/performance/roc_auc"
    assert metric_name("1000", "drift", "psi", "Zürich / rooms") == "1000/drift/psi/Zürich / rooms"


@pytest.mark.parametrize("column", ["x" * 300, "rooms ", "\trooms", "a\nb", "é" * 190, "\x7f", " "])
def test_a_column_that_no_name_can_hold_ends_in_a_hash_of_its_own(column: str) -> None:
    name = metric_name("day", "drift", "psi", column)
    assert name.startswith("day/drift/psi/")
    assert len(name) <= MAX_NAME_CHARACTERS
    assert unfit_name(name) is None
    assert name != metric_name("day", "drift", "psi", f"{column} ")
