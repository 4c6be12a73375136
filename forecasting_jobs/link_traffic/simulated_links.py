"""The traffic of sixteen links that do not exist: a documented random process, five minutes by five minutes.

Four links at four locations each. Every value follows from the seed and its time alone, so that any stretch can be
asked for again and is the same. In Gbit/s, received (``rx``) and sent (``tx``):

- **season** (UTC): a day with two peaks at hours of the link's own, weekends between a half and nine tenths of it, and
  on working nights a backup of two hours;
- **growth**: up to three percent a month from 2026 on;
- **drift**: a load that wanders over hours and days, in part the same in both directions;
- **bursts**: about every tenth day, for one to four hours, up to two and a half times the traffic;
- **gaps**: of each link one hour in 300 is lost, and now and then a slot;
- **noise** of its own for each link, direction and slot.

From ``change_time`` on, where one is given, a replication is set up beside what was there: every six hours, at an hour
of the link's own, a transfer of one size takes an hour. All else stays as it was, so that a model that learns the new
pattern can be as good as one was before, and one that does not is wrong several times a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from forecasting_jobs.keyed_noise import Floats, Minutes, chance, smooth_chance
from forecasting_jobs.link_traffic.link_series import FIVE_MINUTES, HOUR

LINKS = ("Verizon", "Northway", "Bluewave", "Telcora")
LOCATIONS = ("US-DC4", "US-NY5", "UK-LD4", "SG-SG1")
PAIRS = tuple((link, location) for link in LINKS for location in LOCATIONS)
_SLOT, _HOUR, _DAY = 5, 60, 1440
_FEWEST_SLOTS = 6  # of the twelve of an hour, for the hour to have a value
_GROWN_SINCE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) // 60
_TRANSFER = 0.9  # of the link's level
_SALT = {
    name: 1000 * number
    for number, name in enumerate(("level", "season", "backup", "drift", "burst", "gap", "slot", "transfer"), start=1)
}


@dataclass(frozen=True, slots=True)
class SimulatedLinks:
    """The links, by seed; ``change_time`` is when their pattern becomes another one."""

    seed: int = 3
    change_time: datetime | None = None

    def traffic(self, start: datetime, end: datetime, step: timedelta = HOUR) -> pd.DataFrame:
        """Return ``link, location, time, rx_gbs, tx_gbs`` of ``start <= time < end``, link by link; lost slots lack.

        Raises ``ValueError`` for a step other than five minutes and an hour.
        """
        if step not in (FIVE_MINUTES, HOUR):
            raise ValueError(f"step: expected 5 minutes or an hour, not {step}")
        frames = []
        for place, (link, location) in enumerate(PAIRS):
            minutes = np.arange(_minute(start, step), _minute(end, step), _SLOT, dtype=np.int64)
            rx, tx, known = *self._both(minutes, place), self._is_there(minutes, place)
            if step == HOUR:
                minutes, rx, tx, known = _by_hour(minutes, rx, tx, known)
            frames.append(
                pd.DataFrame(
                    {
                        "link": link,
                        "location": location,
                        "time": pd.to_datetime(minutes[known] * 60, unit="s", utc=True),
                        "rx_gbs": np.round(rx[known], 4),
                        "tx_gbs": np.round(tx[known], 4),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def _both(self, minutes: Minutes, place: int) -> tuple[Floats, Floats]:
        level = 4 + 28 * self._fixed("level", place)
        growth = 1 + 0.03 * self._fixed("level", place, 1) * (minutes - _GROWN_SINCE) / (30 * _DAY)
        shared = 0.16 * self._smooth(minutes, 2160, "drift", place)
        shared += 0.10 * self._smooth(minutes, 480, "drift", place, 1)
        burst = self._burst(minutes, place)
        directions = []
        for direction, share in enumerate((1.0, 0.25 + 0.5 * self._fixed("level", place, 2))):
            own = 0.06 * self._smooth(minutes, 150, "drift", place, 2 + direction)
            noise = 0.10 * (self._chance(minutes, "slot", place, direction) - 0.5)
            season = self._season(minutes, place, direction)
            traffic = share * level * np.maximum(growth, 0.4) * season * (1 + shared + own) * burst * (1 + noise)
            traffic += share * level * self._transfer(minutes, place)
            directions.append(np.asarray(np.maximum(traffic, 0.01), dtype=np.float64))
        return directions[0], directions[1]

    def _season(self, minutes: Minutes, place: int, direction: int) -> Floats:
        hours = (minutes % _DAY) / _HOUR
        is_weekend = (minutes // _DAY + 3) % 7 >= 5  # the first day of 1970 was a Thursday
        first = 11 + 6 * self._fixed("season", place)
        second = first + 5 + 3 * self._fixed("season", place, 1 + direction)
        daily = 0.45 + 0.75 * _peak(hours - first, 3.2) + 0.45 * _peak(hours - second, 1.8)
        season = daily * np.where(is_weekend, 0.5 + 0.4 * self._fixed("season", place, 4), 1.0)
        night = (hours - 1 - 3 * self._fixed("backup", place)) % 24
        season += np.where((night < 2) & ~is_weekend, 0.4 * (direction + 0.5), 0.0)
        return np.asarray(season, dtype=np.float64)

    def _transfer(self, minutes: Minutes, place: int) -> Floats:
        if self.change_time is None:
            return np.zeros(len(minutes))
        is_due = (minutes // _HOUR + int(6 * self._fixed("transfer", place))) % 6 == 0
        is_changed = minutes >= int(self.change_time.timestamp()) // 60
        return np.where(is_due & is_changed, _TRANSFER, 0.0)

    def _burst(self, minutes: Minutes, place: int) -> Floats:
        days = minutes // _DAY
        happens = self._chance(days, "burst", place) < 0.1
        begin = _HOUR * 20 * self._chance(days, "burst", place, 1)
        length = _HOUR * (1 + 3 * self._chance(days, "burst", place, 2))
        size = 0.4 + 1.1 * self._chance(days, "burst", place, 3)
        along = np.clip((minutes % _DAY - begin) / length, 0, 1)
        return np.asarray(1 + np.where(happens, size * np.sin(np.pi * along), 0.0), dtype=np.float64)

    def _is_there(self, minutes: Minutes, place: int) -> np.ndarray:
        lost_hour = self._chance(minutes // _HOUR, "gap", place) < 1 / 300
        return ~lost_hour & (self._chance(minutes, "gap", place, 1) >= 0.002)

    def _fixed(self, name: str, place: int, number: int = 0) -> float:
        return float(self._chance(np.zeros(1, dtype=np.int64), name, place, number)[0])

    def _chance(self, keys: Minutes, name: str, place: int, number: int = 0) -> Floats:
        return chance(keys, self.seed, _SALT[name] + 20 * place + number)

    def _smooth(self, minutes: Minutes, period: int, name: str, place: int, number: int = 0) -> Floats:
        return smooth_chance(minutes, period, self.seed, _SALT[name] + 20 * place + number)


def _peak(hours: Floats, width: float) -> Floats:
    """Return a bump around 0 on the circle of 24 hours, 1 at its top."""
    away = (hours + 12) % 24 - 12
    return np.asarray(np.exp(-0.5 * (away / width) ** 2), dtype=np.float64)


def _by_hour(minutes: Minutes, rx: Floats, tx: Floats, known: np.ndarray) -> tuple[Minutes, Floats, Floats, np.ndarray]:
    rows = known.reshape(-1, _HOUR // _SLOT)
    counts = rows.sum(axis=1)
    rx, tx = (np.where(rows, each.reshape(rows.shape), 0.0).sum(axis=1) / np.maximum(counts, 1) for each in (rx, tx))
    return minutes[:: _HOUR // _SLOT], rx, tx, counts >= _FEWEST_SLOTS


def _minute(time: datetime, step: timedelta) -> int:
    """Return the first minute of the first step that begins at ``time`` or later."""
    seconds = int(step.total_seconds())
    return -(-int(time.timestamp()) // seconds) * seconds // 60
