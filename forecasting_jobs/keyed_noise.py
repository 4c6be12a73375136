"""Chance that follows from a seed and a key alone, so that any stretch of a made-up process can be asked for again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Minutes = NDArray[np.int64]


def chance(keys: Minutes, seed: int, salt: int) -> Floats:
    """Return numbers from 0 to 1 that follow from key, salt and seed (the finaliser of SplitMix64)."""
    mixed = keys.astype(np.uint64) + np.uint64(((seed * 1_000_003 + salt) * 0x9E3779B97F4A7C15) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) / 2.0**53, dtype=np.float64)


def smooth_chance(minutes: Minutes, period: int, seed: int, salt: int) -> Floats:
    """Return noise between -1 and 1 that is alike from one minute to the next: chance each period, joined."""
    knot, along = minutes // period, (minutes % period) / period
    weight = along * along * (3 - 2 * along)
    before, after = chance(knot, seed, salt), chance(knot + 1, seed, salt)
    return np.asarray(2 * (before + weight * (after - before)) - 1, dtype=np.float64)
