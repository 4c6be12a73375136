"""The traffic of one link at one location on a regular grid, and how it comes from and goes to a table.

The table, in CSV or not, is ``link, location, time, rx_gbs, tx_gbs``; a time without an offset is UTC. A column
``is_filled`` marks values that were put into gaps: they are looked at as history, and never taken as the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from ml_core.csv_tables import InvalidTable, read_table
from ml_core.errors import FieldError, InvalidInput
from ml_core.timeseries.features import EPOCH
from ml_core.timeseries.series import Floats

HOUR = timedelta(hours=1)
FIVE_MINUTES = timedelta(minutes=5)
STEP_NAMES = {"hourly": HOUR, "5min": FIVE_MINUTES}
COLUMNS = ("link", "location", "time", "rx_gbs", "tx_gbs")
FILLED = "is_filled"
_FEWEST_OF_AN_HOUR = 0.5  # the share of an hour's slots that must be there for it to have a value


@dataclass(frozen=True, slots=True, eq=False)
class LinkSeries:
    """Received and sent Gbit/s, ``(slots, 2)``, at ``start_time + index * step``; NaN where nothing was measured."""

    link: str
    location: str
    start_time: datetime
    step: timedelta
    values: Floats

    @property
    def pair(self) -> tuple[str, str]:
        """Link and location."""
        return self.link, self.location

    @property
    def per_day(self) -> int:
        """The slots of a day."""
        return timedelta(days=1) // self.step

    def __len__(self) -> int:
        return len(self.values)

    def begun(self) -> LinkSeries:
        """Return it from its first slot with a value in both directions on; raise ``ValueError`` if there is none."""
        known = np.flatnonzero(np.isfinite(self.values).all(axis=1))
        if not len(known):
            raise ValueError(f"{self.link} at {self.location} has no value")
        first = int(known[0])
        return replace(self, start_time=self.time_at(first), values=self.values[first:])

    def time_at(self, index: int) -> datetime:
        """Return the time of a slot."""
        return self.start_time + index * self.step

    def index_at(self, time: datetime) -> int:
        """Return the index of the first slot that is not before ``time``; it may lie outside."""
        return -((self.start_time - time) // self.step)

    def seconds(self) -> np.ndarray:
        """Return the times of all slots, in seconds since 1970."""
        first, width = int(self.start_time.timestamp()), int(self.step.total_seconds())
        return first + width * np.arange(len(self), dtype=np.int64)


def read_links(path: Path) -> pd.DataFrame:
    """Return the table in a CSV file, times aware; raise ``InvalidTable`` that names file, column and row."""
    table = read_table(path, COLUMNS[3:], least_rows=2)
    for column in COLUMNS[:3]:
        if column not in table.columns:
            raise InvalidTable(f"{path}: column {column!r} is missing", [FieldError(column, "is missing")])
    table["time"] = parsed_times(path, table["time"])
    marks = table[FILLED] if FILLED in table.columns else pd.Series("0", index=table.index)
    table[FILLED] = marks.str.strip().isin(("1", "True", "true"))
    twice = np.flatnonzero(table.duplicated(["link", "location", "time"]).to_numpy())
    if len(twice):
        row = int(twice[0])
        message = f"column 'time', row {row + 1}: this time of this link was there before"
        raise InvalidTable(f"{path}: {message}", [FieldError("time", message)])
    return table[[*COLUMNS, FILLED]]


def parsed_times(path: Path, texts: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Return aware times of a CSV file's texts; raise ``InvalidTable`` for the first that is none."""
    times = pd.to_datetime(texts.str.strip(), utc=True, errors="coerce", format="ISO8601")
    wrong = np.flatnonzero(times.isna().to_numpy())
    if len(wrong):
        row = int(wrong[0])
        message = f"column 'time', row {row + 1}: expected a time such as 2024-04-26 02:00:00, not {texts.iloc[row]!r}"
        raise InvalidTable(f"{path}: {message}", [FieldError("time", message)])
    return times


def links_of(table: pd.DataFrame, step: timedelta | None = None) -> list[LinkSeries]:
    """Return the series of a table, in the order in which they come; values marked as filled are gaps again.

    ``step`` is the most frequent distance of times unless it is given; five minutes become hours where an hour is
    asked for. Raises ``InvalidInput`` for times that are on no grid of it.
    """
    found = _step_of(table)
    step = found if step is None else step
    if step != found and not (step == HOUR and HOUR % found == timedelta(0)):
        message = f"expected a table with a step of {step}, not of {found}"
        raise InvalidInput(f"time: {message}", [FieldError("time", message)])
    series = []
    for (link, location), rows in table.groupby(["link", "location"], sort=False):
        whole = _on_grid(str(link), str(location), rows, found)
        series.append(hourly(whole) if step != found else whole)
    return series


def hourly(series: LinkSeries) -> LinkSeries:
    """Return the means of the hours of a series with shorter steps; an hour of which half is missing has none."""
    if series.step == HOUR:
        return series
    slots = HOUR // series.step
    begin = series.start_time.replace(minute=0)
    before = (series.start_time - begin) // series.step
    after = -(before + len(series)) % slots
    rows = np.pad(series.values, ((before, after), (0, 0)), constant_values=np.nan).reshape(-1, slots, 2)
    counts = np.isfinite(rows).sum(axis=1)
    means = np.nansum(rows, axis=1) / np.maximum(counts, 1)
    known = (counts >= _FEWEST_OF_AN_HOUR * slots).all(axis=1)
    return LinkSeries(series.link, series.location, begin, HOUR, np.where(known[:, None], means, np.nan))


def table_of(series: Sequence[LinkSeries]) -> pd.DataFrame:
    """Return the table of series, without their gaps."""
    frames = []
    for each in series:
        known = np.isfinite(each.values).all(axis=1)
        times = pd.to_datetime(each.seconds()[known], unit="s", utc=True)
        rx, tx = each.values[known].T
        frames.append(
            pd.DataFrame({"link": each.link, "location": each.location, "time": times, "rx_gbs": rx, "tx_gbs": tx})
        )
    return pd.concat(frames, ignore_index=True)


def _step_of(table: pd.DataFrame) -> timedelta:
    distances = table.sort_values("time").groupby(["link", "location"])["time"].diff()
    positive = distances[distances > pd.Timedelta(0)]
    if positive.empty:
        raise InvalidInput("time: expected at least two times of a link", [FieldError("time", "too few")])
    step: timedelta = positive.mode().iloc[0].to_pytimedelta()
    return step


def _on_grid(link: str, location: str, rows: pd.DataFrame, step: timedelta) -> LinkSeries:
    width = int(step.total_seconds())
    seconds = ((rows["time"] - EPOCH) // pd.Timedelta(seconds=1)).to_numpy(dtype=np.int64)
    slots = seconds // width
    if (seconds % width).any():
        message = f"expected times on a grid of {step}, unlike one of {link} at {location}"
        raise InvalidInput(f"time: {message}", [FieldError("time", message)])
    values = np.full((int(slots.max() - slots.min()) + 1, 2), np.nan)
    both = rows[["rx_gbs", "tx_gbs"]].to_numpy(dtype=np.float64)
    if FILLED in rows.columns:
        both = np.where(rows[FILLED].to_numpy(dtype=bool)[:, None], np.nan, both)
    values[slots - slots.min()] = both
    return LinkSeries(link, location, datetime.fromtimestamp(int(slots.min()) * width, UTC), step, values)
