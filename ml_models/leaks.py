"""Warns of a feature that gives the label away: one column that alone separates the classes is seldom honest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ml_core.scores import roc_auc_score

MOST_HONEST_AUC = 0.999


def find_leaks(table: pd.DataFrame, features: Sequence[str], target: str) -> dict[str, float]:
    """Return the features whose rule "above (or below) a limit is 1" alone has an AUC over 0.999, with that AUC."""
    found = {}
    for feature in features:
        auc = roc_auc_score(table[target].to_numpy(), table[feature].to_numpy())
        if max(auc, 1 - auc) > MOST_HONEST_AUC:
            found[feature] = max(auc, 1 - auc)
    return found
