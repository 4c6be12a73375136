"""Windows of measurements, drawn from a documented process: the mean and the standard deviation of each.

    mean    exp(ln 180 + 0.5 z): log-normal around 180
    sd      mean * exp(-1.2 + 0.6 z'): mostly a third of the mean, log-normal too
    bursts  one window in a hundred: its mean and its deviation are multiplied by the same number, log-uniform from 2
            to 30, and its deviation once more by one from 1 to 2.7

Both are rounded to two decimals. z and z' are standard normal. Which windows are bursts is not told: the detector
finds what is rare by itself.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 4016
TRAINING_ROWS = 64_227
HELD_OUT_ROWS = 16_057
_BURST_SHARE = 0.01
_LARGEST_BURST = 30.0


def generate_windows(rows: int = TRAINING_ROWS + HELD_OUT_ROWS, seed: int = SEED) -> pd.DataFrame:
    """Return ``rows`` windows with the columns ``mean`` and ``sd``; the same seed gives the same table."""
    random = np.random.default_rng(seed)
    mean = np.exp(np.log(180) + 0.5 * random.standard_normal(rows))
    deviation = mean * np.exp(-1.2 + 0.6 * random.standard_normal(rows))
    is_burst = random.random(rows) < _BURST_SHARE
    size = np.where(is_burst, np.exp(random.uniform(np.log(2), np.log(_LARGEST_BURST), rows)), 1.0)
    spread = np.where(is_burst, np.exp(random.uniform(0, 1, rows)), 1.0)
    mean, deviation = mean * size, deviation * size * spread
    return pd.DataFrame({"mean": mean.round(2), "sd": deviation.round(2)})
