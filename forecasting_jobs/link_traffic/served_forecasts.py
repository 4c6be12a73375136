"""What was served of link traffic, as the store keeps it: each forecast whole, with its window, and its truth."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.features import HORIZON, WINDOW
from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.process_parts import ProcessParts
from ml_core.timeseries.series import Floats
from ml_core.traffic.records import TrafficForecast
from ml_core.traffic.served import ServedForecasts


@dataclass(frozen=True, slots=True, eq=False)
class ServedForecast:
    """One forecast: ``window (window + 1, 2)`` up to ``issue_time``, ``said`` and ``truth (horizon, 2)``.

    ``time`` is when it was served, ``known_time`` when the last of its truth came; NaN where a step has none.
    """

    forecast_id: str
    pair: tuple[str, str]
    time: datetime
    issue_time: datetime
    version: int
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
    served = ServedForecasts(parts.store, parts.clock).between(model, start, end)
    known = _truths(parts.store.scored(model, start, end, known_at=known_at))
    return [_labelled(each, known) for each in served if _is_whole(each)]


def history_of(
    forecasts: Iterable[ServedForecast], step: timedelta, until: datetime, *, since: datetime | None = None
) -> list[LinkSeries]:
    """Return the series that windows and truths of forecasts come to, of ``since <= time < until``, link by link.

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
    found = [
        _series(pair, known, step, since, until) for pair, known in sorted(values.items(), key=lambda item: item[0])
    ]
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


def _truths(scored: pd.DataFrame) -> dict[str, tuple[float, datetime]]:
    """Return the truth of each step, and when it came, by prediction id."""
    known = scored[scored["truth"].notna()]
    return {
        row["prediction_id"]: (float(row["truth"]), row["truth_received_time"].to_pydatetime())
        for row in known.to_dict("records")
    }


def _is_whole(forecast: TrafficForecast) -> bool:
    lengths = {len(forecast.times), len(forecast.rx_gbs), len(forecast.tx_gbs)}
    return lengths == {HORIZON} and {len(forecast.window.rx_gbs), len(forecast.window.tx_gbs)} == {WINDOW + 1}


def _labelled(forecast: TrafficForecast, known: Mapping[str, tuple[float, datetime]]) -> ServedForecast:
    numbers = range(1, 2 * HORIZON + 1)
    found = [known.get(f"{forecast.forecast_id}-{number}") for number in numbers]
    truth = [math.nan if each is None else each[0] for each in found]
    window = forecast.window
    return ServedForecast(
        forecast.forecast_id,
        (window.link, window.location),
        forecast.made_time,
        forecast.issue_time,
        forecast.version,
        np.array([window.rx_gbs, window.tx_gbs], dtype=np.float64).T,
        np.array([forecast.rx_gbs, forecast.tx_gbs], dtype=np.float64).T,
        np.array(truth).reshape(2, HORIZON).T,
        max((each[1] for each in found if each is not None), default=None),
    )
