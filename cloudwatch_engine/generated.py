"""An instance that does not exist: a documented random process in place of AWS, for demonstrations and tests.

Every value follows from the seed and its time alone, so any stretch can be asked for at any time, again and again, and
the instance keeps up with the clock. What happens to it, all in UTC:

- **season**: a working day with peaks in the late morning and the afternoon, nights at a quarter of it, and weekends at
  two fifths;
- **deploys**: on Tuesdays and Thursdays, at an hour of the day's own: a short restart, and after it another level for
  good (until the next deploy), since new code costs more or less;
- **leaks**: memory that grows from each deploy to the next, and costs CPU (collecting garbage) once it is nearly full;
- **bursts**: on some days, a sudden load that lasts from a quarter of an hour to two hours and takes CPU to its limit;
- **gaps**: five-minute points that are missing now and then, and sometimes an hour of them, never a zero;
- **noise** that is alike from one point to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cloudwatch_engine.names import KNOWN, METRICS, Metric
from cloudwatch_engine.queries import MetricQuery
from cloudwatch_engine.readings import Reading

INSTANCE = "i-generated"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_MEMORY_WINDOW = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Day:
    """What chance has in store for one day."""

    noise: Floats
    network: Floats
    missing: NDArray[np.bool_]
    deploy_second: float | None
    level: float
    burst: tuple[float, float, float] | None


class GeneratedInstance:
    """The generated instance; it gives a point every ``period_seconds``."""

    def __init__(self, period_seconds: int, seed: int = 7) -> None:
        self._period = period_seconds
        self._seed = seed

    def read(self, queries: Sequence[MetricQuery], start: datetime, end: datetime) -> Reading:
        """Return the points with ``start <= time < end`` of every query, whatever instance it names."""
        first = -(-int((start - _EPOCH).total_seconds()) // self._period)
        last = -(-int((end - _EPOCH).total_seconds()) // self._period)
        seconds = np.arange(first, max(first, last), dtype=np.int64) * self._period
        values = self._values(seconds)
        times = [_EPOCH + timedelta(seconds=int(second)) for second in seconds]
        return Reading(
            {
                query.query_id: {
                    time: float(value)
                    for time, value in zip(times, values[query.metric], strict=True)
                    if not np.isnan(value)
                }
                for query in queries
            }
        )

    def _values(self, seconds: NDArray[np.int64]) -> dict[Metric, Floats]:
        if not len(seconds):
            return {metric: np.empty(0) for metric in METRICS}
        numbers = seconds // _DAY
        first = int(numbers[0]) - 7  # far enough back for the last deploy and for the noise
        days = [self._day(number) for number in range(first, int(numbers[-1]) + 1)]
        slot = (seconds - first * _DAY) // self._period
        noise = _smooth(np.concatenate([day.noise for day in days]))[slot]
        network = _smooth(np.concatenate([day.network for day in days]))[slot]
        missing = np.concatenate([day.missing for day in days])[slot]

        demand = _demand(seconds)
        since_deploy, level, restarting = _deploys(seconds, days, first)
        burst = _bursts(seconds, days, first)
        memory = np.clip(38 + 9.5 * since_deploy + 6 * demand + 0.8 * noise, 5, 97)
        collecting = np.clip(memory - 88, 0, None) * 2.2
        cpu = 10 + 54 * demand + level * (0.4 + demand) + collecting + burst + 2.4 * noise
        cpu = np.clip(np.where(restarting, 3.0, cpu), 0.4, 100)
        incoming = np.where(restarting, 2e4, 4e5 + 9e6 * demand * np.exp(0.12 * network) + 6e4 * burst)
        values: dict[Metric, Floats] = {
            "CPUUtilization": cpu,
            "MemoryUtilization": memory,
            "NetworkIn": incoming,
            "NetworkOut": incoming * 1.7 * np.exp(0.05 * noise),
        }
        return {metric: np.where(missing, np.nan, np.round(numbers, 3)) for metric, numbers in values.items()}

    def _day(self, number: int) -> _Day:
        """Return a day; drawn in a fixed order, so that it is the same whoever asks."""
        random = np.random.default_rng([self._seed, number])
        points = _DAY // self._period
        noise, network = random.normal(size=points), random.normal(size=points)
        missing = random.random(points) < 0.002
        if random.random() < 0.12:  # an hour without the agent
            begin = int(random.integers(points))
            missing[begin : begin + max(1, 3600 // self._period)] = True
        weekday = (number + 3) % 7  # 1970-01-01 was a Thursday
        hour, level = random.uniform(8, 16), random.uniform(-7, 9)
        burst = None
        if random.random() < 0.4:
            burst = (random.uniform(0, _DAY), random.uniform(900, 7200), random.uniform(12, 40))
        return _Day(noise, network, missing, hour * 3600 if weekday in (1, 3) else None, level, burst)


def generated_queries(instance: str = INSTANCE) -> tuple[MetricQuery, ...]:
    """Return the queries of the generated instance: one a metric."""
    return tuple(
        MetricQuery(known.metric.lower(), instance, known, (("InstanceId", instance),))
        for known in KNOWN
        if known.rank == 0
    )


def _demand(seconds: NDArray[np.int64]) -> Floats:
    """Return how busy people are, 0 to about 1, by hour and weekday."""
    hour = seconds % _DAY / 3600
    weekend = ((seconds // _DAY + 3) % 7) >= 5
    morning = np.exp(-0.5 * ((hour - 11) / 2.1) ** 2)
    afternoon = 0.85 * np.exp(-0.5 * ((hour - 16) / 2.6) ** 2)
    shape: Floats = 0.12 + 0.88 * np.clip(morning + afternoon, 0, 1)
    return np.where(weekend, 0.4 * shape, shape)


def _deploys(seconds: NDArray[np.int64], days: Sequence[_Day], first: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return days since the last deploy, the level it has left, and whether the instance is restarting."""
    moments = [
        ((first + index) * _DAY + day.deploy_second, day.level)
        for index, day in enumerate(days)
        if day.deploy_second is not None
    ]
    times = np.array([time for time, _ in moments])
    levels = np.array([level for _, level in moments])
    last = np.searchsorted(times, seconds, side="right") - 1
    since = seconds - times[last]
    return since / _DAY, levels[last], since < 600


def _bursts(seconds: NDArray[np.int64], days: Sequence[_Day], first: int) -> Floats:
    """Return what bursts add to CPU: up within minutes, level, and down again."""
    load = np.zeros(len(seconds))
    for index, day in enumerate(days):
        if day.burst is None:
            continue
        begin, length, height = day.burst
        since = seconds - ((first + index) * _DAY + begin)
        load += height * np.clip(since / 600, 0, 1) * np.clip((length - since) / 900, 0, 1)
    return load


def _smooth(noise: Floats) -> Floats:
    """Return noise of variance 1 in which each value resembles those before it."""
    weights = 0.72 ** np.arange(_MEMORY_WINDOW)
    return np.convolve(noise, weights / np.sqrt(np.sum(weights**2)))[: len(noise)]
