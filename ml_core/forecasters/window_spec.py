"""What a network on windows of two-way traffic must know beside its weights, and how its inputs are made.

A window holds ``window + 1`` values of each direction, the last one at the issue time; the one more is for the first
difference. From each the typical value at its time of day is taken, see ``ml_core.timeseries.day_profiles``, so that
the network has to learn what differs from that. What is left is centred on its mean and measured in its spread, which
is never far below the spread of the training data, so that a level that was never seen is none of the network's
business:

- over time ``(window, 4)``: received, its difference, sent, its difference;
- beside it: one-hot link and location, hour and weekday of the issue time on their circles, and level and spread of the
  window by the scalers of the training data.

The same function makes the inputs for training and for serving, and it is handed windows only: what comes later cannot
reach it. In training, the typical values are those without the day to come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import ArtifactError
from ml_core.timeseries import day_profiles
from ml_core.timeseries.day_profiles import DAY_SECONDS, KINDS
from ml_core.timeseries.series import Floats
from ml_core.timeseries.windows import Scaler

FARTHEST = 4.0
"""Inputs and targets beyond so many spreads are cut: one spike shall not teach more than a day of traffic."""
_FLOOR = 0.3  # the part of the training spread below which that of a window does not count
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The inputs of some windows, and what brings the outputs back to Gbit/s: ``changes * spread + base``.

    ``base (count, horizon, 2)`` are the typical values to come, moved by how far the window is from its own; ``spread``
    is ``(count, 2)``.
    """

    over_time: Singles
    beside: Singles
    base: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.beside)


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """Window and horizon in steps, the categories, and by link and location the scalers of both directions.

    The network's changes are multiplied by ``gate``, which the end of the training data has said how far to trust them.
    ``profiles`` are the typical days, ``(pairs, KINDS, slots of a day, 2)``, in the order of ``scalers``; none, as in
    networks of before there were any, is a typical day of zeros.
    """

    window: int
    horizon: int
    step_seconds: int
    links: tuple[str, ...]
    locations: tuple[str, ...]
    scalers: Mapping[tuple[str, str], tuple[Scaler, Scaler]]
    gate: float = 1.0
    profiles: Floats | None = field(default=None, compare=False)

    @property
    def width(self) -> int:
        """The number of inputs beside those over time."""
        return len(self.links) + len(self.locations) + 4 + 4

    def inputs(
        self, windows: Floats, pairs: Sequence[tuple[str, str]], seconds: Integers, typical: Floats | None = None
    ) -> Inputs:
        """Return the inputs of ``windows``, ``(count, window + 1, 2)``, of links and locations that end at ``seconds``.

        Seconds are since 1970. ``typical (count, window + 1 + horizon, 2)`` are the typical values of each window and
        of what comes after it, if not those of the profiles. Raises ``KeyError`` for a pair without scalers.
        """
        kinds = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        scalers = np.array([[[each.centre, each.spread] for each in self.scalers[pair]] for pair in kinds])
        one_hot = np.array([self._one_hot(pair) for pair in kinds])
        which = np.fromiter((kinds[pair] for pair in pairs), dtype=np.int64, count=len(pairs))
        usual, usual_spread = scalers[which, :, 0], scalers[which, :, 1]
        if typical is None:
            typical = self._typical(pairs, seconds)
        left = windows - typical[:, : self.window + 1]
        centre = left[:, 1:].mean(axis=1)
        spread = np.sqrt(left[:, 1:].var(axis=1) + (_FLOOR * usual_spread) ** 2)
        relative = (left - centre[:, None]) / spread[:, None]
        both = np.stack([relative[:, 1:], np.diff(relative, axis=1)], axis=3)  # (count, window, direction, kind)
        over_time = np.clip(both.reshape(len(windows), self.window, 4), -FARTHEST, FARTHEST)
        mean = windows[:, 1:].mean(axis=1)
        level = np.concatenate([(mean - usual) / usual_spread, np.log(spread / usual_spread)], axis=1)
        beside = np.concatenate([one_hot[which], _circles(seconds), np.clip(level, -FARTHEST, FARTHEST)], axis=1)
        base = typical[:, self.window + 1 :] + centre[:, None]
        return Inputs(over_time.astype(np.float32), beside.astype(np.float32), base, spread)

    def values(self, changes: NDArray[Any], inputs: Inputs) -> Floats:
        """Return the traffic ``(count, horizon, 2)`` that a network's outputs stand for; traffic is never below 0."""
        moved = self.gate * changes.astype(np.float64) * inputs.spread[:, None] + inputs.base
        return np.maximum(moved, 0.0)

    def times(self, seconds: Integers) -> Integers:
        """Return the times of windows that end at ``seconds`` and of what comes, ``(count, window + 1 + horizon)``."""
        return np.asarray(seconds[:, None] + self.step_seconds * np.arange(-self.window, self.horizon + 1))

    def as_json(self) -> dict[str, Any]:
        """Return all but the profiles as plain values, for ``from_json``."""
        return {
            "window": self.window,
            "horizon": self.horizon,
            "step_seconds": self.step_seconds,
            "links": list(self.links),
            "locations": list(self.locations),
            "gate": self.gate,
            "scalers": [
                {
                    "link": link,
                    "location": location,
                    "rx": [rx.centre, rx.spread],
                    "tx": [tx.centre, tx.spread],
                }
                for (link, location), (rx, tx) in self.scalers.items()
            ],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any], profiles: Floats | None = None) -> WindowSpec:
        """Return what ``as_json`` was made from, with its profiles; raise ``ArtifactError`` for anything else."""
        try:
            step_seconds = int(written["step_seconds"])
            shape = (len(written["scalers"]), KINDS, DAY_SECONDS // step_seconds, 2)
            if profiles is not None and profiles.shape != shape:
                raise ValueError(f"the typical days, of shape {profiles.shape} and not {shape}")
            return cls(
                window=int(written["window"]),
                horizon=int(written["horizon"]),
                step_seconds=step_seconds,
                links=tuple(written["links"]),
                locations=tuple(written["locations"]),
                scalers={
                    (row["link"], row["location"]): (Scaler(*row["rx"]), Scaler(*row["tx"]))
                    for row in written["scalers"]
                },
                gate=float(written["gate"]),
                profiles=profiles,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"the network's specification lacks or spoils {error}: train anew") from error

    def _typical(self, pairs: Sequence[tuple[str, str]], seconds: Integers) -> Floats:
        times = self.times(seconds)
        if self.profiles is None:
            return np.zeros((*times.shape, 2))
        places = {pair: number for number, pair in enumerate(self.scalers)}
        which = np.fromiter((places[pair] for pair in pairs), dtype=np.int64, count=len(pairs))
        return day_profiles.at(self.profiles, which, times)

    def _one_hot(self, pair: tuple[str, str]) -> list[float]:
        link, location = pair
        return [float(link == each) for each in self.links] + [float(location == each) for each in self.locations]


def _circles(seconds: Integers) -> Floats:
    """Return sine and cosine of the hour of the day and of the day of the week, ``(count, 4)``."""
    day = 2 * np.pi * (seconds % DAY_SECONDS) / DAY_SECONDS
    week = 2 * np.pi * ((seconds / DAY_SECONDS + 3) % 7) / 7  # the first day of 1970 was a Thursday
    return np.column_stack([np.sin(day), np.cos(day), np.sin(week), np.cos(week)])
