"""``clean``: from a collector's raw rows to the table of links that is looked at and learnt from.

1. Host names and sites are trimmed: no blanks, and of a host the name before its domain. They become ``link`` and
   ``location``.
2. A row that comes twice counts once. A number that is no number, or traffic below zero, is missing.
3. Fields about errors and packets are dropped, then those that are always zero, then those with a single value, then
   what is no number; and links whose traffic is always zero or never moves.
4. Missing slots are filled from what was known before them (see ``gaps``) and marked.

Whatever is dropped or filled is in the report, with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.gaps import FilledGap, filled
from forecasting_jobs.link_traffic.link_series import COLUMNS, FILLED, links_of, parsed_times, table_of
from ml_core.clock import format_time
from ml_core.csv_tables import InvalidTable, read_table
from ml_core.errors import FieldError

TRAFFIC = ("rx_gbs", "tx_gbs")
_NAMES = {"host": "link", "site": "location"}
_FAULTS = re.compile(r"err(or)?s?($|_)|drop|discard|collision|packet|pkt", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Drop:
    """What was dropped, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """The table, what was done to get it, and what was dropped on the way."""

    table: pd.DataFrame
    rows_read: int
    names: Mapping[str, Mapping[str, Sequence[str]]]
    twice: int
    missing_cells: Mapping[str, int]
    drops: Sequence[Drop]
    gaps: Sequence[FilledGap]

    def report(self) -> dict[str, Any]:
        """Return it as plain values."""
        trimmed = {column: {name: list(raw) for name, raw in names.items()} for column, names in self.names.items()}
        return {
            "rows_read": self.rows_read,
            "rows_written": len(self.table),
            "rows_that_came_twice": self.twice,
            "trimmed": trimmed,
            "missing_cells": dict(self.missing_cells),
            "dropped": [{"what": drop.what, "reason": drop.reason} for drop in self.drops],
            "gaps": [
                {
                    "link": gap.link,
                    "location": gap.location,
                    "time": format_time(gap.start_time),
                    "slots": gap.slots,
                    "filled_by": gap.rule,
                }
                for gap in self.gaps
            ],
        }

    def told(self) -> list[str]:
        """Return it in a few lines."""
        slots = sum(gap.slots for gap in self.gaps)
        trimmed = sum(name not in raw or len(raw) > 1 for names in self.names.values() for name, raw in names.items())
        return [
            f"{self.rows_read} rows read, {self.twice} of them twice; {len(self.table)} written",
            f"{trimmed} names of hosts and sites trimmed",
            *(f"dropped {drop.what}: {drop.reason}" for drop in self.drops),
            f"{slots} slots in {len(self.gaps)} gaps filled from what was known before them",
        ]


def clean_file(path: Path) -> Cleaned:
    """Return the clean table of a CSV file; raise ``InvalidTable`` that names file, column and row."""
    raw = read_table(path, (), least_rows=2)
    raw.columns = [str(name).strip() for name in raw.columns]
    raw = raw.rename(columns={old: new for old, new in _NAMES.items() if new not in raw.columns})
    for column in COLUMNS:
        if column not in raw.columns:
            named = next((f"{column!r} or {old!r}" for old, new in _NAMES.items() if new == column), repr(column))
            raise InvalidTable(f"{path}: column {named} is missing", [FieldError(column, "is missing")])
    names = {column: _trim(raw, column) for column in ("link", "location")}
    raw["time"] = parsed_times(path, raw["time"])
    once = raw.drop_duplicates(["link", "location", "time"], ignore_index=True)
    fields, missing, drops = _fields(once, [str(column) for column in once if column not in COLUMNS[:3]])
    table = pd.concat([once[list(COLUMNS[:3])], fields], axis=1)
    table, idle = _without_idle_links(table)
    if table.empty:
        raise InvalidTable(f"{path}: no link is left that carries traffic", [FieldError("rx_gbs", "no traffic")])
    table, gaps = _without_gaps(table)
    return Cleaned(table, len(raw), names, len(raw) - len(once), missing, [*drops, *idle], gaps)


def _trim(raw: pd.DataFrame, column: str) -> dict[str, list[str]]:
    """Trim a column of names in place; return by name what it was written as."""
    trimmed = raw[column].str.strip()
    if column == "link":
        trimmed = trimmed.str.split(".", n=1).str[0].str.strip()
    found = pd.DataFrame({"raw": raw[column], "name": trimmed}).drop_duplicates()
    raw[column] = trimmed
    return {str(name): sorted(rows["raw"]) for name, rows in found.groupby("name")}


def _fields(once: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int], list[Drop]]:
    """Return the fields that are kept, how many of their cells are missing, and what was dropped."""
    kept, missing, drops = {}, {}, []
    for column in columns:
        if column == FILLED:
            continue  # marks of an earlier cleaning are made anew
        texts = once[column].str.strip()
        values = pd.to_numeric(texts, errors="coerce").astype("float64")
        values = values.where(np.isfinite(values) & ((values >= 0) | (column not in TRAFFIC)))
        known = values.dropna()
        if column not in TRAFFIC and (reason := _reason(column, texts, known)):
            drops.append(Drop(f"field {column}", reason))
            continue
        kept[column] = values
        if lacking := int(values.isna().sum()):
            missing[column] = lacking
    return pd.DataFrame(kept), missing, drops


def _reason(column: str, texts: pd.Series[str], known: pd.Series[float]) -> str | None:
    if _FAULTS.search(column):
        return "about errors or packets"
    if len(known) and (known == 0).all():
        return "zero only"
    if texts[texts != ""].nunique() <= 1:
        return "a single value"
    return "no number in it" if known.empty else None


def _without_idle_links(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Drop]]:
    drops = []
    for (link, location), rows in table.groupby(["link", "location"], sort=False):
        both = rows[list(TRAFFIC)].dropna()
        whole = f"link {link} at {location}"
        if len(both) < 2:
            drops.append(Drop(whole, "fewer than two times with traffic in both directions"))
        elif (both == 0).all(axis=None):
            drops.append(Drop(whole, "zero only"))
        elif (both.nunique() == 1).all():
            drops.append(Drop(whole, "a single value"))
        else:
            continue
        table = table.drop(rows.index)
    return table, drops


def _without_gaps(table: pd.DataFrame) -> tuple[pd.DataFrame, list[FilledGap]]:
    made, found = [], []
    for whole_series in links_of(table[list(COLUMNS)]):
        each = whole_series.begun()
        values, gaps = filled(each)
        was = np.isnan(each.values).any(axis=1)
        made.append(table_of([replace(each, values=values)]).assign(**{FILLED: was.astype(int)}))
        found += gaps
    whole = pd.concat(made, ignore_index=True)
    others = [column for column in table if column not in COLUMNS]
    if others:
        whole = whole.merge(table[["link", "location", "time", *others]], on=["link", "location", "time"], how="left")
    return whole, found
