"""The values of series in the order in which they became known, for a replay in which each comes at its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from ml_core.records import Observation
from ml_core.store.base import Store


class Arrivals:
    """All values that some series ever had, corrected ones too, each when it became known.

    With ``known_after`` a value counts as known so long after its time, if it did not come sooner: for a history that
    was brought in at once, long after it was. A correction comes when it came.
    """

    def __init__(self, store: Store, series: Sequence[str], known_after: timedelta | None = None) -> None:
        found = [
            (_known_time(row, known_after), name, row) for name in series for row in store.observation_history(name)
        ]
        # The sort leaves values that came at once in the order of their series' history.
        self._coming = sorted(found, key=lambda each: each[0])
        self._next = 0

    def first_time(self, series: str) -> datetime | None:
        """Return when the first value of a series became known; None if there is none."""
        return next((time for time, name, _ in self._coming if name == series), None)

    def until(self, time: datetime) -> Mapping[str, list[Observation]]:
        """Return by series what became known up to ``time`` and was not returned before, in order."""
        first = self._next
        while self._next < len(self._coming) and self._coming[self._next][0] <= time:
            self._next += 1
        by_series = sorted(self._coming[first : self._next], key=lambda each: each[1])
        return {
            name: [replace(row, received_time=known) for known, _, row in rows]
            for name, rows in groupby(by_series, key=lambda each: each[1])
        }


def _known_time(row: Observation, known_after: timedelta | None) -> datetime:
    if known_after is None or row.correct:
        return row.received_time
    return min(row.received_time, row.time + known_after)
