"""Domain classifier: how well a classifier tells rows of the chunk from rows of the reference.

The value is the area under the ROC curve (0.5: not at all, 1: always) of scikit-learn's HistGradientBoostingClassifier,
which learns on four fifths of both sides and judges the last fifth, five times. It keeps a sample of at most 2,000 rows
of the reference and takes as many of a chunk. Nothing is random: rows are sampled and dealt to the fifths by their
hashes. Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (2017).

Use it for any change, between columns too, in numbers and categories; it costs about a second for a chunk. With few
rows it lies around 0.5 by chance, below as often as above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.scores import roc_auc_score
from ml_monitor.monitoring.columns import CategoryColumn, Column, NumberColumn, kind_of
from ml_monitor.monitoring.drift.base import TableMethod
from ml_monitor.monitoring.drift.classifier_sample import RowSample, sample_rows
from ml_monitor.monitoring.results import Measured, Metric, Undefined

Floats = NDArray[np.float64]

FEWEST_ROWS = 50
MOST_ROWS = 2_000
_FOLDS = 5
_MOST_LABELS = 250  # HistGradientBoosting takes 255 categories


@dataclass(frozen=True, slots=True)
class DomainClassifier(TableMethod[RowSample]):
    """The area under the ROC curve in 0..1; undefined with fewer than 50 rows on either side."""

    metric: ClassVar[Metric] = Metric(
        "domain_classifier", "Domain classifier ROC AUC", "lower_is_better", lowest=0.0, highest=1.0
    )
    ideal: ClassVar[float | None] = 0.5

    most_rows: int = MOST_ROWS

    def _fit(self, reference: Mapping[str, Column]) -> RowSample:
        return sample_rows(reference, self.most_rows)

    def _needs(self, statistics: RowSample) -> list[str]:
        return list(statistics.columns)

    def _measure(self, statistics: RowSample, current: Mapping[str, Column]) -> Measured:
        rows = len(next(iter(current.values())))
        sample = sample_rows({name: current[name] for name in statistics.columns}, self.most_rows)
        if min(statistics.rows, sample.rows) < FEWEST_ROWS:
            return Measured(Undefined(f"fewer than {FEWEST_ROWS} rows in the reference or the chunk"), rows=rows)
        table, is_category = _table(statistics, sample)
        domains = np.repeat([0, 1], [statistics.rows, sample.rows])
        # Both sides are in the order of hashes, so that equal rows of both fall into one fold and teach nothing there.
        folds = np.concatenate([np.arange(statistics.rows), np.arange(sample.rows)]) % _FOLDS
        return Measured(roc_auc_score(domains, _held_out_scores(table, is_category, domains, folds)), rows=rows)


def _held_out_scores(
    table: Floats, is_category: NDArray[np.bool_], domains: NDArray[np.int64], folds: NDArray[np.int64]
) -> Floats:
    """Return for each row what a classifier says of it that has learnt on the other folds."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    scores = np.full(len(domains), 0.5)
    with threadpool_limits(1, user_api="openmp"):  # on a busy machine its threads spend their time on each other
        for fold in range(_FOLDS):
            held_out = folds == fold
            learnt = table[~held_out]
            tells = ~np.isnan(learnt).all(axis=0)
            if not tells.any():
                continue
            classifier = HistGradientBoostingClassifier(
                max_iter=40,
                max_leaf_nodes=15,
                early_stopping=False,
                categorical_features=is_category[tells],
                random_state=0,
            )
            classifier.fit(learnt[:, tells], domains[~held_out])
            scores[held_out] = classifier.predict_proba(table[held_out][:, tells])[:, 1]
    return scores


def _table(reference: RowSample, current: RowSample) -> tuple[Floats, NDArray[np.bool_]]:
    """Return both sides as rows of numbers, categories as codes, and which columns are categories."""
    columns = []
    for name, before in reference.columns.items():
        after = current.columns[name]
        if isinstance(before, NumberColumn) and isinstance(after, NumberColumn):
            columns.append(_ranks(np.concatenate([before.values, after.values])))
        elif isinstance(before, CategoryColumn) and isinstance(after, CategoryColumn):
            codes = _codes(before, after)
            columns.append(np.concatenate([_encode(before, codes), _encode(after, codes)]))
        else:
            raise ValueError(f"{name}: expected a column of kind {kind_of(before)}, not {kind_of(after)}")
    is_category = np.array([isinstance(column, CategoryColumn) for column in reference.columns.values()])
    return np.column_stack(columns), is_category


def _ranks(values: Floats) -> Floats:
    """Return ranks in place of values: trees split on order alone, and ranks are never too large."""
    ranks = np.full(len(values), np.nan)
    is_known = ~np.isnan(values)
    ranks[is_known] = np.unique(values[is_known], return_inverse=True)[1]
    return ranks


def _codes(before: CategoryColumn, after: CategoryColumn) -> dict[str, int]:
    """Return a code for each of the most frequent labels of both, ties by name."""
    totals: dict[str, int] = {}
    for column in (before, after):
        for label, count in zip(column.labels, column.counts(), strict=True):
            totals[label] = totals.get(label, 0) + int(count)
    by_rank = sorted(totals, key=lambda label: (-totals[label], label))
    return {label: code for code, label in enumerate(by_rank[:_MOST_LABELS])}


def _encode(column: CategoryColumn, codes: Mapping[str, int]) -> Floats:
    rare = float(_MOST_LABELS)
    return np.array([*(codes.get(label, rare) for label in column.labels), np.nan])[column.codes]
