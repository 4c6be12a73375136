"""``get-predictions`` (job get_preds): rolls through time, forecasts all links, and sends the truth as it comes.

Issue times lie on a grid of ``link_traffic.stride`` steps. At each of them, oldest first:

1. Every link that has no forecast of it yet is forecast from its last values, over HTTP, all in one call.
2. After every ``label_every`` of them, and after the last, the truth of each forecast whose last step is past is sent
   under its id, each value with its time.
3. The RMSE over ``check_every`` of them is set as an aggregate, again whenever truth of its window came; after the last
   of a window the model is checked.

Where a run ended, or was killed, the next one goes on: what is forecast and has its truth is asked of ``ml_models``.
A value is of the step that begins at its time, so it is known a step later; nothing that was measured after that goes
into a forecast, and no truth is sent before it is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from forecasting_jobs.link_traffic.features import WINDOW
from forecasting_jobs.link_traffic.gaps import filled
from forecasting_jobs.link_traffic.link_series import LinkSeries
from forecasting_jobs.link_traffic.models_client import ModelsClient, Served
from ml_core.settings import LinkTrafficSettings
from ml_core.timeseries.features import EPOCH
from ml_core.timeseries.series import Floats
from ml_core.traffic.records import Window

JOB = "get_preds"
Checked = Callable[[datetime], None]
"""What is done after the last issue time of a window."""
Progress = Callable[[datetime, int, int], None]
"""Is told each issue time, its number from 1 on, and how many there are."""
_LOOKED_BACK = timedelta(days=45)
_AT_ONCE = 500


def untold(issue_time: datetime, number: int, count: int) -> None:
    """Say nothing."""


@dataclass(slots=True)
class Rolled:
    """What a roll came to."""

    forecasts: int = 0
    labelled: int = 0
    aggregates: int = 0
    passed_over: int = 0

    def told(self) -> str:
        """Return it in a line."""
        passed = f", {self.passed_over} passed over for want of history" if self.passed_over else ""
        return (
            f"{self.forecasts} forecasts made{passed}, {self.labelled} given their truth, {self.aggregates} windows "
            "measured"
        )


class Roll:
    """The forecasts of one model over the history of its links; ``run`` may be called again when time has gone on."""

    def __init__(self, client: ModelsClient, links: Sequence[LinkSeries], section: LinkTrafficSettings) -> None:
        self.client = client
        self.links = {series.pair: series for series in links}
        self.section = section
        self.step = links[0].step
        self._values = {series.pair: filled(series)[0] for series in links}
        self._served: dict[str, Served] = {}

    @property
    def stride(self) -> timedelta:
        """The time from one issue time to the next."""
        return self.section.stride * self.step

    @property
    def window(self) -> timedelta:
        """The time over which an aggregate is measured."""
        return self.section.check_every * self.stride

    def run(
        self,
        start: datetime,
        now: datetime,
        *,
        served_since: datetime | None = None,
        checked: Checked | None = None,
        told: Progress = untold,
    ) -> Rolled:
        """Do what is due at the issue times from ``start`` on whose values are known ``now``; return what it came to.

        ``served_since`` is from when on forecasts may have been served before, else some weeks ago. Raises
        ``ModelsUnavailable``; what was done until then is kept, and not done again by the next run.
        """
        done = Rolled()
        if not self._served:
            since = served_since or now - _LOOKED_BACK
            self._served = {each.forecast_id: each for each in self.client.served_between(since, now)}
        times = list(self.issue_times(start, now - self.step))
        for number, issue_time in enumerate(times, start=1):
            made, passed_over = self._forecast(issue_time)
            done.forecasts, done.passed_over = done.forecasts + made, done.passed_over + passed_over
            place = self._place(issue_time)
            if (place + 1) % self.section.label_every == 0:
                self._label(issue_time + self.step, done)
            if checked is not None and made and (place + 1) % self.section.check_every == 0:
                checked(issue_time)
            told(issue_time, number, len(times))
        self._label(now, done)
        return done

    def issue_times(self, start: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the issue times of ``start <= time <= last``, oldest first."""
        time = EPOCH + -(-(start - EPOCH) // self.stride) * self.stride
        while time <= last:
            yield time
            time += self.stride

    def window_of(self, time: datetime) -> tuple[datetime, datetime]:
        """Return the window that an issue time belongs to, as its start and its end."""
        first = EPOCH + (time - EPOCH) // self.window * self.window
        return first, first + self.window

    def _place(self, issue_time: datetime) -> int:
        place: int = (issue_time - EPOCH) // self.stride
        return place

    def _forecast(self, issue_time: datetime) -> tuple[int, int]:
        there = {(each.link, each.location) for each in self._served.values() if each.issue_time == issue_time}
        windows = [self._window_at(pair, issue_time) for pair in self.links if pair not in there]
        known = [window for window in windows if window is not None]
        for first in range(0, len(known), _AT_ONCE):
            for served in self.client.forecast(known[first : first + _AT_ONCE]):
                self._served[served.forecast_id] = served
        return len(known), len(windows) - len(known)

    def _window_at(self, pair: tuple[str, str], issue_time: datetime) -> Window | None:
        """Return the last values up to an issue time, or None where too few are known, or none is new."""
        series = self.links[pair]
        end = (issue_time - series.start_time) // series.step + 1
        if end < WINDOW + 1 or end > len(series) or np.isnan(series.values[end - 1]).any():
            return None
        values = self._values[pair][end - WINDOW - 1 : end]
        return Window(*pair, issue_time, values[:, 0].tolist(), values[:, 1].tolist())

    def _label(self, now: datetime, done: Rolled) -> None:
        """Send the truth of all forecasts whose last step is past, and measure the windows that they belong to."""
        touched = set()
        for served in list(self._served.values()):
            if served.labels is not None or served.times[-1] + self.step > now:
                continue
            truth = self._truth(served)
            if truth is None:
                continue
            labels = _as_labels(truth[:, 0]), _as_labels(truth[:, 1])
            self.client.label(served, labels)
            self._served[served.forecast_id] = replace(served, labels=labels)
            touched.add(self.window_of(served.issue_time))
            done.labelled += 1
        for start, end in sorted(touched):
            metrics = window_errors(
                [each for each in self._served.values() if start <= each.issue_time < end and each.labels is not None]
            )
            if metrics:
                self.client.set_aggregates(start, end, metrics)
                done.aggregates += 1

    def _truth(self, served: Served) -> Floats | None:
        """Return what was measured at each step, NaN in gaps; None while the history does not reach the last one."""
        series = self.links.get((served.link, served.location))
        if series is None:
            return None
        places = [(time - series.start_time) // series.step for time in served.times]
        if places[0] < 0 or places[-1] >= len(series):
            return None
        return np.asarray(series.values[places], dtype=np.float64)


def window_errors(served: Sequence[Served]) -> Mapping[str, float]:
    """Return the RMSE in Gbit/s over all steps of forecasts whose truth is known, by direction and as their mean.

    A step is compared with the truth of its own time; one without truth is left out. Empty if none has any.
    """
    errors = []
    for direction in (0, 1):
        squares = [
            (said - truth) ** 2
            for each in served
            if each.labels is not None
            for said, truth in zip(each.said[direction], each.labels[direction], strict=True)
            if truth is not None
        ]
        if not squares:
            return {}
        errors.append(math.sqrt(math.fsum(squares) / len(squares)))
    return {"rmse": sum(errors) / 2, "rmse_rx": errors[0], "rmse_tx": errors[1]}


def _as_labels(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
