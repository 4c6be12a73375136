"""The network, the last value and yesterday's in a race on weeks that nobody was fitted on.

An error is the root of the mean square over all steps, by link, location and direction; a ratio to another's is the
geometric mean over them, so that a small link counts as much as a large one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecasting_jobs.link_traffic.features import Examples
from ml_core.forecasters.windowed_network import WindowedNetwork
from ml_core.timeseries.series import Floats

NETWORK, LAST_VALUE, SEASONAL_NAIVE = "network", "last_value", "seasonal_naive"
LABELS = {NETWORK: "the network", LAST_VALUE: "the last value", SEASONAL_NAIVE: "the day before"}
_LEAST = 1e-12
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """What came of it: ``errors`` by rival, a row for each of ``pairs`` with received and sent, in Gbit/s.

    ``said`` is what the network said of ``examples``, ``(count, horizon, 2)``.
    """

    examples: Examples
    pairs: tuple[tuple[str, str], ...]
    errors: Mapping[str, Floats]
    said: Floats

    def ratio(self, rival: str) -> float:
        """Return the network's error in parts of a rival's, geometric mean over links and directions."""
        ours, theirs = (np.maximum(self.errors[name], _LEAST) for name in (NETWORK, rival))
        return float(np.exp(np.mean(np.log(ours / theirs))))

    def rmse(self, rival: str) -> float:
        """Return the mean of a rival's errors over links and both directions, in Gbit/s."""
        return float(self.errors[rival].mean())

    def is_won(self) -> bool:
        """Return whether the network has beaten both others."""
        return all(self.ratio(rival) < 1 for rival in (LAST_VALUE, SEASONAL_NAIVE))


def race(network: WindowedNetwork, examples: Examples) -> Race:
    """Return the race of a network over held-out examples."""
    said = forecasts(network, examples)
    points = {
        NETWORK: said,
        LAST_VALUE: np.repeat(examples.windows[:, -1:], network.spec.horizon, axis=1),
        SEASONAL_NAIVE: examples.day_before,
    }
    pairs = tuple(dict.fromkeys(examples.pairs))
    number = {pair: place for place, pair in enumerate(pairs)}
    which = np.array([number[pair] for pair in examples.pairs])
    counts = np.bincount(which)
    errors = {}
    for name, point in points.items():
        squares = ((point - examples.truths) ** 2).mean(axis=1)
        sums = np.stack([np.bincount(which, weights=squares[:, direction]) for direction in (0, 1)], axis=1)
        errors[name] = np.sqrt(sums / counts[:, None])
    return Race(examples, pairs, errors, said)


def forecasts(network: WindowedNetwork, examples: Examples) -> Floats:
    """Return what a network says of examples, ``(count, horizon, 2)``."""
    parts = []
    for first in range(0, len(examples), _AT_ONCE):  # bounds the memory that windows take
        rows = slice(first, first + _AT_ONCE)
        parts.append(network.forecast(examples.windows[rows], examples.pairs[rows], examples.seconds[rows]))
    return np.concatenate(parts)
