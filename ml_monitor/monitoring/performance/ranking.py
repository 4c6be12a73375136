"""Metrics of an order: how well scores put positive rows above negative ones. The scores are sorted once for all.

Equal scores form one group, so no metric depends on the order in which rows came. ``roc_auc`` and ``average_precision``
are scikit-learn's ``roc_auc_score`` and ``average_precision_score``.
"""

from __future__ import annotations

import math

import numpy as np

from ml_monitor.monitoring.inputs import Flags, Floats
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.results import Measured, Undefined


class Ranking:
    """Scores in ascending order, as groups of equal ones with the count of positive and negative rows in each."""

    def __init__(self, positive: Flags, scores: Floats) -> None:
        """Sort finite scores, of which there may be none; ``positive`` says which rows truly are."""
        self._positive = positive
        self._order = np.argsort(scores)
        ordered = scores[self._order]
        is_end = np.ones(len(scores), dtype=np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=is_end[:-1])
        ends = np.flatnonzero(is_end)
        self._sizes = np.diff(ends, prepend=-1)
        all_up_to = (ends + 1).astype(np.float64)
        self._positives_up_to = np.cumsum(positive[self._order], dtype=np.float64)[ends]
        self._negatives_up_to = all_up_to - self._positives_up_to
        self._in_group_positive = np.diff(self._positives_up_to, prepend=0.0)
        self._in_group_negative = np.diff(self._negatives_up_to, prepend=0.0)
        self.positives = int(self._positives_up_to[-1]) if len(scores) else 0
        self.negatives = len(scores) - self.positives

    @property
    def rows(self) -> int:
        """How many rows are ranked."""
        return self.positives + self.negatives

    def roc_auc(self, left_out: int = 0) -> Measured:
        """Return the probability that a positive row scores above a negative one, ties counting half.

        Standard error by DeLong, DeLong and Clarke-Pearson 1988. Where that sees no scatter at all (perfect order, or a
        single row of a class), by Hanley and McNeil 1982 at the AUC that one half-right pair more would give.
        """
        if not self.positives or not self.negatives:
            return Measured(self._no_contrast(), None, self.rows, left_out)
        below, above = self._placements()
        value = float(self._in_group_positive @ below) / self.positives
        variance = self._variance(self._in_group_positive, below, value, self.positives)
        variance += self._variance(self._in_group_negative, above, value, self.negatives)
        if variance <= 0 or min(self.positives, self.negatives) == 1:
            error = _hanley_mcneil(value, self.positives, self.negatives)
        else:
            error = math.sqrt(variance)
        return sampling.measured(value, error, self.rows, left_out)

    def auc_influences(self) -> tuple[float, Floats]:
        """Return the AUC and the part that each row has in its deviation; both classes must occur.

        The root of the sum of their squares is DeLong's standard error.
        """
        below, above = self._placements()
        value = float(self._in_group_positive @ below) / self.positives
        of_positive = (below - value) / math.sqrt(self.positives * max(self.positives - 1, 1))
        of_negative = (above - value) / math.sqrt(self.negatives * max(self.negatives - 1, 1))
        return value, np.where(self._positive, self._by_row(of_positive), self._by_row(of_negative))

    def average_precision(self, left_out: int = 0) -> Measured:
        """Return the mean, over positive rows, of the precision among the rows that score at least as high.

        Standard error by the delta method (docs/maths.md derives the influence of a row). Undefined where it says
        nothing: with positive rows only it is 1 for any scores.
        """
        if not self.positives or not self.negatives:
            return Measured(self._no_contrast(), None, self.rows, left_out)
        value, of_positive, lost = self._average_precision()
        in_positive, in_negative = self._in_group_positive[::-1], self._in_group_negative[::-1]
        squares = float(in_positive @ (of_positive * of_positive)) + float(in_negative @ (lost * lost))
        return sampling.measured(value, math.sqrt(squares) / self.positives, self.rows, left_out)

    def average_precision_influences(self) -> tuple[float, Floats]:
        """Return the average precision and the part that each row has in its deviation; both classes must occur.

        The root of the sum of their squares is the standard error of ``average_precision``.
        """
        value, of_positive, lost = self._average_precision()
        # A negative row takes away from the precision at every threshold at or below its score.
        signed = np.where(self._positive, self._by_row(of_positive[::-1]), -self._by_row(lost[::-1]))
        return value, signed / self.positives

    def _average_precision(self) -> tuple[float, Floats, Floats]:
        """Return the value and, by group from the highest score down, what a positive and a negative row change."""
        # From the highest score down: what is reached when the threshold comes to each group.
        positives = self._in_group_positive[::-1]
        reached = np.cumsum(self._sizes[::-1], dtype=np.float64)
        precision = np.cumsum(positives) / reached
        value = float(positives @ precision) / self.positives
        # What a row changes in the precision at every threshold at or below its own score.
        weights = positives / reached
        gained = np.cumsum(weights[::-1])[::-1]
        lost = np.cumsum((weights * precision)[::-1])[::-1]
        return value, precision - value + gained - lost, lost

    def _placements(self) -> tuple[Floats, Floats]:
        """Return, by group, the share of negatives below (for its positives) and of positives above (its negatives)."""
        below = (self._negatives_up_to - self._in_group_negative / 2) / self.negatives
        above = 1 - (self._positives_up_to - self._in_group_positive / 2) / self.positives
        return below, above

    def _by_row(self, by_group: Floats) -> Floats:
        values = np.empty(self.rows)
        values[self._order] = np.repeat(by_group, self._sizes)
        return values

    @staticmethod
    def _variance(counts: Floats, placements: Floats, mean: float, rows: int) -> float:
        deviations = placements - mean
        return float(counts @ (deviations * deviations)) / max(rows - 1, 1) / rows

    def _no_contrast(self) -> Undefined:
        return sampling.ONE_CLASS if self.rows else sampling.NOTHING_USABLE


def _hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    fewest = min(positives, negatives)
    auc = (auc * fewest + 0.5) / (fewest + 1)
    both_above = auc / (2 - auc) - auc * auc
    both_below = 2 * auc * auc / (1 + auc) - auc * auc
    variance = auc * (1 - auc) + (positives - 1) * both_above + (negatives - 1) * both_below
    return math.sqrt(variance / (positives * negatives))
