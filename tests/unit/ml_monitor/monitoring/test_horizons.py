"""Groups of steps by how far they look ahead: their names, their bands, and their order."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from ml_monitor.monitoring.horizons import MOST_EXACT, group_horizons, horizon_name, segment_order


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(300, "+5min"), (3600, "+1h"), (5400, "+90min"), (86400, "+1d"), (90000, "+25h"), (45, "+45s"), (0, "+0s")],
)
def test_a_horizon_is_named_in_its_largest_whole_unit(seconds: int, name: str) -> None:
    assert horizon_name(timedelta(seconds=seconds)) == name


def test_few_horizons_have_a_group_each_shortest_first() -> None:
    groups = group_horizons(np.array([7200, 3600, 7200, 300], dtype=np.int64))
    assert {name: list(places) for name, places in groups.items()} == {"+5min": [3], "+1h": [1], "+2h": [0, 2]}
    assert list(groups) == ["+5min", "+1h", "+2h"]


def test_many_horizons_are_put_into_bands_whose_edges_belong_to_the_nearer_one() -> None:
    seconds = np.arange(1, 289, dtype=np.int64) * 300
    groups = group_horizons(seconds)
    assert len(groups) <= MOST_EXACT
    assert {name: int(seconds[places].max()) for name, places in groups.items()} == {
        "to +5min": 300,
        "to +10min": 600,
        "to +15min": 900,
        "to +30min": 1800,
        "to +1h": 3600,
        "to +2h": 7200,
        "to +3h": 10800,
        "to +6h": 21600,
        "to +12h": 43200,
        "to +1d": 86400,
    }
    assert sum(len(places) for places in groups.values()) == 288


def test_a_horizon_is_in_the_same_band_whatever_else_is_there() -> None:
    day = np.arange(1, 289, dtype=np.int64) * 300
    year = np.arange(1, 366, dtype=np.int64) * 86400
    assert "beyond +28d" in group_horizons(year)
    both = group_horizons(np.concatenate([day, year]))
    assert set(group_horizons(day)) < set(both)


def test_segments_come_in_order_of_series_and_of_how_far_they_look() -> None:
    names = ["web +1h", "web +5min", "db +2h", "web to +2d", "web beyond +28d", "web to +28d", "web"]
    assert sorted(names, key=segment_order) == [
        "db +2h",
        "web",
        "web +5min",
        "web +1h",
        "web to +2d",
        "web to +28d",
        "web beyond +28d",
    ]
