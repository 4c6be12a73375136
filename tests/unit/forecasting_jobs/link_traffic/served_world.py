"""A world in which links are forecast by a small network every twelve hours, and their truth comes hours later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from ml_core.clock import FixedClock
from ml_core.ids import new_id
from ml_core.process_parts import ProcessParts
from ml_core.timeseries.series import Floats
from ml_core.traffic.log import TrafficLog
from ml_core.traffic.records import TrafficForecast, Window
from ml_core.traffic.served import ServedForecasts
from ml_core.traffic.truths import LABELS, TrafficTruths
from tests.traffic import HOURLY

STRIDE = timedelta(hours=12)
LENGTH, HORIZON = 25, 6


@dataclass
class ServedWorld:
    """The parts, whose clock moves on with what is served."""

    parts: ProcessParts
    clock: FixedClock

    def serve(self, series: LinkSeries, issue_time: datetime, said: Floats | None = None, version: int = 1) -> str:
        """Serve a forecast from the last hours up to ``issue_time``, an hour after it; return its id.

        ``said (horizon, 2)`` is the last value again where it is not given.
        """
        end = (issue_time - series.start_time) // HOUR + 1
        window = np.nan_to_num(series.values[end - LENGTH : end])
        said = np.repeat(window[-1:], HORIZON, axis=0) if said is None else said
        made = issue_time + HOUR
        self.clock.time = made
        forecast = TrafficForecast(
            new_id(made),
            HOURLY,
            version,
            Window(*series.pair, issue_time, window[:, 0].tolist(), window[:, 1].tolist()),
            [issue_time + step * HOUR for step in range(1, HORIZON + 1)],
            said[:, 0].tolist(),
            said[:, 1].tolist(),
            made,
            made,
        )
        TrafficLog(self.parts.store, self.clock).record(HOURLY, [forecast])
        return forecast.forecast_id

    def label(self, forecast_id: str, truth: Floats, at: datetime) -> None:
        """Send the truth of a forecast, ``(horizon, 2)`` with NaN for what was never measured, at a time."""
        self.clock.time = at
        steps = ServedForecasts(self.parts.store, self.clock).steps_of(HOURLY, forecast_id)
        labels = [[None if np.isnan(value) else value for value in column] for column in truth.T.tolist()]
        truths = TrafficTruths(self.parts.store, self.clock)
        truths.record(HOURLY, truths.read(steps, dict(zip(LABELS, labels, strict=True))))

    def live(self, links: Sequence[LinkSeries], start: datetime, end: datetime) -> None:
        """Serve every link every twelve hours from ``start`` on and before ``end``; truth comes with the last step."""
        for number in range((end - start) // STRIDE):
            issue_time = start + number * STRIDE
            ids = [self.serve(series, issue_time) for series in links]
            for series, forecast_id in zip(links, ids, strict=True):
                self.label(forecast_id, truth_of(series, issue_time), issue_time + 7 * HOUR)


def truth_of(series: LinkSeries, issue_time: datetime) -> Floats:
    """Return what was measured in the six hours after an issue time."""
    first = (issue_time - series.start_time) // HOUR + 1
    return np.asarray(series.values[first : first + HORIZON], dtype=np.float64)
