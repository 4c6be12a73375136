"""The reference sample of a version: what was known and said in its race, and what came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.race import Race
from ml_core.clock import format_time
from ml_core.traffic.records import TARGETS

_MOST = 1_000  # examples, each with a row for each step of both targets


def reference_of(raced: Race) -> pd.DataFrame:
    """Return what was known and said in the race, and what came: a row for each step of each target, as when served.

    Of many examples a part is drawn, at random lest it be the same hours of each day.
    """
    count = min(len(raced.examples), _MOST)
    drawn = np.sort(np.random.default_rng(0).choice(len(raced.examples), count, replace=False))
    some, said = raced.examples.taken(drawn), raced.said[drawn]
    _, horizon, directions = said.shape
    each = np.repeat(np.arange(count), horizon * directions)
    times = [format_time(time) for time in pd.to_datetime(some.seconds, unit="s", utc=True).to_pydatetime()]
    return pd.DataFrame(
        {
            "time": np.array(times)[each],
            "link": np.array([link for link, _ in some.pairs])[each],
            "location": np.array([location for _, location in some.pairs])[each],
            "target": np.tile(TARGETS, count * horizon),
            "step": np.tile(np.repeat(np.arange(1, horizon + 1), directions), count),
            "rx_gbs": some.windows[each, -1, 0],
            "tx_gbs": some.windows[each, -1, 1],
            "value": said.ravel(),
            "truth": some.truths.ravel(),
        }
    )
