"""The columns that drifted in a period: since when, by which test, and what they look like beside the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml_core.artifacts.folders import read_reference
from ml_core.errors import ArtifactError
from ml_core.plots import Shares
from ml_core.records import Model
from ml_core.registry import Registry
from ml_monitor.formatting import label_of, shorten, show_number, show_share
from ml_monitor.monitoring.drift.catalogue import DEFAULTS
from ml_monitor.monitoring.results import Undefined
from ml_monitor.report.metrics import CHUNK, is_beyond, is_judged
from ml_monitor.report.periods import Period
from ml_monitor.results.results_store import Result, read_results

MOST_COLUMNS = 12
MOST_ROWS = 20_000
_BINS = 20
_MOST_LABELS = 8
_OTHER = "other"
_LABEL_CHARACTERS = 24
# Each kind of column has its default test first, then its default distance.
_TESTS = frozenset(names[0] for names in DEFAULTS.values())
_OUTCOMES = ("value", "score")


@dataclass(frozen=True, slots=True)
class DriftedColumn:
    """A column that a rule found beyond its threshold in ``beyond`` of ``judged`` chunks of the period.

    ``first_time`` is when the chunk began from which on each was beyond; it may lie in the period before. ``change``
    says in words what changed, ``shares`` what the reference and the period look like; both are empty where either
    cannot be read.
    """

    name: str
    test: str
    value: float | None
    p_value: float | None
    beyond: int
    judged: int
    first_time: datetime
    change: str = ""
    shares: Shares | None = None


def read_drifted(registry: Registry, model: Model, period: Period) -> tuple[tuple[DriftedColumn, ...], int, int]:
    """Return the drifted columns, those of most chunks first; how many there are in all; and how many were judged."""
    start, end = period.before_start, period.end
    by_column: dict[str, list[Result]] = {}
    for result in read_results(registry.store, model.name, "drift", start, end, chunk=CHUNK, names=_TESTS):
        if result.column and is_judged(result):
            by_column.setdefault(result.column, []).append(result)
    drifted = [_drifted(name, of_column, period) for name, of_column in by_column.items()]
    found = [column for column in drifted if column is not None]
    found.sort(key=lambda column: (-column.beyond, column.name in _OUTCOMES, column.first_time, column.name))
    shown = found[:MOST_COLUMNS]
    if shown:
        reference, current = _reference(registry, model), _current(registry, model, period)
        labelled = _labelled(registry, model)
        shown = [_with_change(column, reference, current, labelled) for column in shown]
    return tuple(shown), len(found), len(by_column)


def _drifted(name: str, results: Sequence[Result], period: Period) -> DriftedColumn | None:
    """Return a column that drifted in the period; it is drifted since the chunk from which on each was beyond."""
    now = [result for result in results if result.start_time >= period.start]
    beyond = [result for result in now if is_beyond(result)]
    if not beyond:
        return None
    newest = since = beyond[-1]
    for result in reversed(results[: results.index(newest)]):
        if not is_beyond(result):
            break
        since = result
    value = None if isinstance(newest.value, Undefined) else newest.value
    return DriftedColumn(name, newest.name, value, newest.p_value, len(beyond), len(now), since.start_time)


def _reference(registry: Registry, model: Model) -> pd.DataFrame | None:
    champion = registry.champion(model)
    if champion is None or champion.artifact is None or champion.artifact_sha256 is None:
        return None
    try:
        return read_reference(registry.artifact_folder(champion), champion.artifact_sha256)
    except ArtifactError:  # the report says what it can; checks tell of this in their log
        return None


def _labelled(registry: Registry, model: Model) -> frozenset[str]:
    """Return the columns whose numbers, if they are any, are names of classes."""
    champion = registry.champion(model)
    categories = {spec.name for spec in champion.features if spec.kind == "category"} if champion else set()
    return frozenset(categories | ({"value"} if model.task in ("binary", "multiclass", "anomaly") else set()))


def _current(registry: Registry, model: Model, period: Period) -> pd.DataFrame:
    frame = registry.store.predictions(model.name, period.start, period.end, newest=MOST_ROWS)
    features: list[Mapping[str, Any]] = list(frame["features"])
    names = dict.fromkeys(name for row in features for name in row)
    columns = {name: pd.Series([row.get(name) for row in features], dtype=object) for name in names}
    return pd.DataFrame(columns | {name: frame[name].astype(object) for name in _OUTCOMES})


def _with_change(
    column: DriftedColumn, reference: pd.DataFrame | None, current: pd.DataFrame, labelled: frozenset[str]
) -> DriftedColumn:
    if reference is None or column.name not in reference.columns or column.name not in current.columns:
        return column
    before, after = reference[column.name], current[column.name]
    is_number = pd.api.types.is_numeric_dtype(before) and not pd.api.types.is_bool_dtype(before)
    numeric = is_number and column.name not in labelled
    compared = _compare_numbers(before, after) if numeric else _compare_labels(before, after)
    if compared is None:
        return column
    change, shares = compared
    return replace(column, change=change, shares=shares)


def _compare_numbers(before: pd.Series[Any], after: pd.Series[Any]) -> tuple[str, Shares] | None:
    then = before.dropna().to_numpy(dtype=np.float64)
    # What is no number in a column of numbers has no place on its axis.
    now = pd.to_numeric(after, errors="coerce").dropna().to_numpy(dtype=np.float64)
    if not len(then) or not len(now):
        return None
    both = np.concatenate([then, now])
    low, high = (float(np.quantile(both, level)) for level in (0.005, 0.995))
    if not low < high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    counted = [np.histogram(np.clip(values, low, high), edges)[0] / len(values) for values in (then, now)]
    change = f"median {show_number(float(np.median(then)))} to {show_number(float(np.median(now)))}"
    return change, Shares(tuple(map(float, edges)), *(tuple(map(float, shares)) for shares in counted))


def _compare_labels(before: pd.Series[Any], after: pd.Series[Any]) -> tuple[str, Shares] | None:
    then, now = (_shares(column) for column in (before, after))
    if not then or not now:
        return None
    labels = sorted({*then, *now}, key=lambda label: -max(then.get(label, 0.0), now.get(label, 0.0)))
    shown, rest = labels[:_MOST_LABELS], labels[_MOST_LABELS:]
    most = max(labels, key=lambda label: abs(then.get(label, 0.0) - now.get(label, 0.0)))
    change = (
        f"{shorten(most, _LABEL_CHARACTERS)}: {show_share(then.get(most, 0.0))} to {show_share(now.get(most, 0.0))}"
    )
    names = [shorten(label, _LABEL_CHARACTERS) for label in shown] + ([_OTHER] if rest else [])
    both = []
    for shares in (then, now):
        more = [sum(shares.get(label, 0.0) for label in rest)] if rest else []
        both.append((*(shares.get(label, 0.0) for label in shown), *more))
    return change, Shares(tuple(names), *both)


def _shares(column: pd.Series[Any]) -> dict[str, float]:
    known = column.dropna()
    labels = known.map(lambda value: str(value).lower() if isinstance(value, (bool, np.bool_)) else label_of(value))
    return {str(label): float(share) for label, share in labels.value_counts(normalize=True).items()}
