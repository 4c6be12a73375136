"""What was served of link traffic, as the store keeps it: each forecast whole, with its window, and its truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.features import HORIZON, WINDOW
from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.process_parts import ProcessParts
from ml_core.timeseries.series import Floats
from ml_core.tracking.predictions import TrackedPredictions
from ml_core.traffic.records import TARGETS

_INPUTS = ("input_rx_data", "input_tx_data")
_Known = tuple[tuple[str, str], Floats]
"""Link and location, and the window."""


@dataclass(frozen=True, slots=True, eq=False)
class ServedForecast:
    """One forecast: ``window (window + 1, 2)`` up to ``issue_time``, ``said`` and ``truth (horizon, 2)``.

    ``time`` is when it was served, ``known_time`` when the last of its truth came; NaN where a step has none.
    """

    forecast_id: str
    pair: tuple[str, str]
    time: datetime
    issue_time: datetime
    version: int | None
    window: Floats
    said: Floats
    truth: Floats
    known_time: datetime | None

    @property
    def loss(self) -> float:
        """What it lost by what it said."""
        return loss_of(self.said, self)

    @property
    def is_labelled(self) -> bool:
        """Whether the truth of at least half of its steps is known, in both directions."""
        return bool((np.isfinite(self.truth).mean(axis=0) >= 0.5).all())


def loss_of(said: Floats, forecast: ServedForecast) -> float:
    """Return the root mean square error of ``said`` in parts of the window's level, so that links are alike."""
    level = np.maximum(np.abs(forecast.window).mean(axis=0), 1e-9)
    errors = (said - forecast.truth) / level
    return float(np.sqrt(np.nanmean(errors**2)))


def served_forecasts(
    parts: ProcessParts, model: str, start: datetime, end: datetime, known_at: datetime
) -> list[ServedForecast]:
    """Return what was served in ``start <= time < end``, oldest first, with the truth that was known at ``known_at``.

    A forecast of which a name or the window is masked is left out.
    """
    end = min(end, known_at)
    if end <= start:
        return []
    frame = parts.store.scored(model, start, end, known_at=known_at)
    rows: defaultdict[str, list[dict[Any, Any]]] = defaultdict(list)
    for row in frame.to_dict("records"):
        rows[row["prediction_id"].rpartition("-")[0]].append(row)
    windows = _windows(parts, model, start, end)
    found = [_whole(key, each, windows[key]) for key, each in rows.items() if key in windows]
    return [forecast for forecast in found if forecast is not None]


def history_of(
    forecasts: Iterable[ServedForecast], step: timedelta, until: datetime, *, since: datetime | None = None
) -> list[LinkSeries]:
    """Return the series of links that windows and truths of forecasts come to, of ``since <= time < until``.

    What filled a gap in a window is no measurement: where the truth of that time is known to be missing, it is a gap.
    """
    values: defaultdict[tuple[str, str], dict[datetime, Floats]] = defaultdict(dict)
    in_order = sorted(forecasts, key=lambda each: each.issue_time)
    for each in in_order:
        for place, row in enumerate(each.window):
            values[each.pair][each.issue_time - (len(each.window) - 1 - place) * step] = row
    for each in in_order:
        if each.known_time is not None:
            for place, row in enumerate(each.truth, start=1):
                values[each.pair][each.issue_time + place * step] = row
    found = [_series(pair, known, step, since, until) for pair, known in values.items()]
    return [series for series in found if series is not None]


def _series(
    pair: tuple[str, str], known: Mapping[datetime, Floats], step: timedelta, since: datetime | None, until: datetime
) -> LinkSeries | None:
    measured = {
        time: row
        for time, row in known.items()
        if time < until and (since is None or time >= since) and np.isfinite(row).all()
    }
    if not measured:
        return None
    first, last = min(measured), max(measured)
    values = np.full(((last - first) // step + 1, 2), np.nan)
    for time, row in measured.items():
        values[(time - first) // step] = row
    return LinkSeries(*pair, first, step, values)


def _windows(parts: ProcessParts, model: str, start: datetime, end: datetime) -> dict[str, _Known]:
    tracked = TrackedPredictions(parts.store, parts.clock).read(model, start, end)
    found = {}
    for each in tracked:
        metrics = each.metrics
        inputs = [metrics.get(name) for name in _INPUTS]
        if not (metrics.get("link") and metrics.get("location") and all(inputs)):
            continue
        window = np.array(inputs, dtype=np.float64).T
        if window.shape == (WINDOW + 1, 2):
            found[each.prediction_id] = ((metrics["link"], metrics["location"]), window)
    return found


def _whole(forecast_id: str, rows: Sequence[Mapping[Any, Any]], known: _Known) -> ServedForecast | None:
    said, truth = (np.full((HORIZON, 2), np.nan) for _ in range(2))
    received = []
    for row in rows:
        features = row["features"]
        target, step = features.get("target"), features.get("step")
        if target not in TARGETS or not isinstance(step, int) or not 1 <= step <= HORIZON:
            return None
        place = step - 1, TARGETS.index(target)
        said[place] = row["value"]
        if not pd.isna(row["truth"]):
            truth[place] = row["truth"]
            received.append(row["truth_received_time"].to_pydatetime())
    issue_time = rows[0]["features"].get("issue_time")
    if issue_time is None or np.isnan(said).any():
        return None
    version = rows[0]["version"]
    return ServedForecast(
        forecast_id,
        known[0],
        rows[0]["time"].to_pydatetime(),
        datetime.fromisoformat(issue_time).astimezone(UTC),
        None if pd.isna(version) else int(version),
        known[1],
        said,
        truth,
        max(received, default=None),
    )
