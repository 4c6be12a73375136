"""How good the forecasts of a period were: each series that the model forecast, against what was measured since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.monitoring.performance.forecasts import METRICS, ForecastRows
from ml_monitor.monitoring.performance.metric_table import measure_rows
from ml_monitor.monitoring.results import Undefined
from ml_monitor.report.periods import Period

MOST_SERIES = 10
_BOUNDS = ("lower_80", "upper_80", "lower_95", "upper_95")
_SHOWN = ("mae", "rmse", "bias", "coverage_80", "coverage_95")


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One series: ``steps`` speak of times in the period, ``with_truth`` of them were measured.

    ``metrics`` have the title, the value in the period and that in the one before. ``times``, ``values`` and ``truths``
    are of the newest forecast for each time.
    """

    series: str
    steps: int
    with_truth: int
    metrics: tuple[tuple[str, float | None, float | None], ...]
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    truths: tuple[float | None, ...]


def read_forecasts(store: Store, model: Model, period: Period) -> tuple[ForecastLine, ...]:
    """Return the series that the model forecast for the period, by name, at most ``MOST_SERIES``."""
    found = []
    for series in store.list_series():
        # What was issued after a time says nothing of how well it was foreseen; the store takes no such step.
        steps = store.scored_forecasts(series, period.before_start, period.end, model=model.name, known_at=period.end)
        is_now = steps["valid_time"] >= period.start
        if is_now.any():
            found.append(_line(series, steps[is_now], steps[~is_now]))
        if len(found) == MOST_SERIES:
            break
    return tuple(found)


def _line(series: str, now: pd.DataFrame, before: pd.DataFrame) -> ForecastLine:
    values, earlier = _measure(now), _measure(before)
    newest = now.drop_duplicates("valid_time", keep="last")  # they come by time, then by issue
    titles = {metric.name: metric.title for metric in METRICS}
    return ForecastLine(
        series=series,
        steps=len(now),
        with_truth=int(now["truth"].notna().sum()),
        metrics=tuple((titles[name], values[name], earlier[name]) for name in _SHOWN if values[name] is not None),
        times=tuple(time.to_pydatetime() for time in newest["valid_time"]),
        values=tuple(map(float, newest["value"])),
        truths=tuple(None if pd.isna(truth) else float(truth) for truth in newest["truth"]),
    )


def _measure(steps: pd.DataFrame) -> dict[str, float | None]:
    known = steps[steps["truth"].notna()]
    rows = ForecastRows(known["truth"].to_numpy(), known["value"].to_numpy(), known[list(_BOUNDS)])
    measured = measure_rows(METRICS, rows, _SHOWN)
    return {name: None if isinstance(each.value, Undefined) else each.value for name, each in measured.items()}
