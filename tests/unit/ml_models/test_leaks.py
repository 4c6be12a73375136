from __future__ import annotations

import numpy as np
import pandas as pd

from ml_models.leaks import find_leaks


def table_with(column: object) -> pd.DataFrame:
    label = np.array([0] * 50 + [1] * 50)
    return pd.DataFrame({"honest": np.tile([1.0, 2.0], 50), "suspect": column, "label": label})


def test_a_column_that_separates_the_classes_is_found_with_its_auc() -> None:
    leak = np.arange(100.0)
    assert find_leaks(table_with(leak), ["honest", "suspect"], "label") == {"suspect": 1.0}


def test_a_column_that_separates_them_the_other_way_round_is_found_too() -> None:
    assert find_leaks(table_with(-np.arange(100.0)), ["suspect"], "label") == {"suspect": 1.0}


def test_a_strong_but_honest_column_is_not_accused() -> None:
    strong = np.arange(100.0)
    strong[[10, 90]] = strong[[90, 10]]
    assert find_leaks(table_with(strong), ["suspect"], "label") == {}
