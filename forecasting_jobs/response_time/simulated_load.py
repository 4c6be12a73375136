"""The load of a main server and seven behind it that do not exist: a documented random process, minute by minute.

Every value follows from the seed and its time alone, so that any stretch can be asked for again and is the same:

- **season** (UTC): a day with its peak in the early afternoon, nights at a third of it, weekends at under a half;
- **drift**: a load that wanders over hours, the same for all servers, since their callers are the same;
- **incidents**: about every eighth day, for two to five hours, response times swell to up to three times their size;
- **gaps**: minutes that are missing now and then, and of each server one hour in 400;
- **late points**: of one hour in 25 the last 40 minutes are to be had an hour and a half after its end only;
- **noise** of its own for each server and minute.

Average response times are of as many calls as there were; all else is one number a minute. Each tier has one node, so a
metric and its ``_summary`` twin say the same. By metric, with the ``load`` above, 1 at the height of a working day:

- response time: the server's own size, by 0.7 + 0.6 load²; calls: its own number, by load;
- errors, exceptions, slow calls: a share of the calls each, in an incident the more by the square of how it swells;
- threads, network, sockets: so much for each call; processor and memory, in percent: a floor and a share of the load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from forecasting_jobs.keyed_noise import Floats, Minutes, chance, smooth_chance
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, summary_of

SERVERS = ("ABP", *(f"ABPServer{number}" for number in range(1, 7)), "CollectionServer")
_BASE_MS = (420.0, 120.0, 150.0, 95.0, 210.0, 80.0, 300.0, 60.0)
_CALLS = (900.0, 400.0, 350.0, 600.0, 150.0, 700.0, 90.0, 1200.0)
# How much of its size each other metric has at full load, for each of a server's calls a minute.
_PER_CALL: Mapping[str, float] = {
    "errors_per_minute": 0.004,
    "exceptions_per_minue": 0.01,
    "number_of_slow_calls": 0.02,
    "number_of_very_slow_calls": 0.005,
    "threads_hogging_cpu": 0.002,
    "hardware_resources_network_bond2_incoming_kb_sec_summary": 6.0,
    "number_of_bytes_read_from_socket": 2_000.0,
    "number_of_bytes_written_to_socket": 3_500.0,
    "socket_read_time": 0.8,
    "socket_reads": 4.0,
    "socket_write_time": 0.4,
    "socket_writes": 5.0,
}
_PERCENT: Mapping[str, tuple[float, float]] = {
    "hardware_resources_cpu_busy_summary": (12.0, 60.0),
    "hardware_resources_memory_used_summary": (55.0, 15.0),
}
_TWINS = {summary_of(metric): metric for metric in (ART, "calls_per_minute", *_PER_CALL)}
_DAY, _HOUR = 1440, 60
_LATE_MINUTES = 90
_SALT = {name: number for number, name in enumerate(("load", "incident", "gap", "late", "minute", "own"), start=1)}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Minutes since 1970, and for each how often was measured and the sum of it: whole numbers."""

    minutes: Minutes
    count: Minutes
    total: Minutes


@dataclass(frozen=True, slots=True)
class SimulatedLoad:
    """The load; with ``is_punctual`` without gaps and late points."""

    seed: int = 11
    servers: Sequence[str] = SERVERS
    is_punctual: bool = False

    def measured(self, server: str, metric: str, start: datetime, end: datetime, now: datetime) -> Measured:
        """Return what is to be had at ``now`` of ``start <= time < end``; raise ``ValueError`` for another name."""
        if server not in self.servers or metric not in ALL_METRICS:
            raise ValueError(f"there is no {metric} of {server}")
        metric = _TWINS.get(metric, metric)
        place = SERVERS.index(server) if server in SERVERS else len(self.servers) % len(SERVERS)
        first, last = _minute(start), min(_minute(end), _minute(now))
        minutes = np.arange(first, max(first, last), dtype=np.int64)
        if not self.is_punctual:
            minutes = minutes[self._is_there(minutes, place, _minute(now))]
        load, swollen = self._load(minutes), self._incident(minutes)
        calls = np.rint(_CALLS[place] * load * (1 + 0.1 * self._own(minutes, place, 1))).astype(np.int64)
        calls = np.maximum(calls, 1)
        ones = np.ones_like(calls)
        own = 1 + 0.08 * self._own(minutes, place, 2) + 0.06 * self._smooth(minutes, 90, _SALT["own"] + 100 * place)
        if metric == ART:
            response = _BASE_MS[place] * (0.7 + 0.6 * load**2) * swollen * own
            return Measured(minutes, calls, np.rint(response * calls).astype(np.int64))
        if metric == "calls_per_minute":
            return Measured(minutes, ones, calls)
        if metric in _PERCENT:
            low, span = _PERCENT[metric]
            percent = np.clip(low + span * load * (0.7 + 0.3 * swollen) * own, 0, 100)
            return Measured(minutes, ones, np.rint(percent).astype(np.int64))
        size = calls * _PER_CALL[metric] * own * (swollen**2 if "calls" in metric or "err" in metric else 1.0)
        return Measured(minutes, ones, np.rint(size).astype(np.int64))

    def _load(self, minutes: Minutes) -> Floats:
        hours, weekday = (minutes % _DAY) / _HOUR, (minutes // _DAY + 3) % 7  # the first day of 1970 was a Thursday
        daily = np.clip(np.sin(np.pi * (hours - 5.5) / 15.5), 0, None)
        season = 0.3 + 0.7 * daily * np.where(weekday < 5, 1.0, 0.35)
        drift = 0.18 * self._smooth(minutes, 900, _SALT["load"]) + 0.1 * self._smooth(minutes, 240, _SALT["load"] + 50)
        return np.asarray(season * (1 + drift), dtype=np.float64)

    def _incident(self, minutes: Minutes) -> Floats:
        days = minutes // _DAY
        happens = self._chance(days, _SALT["incident"]) < 0.125
        begin = _HOUR * (8 + 9 * self._chance(days, _SALT["incident"] + 20))
        length = _HOUR * (2 + 3 * self._chance(days, _SALT["incident"] + 40))
        size = 0.6 + 1.4 * self._chance(days, _SALT["incident"] + 60)
        along = np.clip((minutes % _DAY - begin) / length, 0, 1)
        return np.asarray(1 + np.where(happens, size * np.sin(np.pi * along), 0.0), dtype=np.float64)

    def _is_there(self, minutes: Minutes, place: int, now: int) -> NDArray[np.bool_]:
        hours = minutes // _HOUR
        lost = self._chance(hours, _SALT["gap"] + 100 * place) < 1 / 400
        lost |= self._chance(minutes, _SALT["gap"] + 100 * place + 7) < 0.01
        late = (self._chance(hours, _SALT["late"] + 100 * place) < 1 / 25) & (minutes % _HOUR >= 20)
        come = (hours + 1) * _HOUR + _LATE_MINUTES <= now
        return np.asarray(~lost & (~late | come))

    def _own(self, minutes: Minutes, place: int, salt: int) -> Floats:
        """Return noise between -1 and 1, of a server alone."""
        return 2 * self._chance(minutes, _SALT["minute"] + 100 * place + 10 * salt) - 1

    def _smooth(self, minutes: Minutes, period: int, salt: int) -> Floats:
        return smooth_chance(minutes, period, self.seed, salt)

    def _chance(self, keys: Minutes, salt: int) -> Floats:
        return chance(keys, self.seed, salt)


def _minute(time: datetime) -> int:
    return int(time.timestamp() // 60)
