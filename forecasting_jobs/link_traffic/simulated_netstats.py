"""The made-up links as a collector of network statistics writes them down: with all that has to be cleaned.

Hosts stand for links and sites for locations. Beside the traffic there are errors, drops and packets, a latency, a
counter that is always zero and one that never moves; host names carry domains and blanks; cells and rows are missing,
a few rows come twice, and now and then a counter runs backwards. Two more hosts are no links to forecast: a standby
that carries something for an hour every few days, and a probe that always sends the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting_jobs.keyed_noise import Floats, Minutes, chance
from forecasting_jobs.link_traffic.link_series import FIVE_MINUTES
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks

STANDBY, PROBE = ("Standby", "US-DC4"), ("Probe", "UK-LD4")
_DOMAIN = ".core.example.net"
_LOST, _TWICE, _BACKWARDS = 0.004, 0.001, 0.0005
_SALT = 90_000


def netstats(made_up: SimulatedLinks, start: datetime, end: datetime, step: timedelta = FIVE_MINUTES) -> pd.DataFrame:
    """Return the raw rows of ``start <= time < end``, in order of time, as texts would be read from a file."""
    table = pd.concat([made_up.traffic(start, end, step), *_no_links(made_up, start, end, step)], ignore_index=True)
    minutes = (table["time"].astype("datetime64[s, UTC]").astype(np.int64) // 60).to_numpy()
    place = table.groupby(["link", "location"], sort=False).ngroup().to_numpy(dtype=np.int64)
    keys = minutes * 64 + place

    def drawn(number: int) -> Floats:
        return chance(keys, made_up.seed, _SALT + number)

    rx, tx = table["rx_gbs"].to_numpy(), table["tx_gbs"].to_numpy()
    width = step.total_seconds()
    blanks = np.where(drawn(1) < 0.5, "  ", "")
    raw = pd.DataFrame(
        {
            "time": table["time"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "site": table["location"] + np.where(drawn(2) < 0.2, " ", ""),
            "host": blanks + table["link"] + _DOMAIN,
            "rx_gbs": np.where(drawn(3) < _BACKWARDS, -rx, rx),
            "tx_gbs": tx,
            "rx_packets": np.round(rx * 1e9 / 8 / 800 * width),
            "tx_packets": np.round(tx * 1e9 / 8 / 900 * width),
            "rx_errors": np.floor(3 * drawn(4)),
            "tx_errors": np.floor(2 * drawn(5)),
            "rx_dropped": np.floor(1.2 * drawn(6)),
            "latency_ms": np.round(4 + 0.1 * rx + drawn(7), 2),
            "carrier_changes": 0.0,
            "mtu": 9000.0,
        }
    )
    raw.loc[drawn(8) < _LOST, "tx_gbs"] = np.nan
    twice = raw[drawn(9) < _TWICE]
    return pd.concat([raw, twice]).sort_values(["time", "site", "host"], kind="stable", ignore_index=True)


def _no_links(made_up: SimulatedLinks, start: datetime, end: datetime, step: timedelta) -> list[pd.DataFrame]:
    times = pd.date_range(start, end, freq=step, inclusive="left")
    minutes = (times.astype("datetime64[s, UTC]").astype(np.int64) // 60).to_numpy()
    used = _chance_of_hour(minutes, made_up.seed) < 0.015
    noise = chance(minutes, made_up.seed, _SALT + 21)
    spikes = np.where(used, 8 + 4 * noise, 0.002 * noise)
    steady = 2.5 + 0.01 * noise
    return [
        pd.DataFrame({"link": link, "location": location, "time": times, "rx_gbs": values, "tx_gbs": 0.5 * values})
        for (link, location), values in ((STANDBY, spikes), (PROBE, steady))
    ]


def _chance_of_hour(minutes: Minutes, seed: int) -> Floats:
    return chance(minutes // 60, seed, _SALT + 20)
