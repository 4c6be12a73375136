from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_monitor.pages.thinning import thinned


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(3, 50))
def test_it_keeps_both_ends_the_order_and_no_more_than_asked(values: list[float], most: int) -> None:
    kept = thinned([float(place) for place in range(len(values))], values, most)
    assert kept == sorted(set(kept))
    assert len(kept) == min(len(values), most)
    assert (kept[0], kept[-1]) == (0, len(values) - 1)


@pytest.mark.parametrize("place", [1, 137, 5_000, 9_998])
def test_a_single_spike_stays(place: int) -> None:
    values = [math.sin(number / 50) for number in range(10_000)]
    values[place] = 40.0
    assert place in thinned([float(number) for number in range(10_000)], values)
