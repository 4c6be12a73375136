"""Measures one chunk of a series' forecasts: all horizons together, and each horizon by itself.

The standard errors of the catalogue take rows as independent. Steps of several horizons that speak of the same time are
not, so that here an error counts as if only each valid time were a row of its own: it is widened by the root of the
steps per valid time. What remains is that errors of neighbouring times go together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.monitoring.horizons import BY_HORIZON, BY_SERIES, group_horizons
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.catalogue import METRICS, measure
from ml_monitor.monitoring.performance.forecasts import NAIVE
from ml_monitor.monitoring.performance.labels import COVERAGE, measure_labels
from ml_monitor.monitoring.results import Measured, Undefined
from ml_monitor.results.results_store import Group, Result, result_of

_OTHERS = ["lower_80", "upper_80", "lower_95", "upper_95", NAIVE]
_SHARES = ("coverage_80", "coverage_95")
_OWN_UNITS = Undefined("several series, each in units of its own: see them by segment")


@dataclass(frozen=True, slots=True)
class Part:
    """The steps of a chunk that are measured together: all of a series, or one horizon of it."""

    segment: str
    segment_by: str
    steps: pd.DataFrame


def parts_of(series: str, steps: pd.DataFrame, levels: Iterable[str] = (BY_SERIES, BY_HORIZON)) -> list[Part]:
    """Return a chunk's steps as a whole and by horizon, as far as these levels are wanted."""
    found = [Part(series, BY_SERIES, steps)] if BY_SERIES in levels else []
    if BY_HORIZON in levels:
        seconds = steps["horizon"].to_numpy(dtype="timedelta64[s]").astype(np.int64)
        for name, places in group_horizons(seconds).items():
            found.append(Part(f"{series} {name}", BY_HORIZON, steps.iloc[places]))
    return found


def measure_steps(steps: pd.DataFrame, names: Sequence[str] | None = None) -> dict[str, Measured]:
    """Return the metrics of steps, all or those named, with errors widened for steps of the same time."""
    measured = measure("forecast", steps["truth"].to_numpy(), steps["value"].to_numpy(), steps[_OTHERS], names)
    factor = math.sqrt(len(steps) / max(1, steps["valid_time"].nunique()))
    return {name: _widened(each, factor) for name, each in measured.items()}


def results_of_series(series: str, steps: pd.DataFrame, chunk: str, stretch: Stretch) -> list[Result]:
    """Return all results of a series' chunk: performance by level, and how late its truth comes."""
    found = []
    for part in parts_of(series, steps):
        found += _results("performance", measure_steps(part.steps), chunk, stretch, part)
    found += _results("labels", labels_of(steps), chunk, stretch, Part(series, BY_SERIES, steps))
    return found


def labels_of(steps: pd.DataFrame) -> dict[str, Measured]:
    """Return how much truth has come, and how long after the time of which the steps speak."""
    return measure_labels(steps[["valid_time", "truth_received_time"]].rename(columns={"valid_time": "time"}))


def shares_of(steps: pd.DataFrame) -> dict[str, Measured]:
    """Return those metrics that can be put together over series of any units."""
    return measure_steps(steps, _SHARES) | {COVERAGE.name: labels_of(steps)[COVERAGE.name]}


def results_of_all(shares: Sequence[Mapping[str, Measured]], chunk: str, stretch: Stretch) -> list[Result]:
    """Return the results of several series together, from the shares of each; the rest has no value."""
    everything = Part("", "", pd.DataFrame({"version": pd.array([], dtype="Int64")}))
    pooled = {name: _pooled([each[name] for each in shares]) for name in (*_SHARES, COVERAGE.name)}
    metrics = {metric.name: pooled.get(metric.name, Measured(_OWN_UNITS)) for metric in METRICS["forecast"]}
    labels = {COVERAGE.name: pooled[COVERAGE.name]}
    return [
        *_results("performance", metrics, chunk, stretch, everything),
        *_results("labels", labels, chunk, stretch, everything),
    ]


def as_all(results: Iterable[Result]) -> list[Result]:
    """Return the results of the only series as those of all rows."""
    return [replace(each, segment="", segment_by="") for each in results if each.segment_by == BY_SERIES]


def _pooled(shares: Sequence[Measured]) -> Measured:
    known = [each for each in shares if not isinstance(each.value, Undefined)]
    if not known:
        return shares[0]
    rows = sum(each.rows for each in known)
    count = sum(round(each.value * each.rows) for each in known if not isinstance(each.value, Undefined))
    # As wide as the widest part says: series move together, so that many are not worth as many rows.
    errors = [each.standard_error for each in known if each.standard_error is not None]
    pooled = sampling.of_share(count, rows, sum(each.left_out for each in shares))
    return replace(pooled, standard_error=max(errors)) if errors else pooled


def _results(group: Group, measured: Mapping[str, Measured], chunk: str, stretch: Stretch, part: Part) -> list[Result]:
    more: dict[str, Any] = {
        "segment": part.segment,
        "segment_by": part.segment_by,
        "versions": tuple(sorted({int(each) for each in part.steps["version"].dropna()})),
        "start_time": stretch.start_time,
        "end_time": stretch.end_time,
    }
    return [result_of(each, chunk=chunk, group=group, name=name, **more) for name, each in measured.items()]


def _widened(measured: Measured, factor: float) -> Measured:
    error = measured.standard_error
    return measured if error is None else replace(measured, standard_error=error * factor)
