"""Many tests at once: the Benjamini-Hochberg procedure, so that twenty columns do not mean twenty times the alarms.

It bounds the expected share of false ones among the columns called drifted (Benjamini and Hochberg 1995) and, when none
has drifted, the probability of any call at all. It holds for independent columns and for those that rise together
(Benjamini and Yekutieli 2001).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Number, Undefined


def adjusted_p_values(p_values: Sequence[Number]) -> list[Number]:
    """Return for each p-value the smallest rate of false calls at which it would be called; undefined ones stay so.

    Undefined tests count neither as a call nor among the number of tests. Raises ``InvalidInput`` outside 0 to 1.
    """
    places = [place for place, value in enumerate(p_values) if not isinstance(value, Undefined)]
    values = np.array([p_values[place] for place in places], dtype=np.float64)
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise refused("p_values", "numbers from 0 to 1")
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    # A smaller p-value never gets the larger adjusted one.
    lowest = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    adjusted = list(p_values)
    for place, value in zip(order, lowest, strict=True):
        adjusted[places[place]] = float(value)
    return adjusted


def called(p_values: Sequence[Number], rate: float) -> list[bool]:
    """Return which tests are called, with at most ``rate`` of the calls expected to be false."""
    if not 0 < rate < 1:
        raise refused("rate", f"a number between 0 and 1, not {rate}")
    return [not isinstance(value, Undefined) and value <= rate for value in adjusted_p_values(p_values)]
