"""How gaps are filled: from what was known before them, so that history looks the same when it is served.

A gap of up to ``SHORT`` slots holds the last value before it. A longer one holds the values of the day before, each at
its own time of day, or the last value where nothing is known of that day. A series begins with a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.timeseries.series import Floats, Series

SHORT = 3
Rule = Literal["last value", "the day before"]


@dataclass(frozen=True, slots=True)
class FilledGap:
    """One gap of a link: its first slot, how many there are, and the rule that filled it."""

    link: str
    location: str
    start_time: datetime
    slots: int
    rule: Rule


def filled(series: LinkSeries) -> tuple[Floats, list[FilledGap]]:
    """Return the values ``(slots, 2)`` without gaps, and the gaps; a slot lacks both directions if it lacks one.

    Raises ``ValueError`` for a series that does not begin with a value: nothing was known before it.
    """
    if not np.isfinite(series.values[:1]).all():
        raise ValueError(f"{series.link} at {series.location} does not begin with a value")
    missing = np.asarray(np.isnan(series.values).any(axis=1), dtype=np.bool_)
    values = np.where(missing[:, None], np.nan, series.values)
    gaps = Series(series.start_time, series.step, values[:, 0]).gaps()
    found = []
    for gap in gaps:
        first = (gap.start_time - series.start_time) // series.step
        rule: Rule = "last value" if gap.slots <= SHORT or first < series.per_day else "the day before"
        slots = np.arange(first, first + gap.slots)
        for index in slots.tolist():  # in order: the day before may itself have been filled
            values[index] = values[index - (1 if rule == "last value" else series.per_day)]
        found.append(FilledGap(series.link, series.location, gap.start_time, gap.slots, rule))
    return values, found
