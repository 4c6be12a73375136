"""The made-up links: the same for any stretch, and another pattern from the change on."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting_jobs.link_traffic.link_series import COLUMNS, FIVE_MINUTES, HOUR, links_of
from forecasting_jobs.link_traffic.simulated_links import PAIRS, SimulatedLinks
from forecasting_jobs.link_traffic.simulated_netstats import PROBE, STANDBY, netstats
from tests.factories import NOON

DAY = timedelta(days=1)


def test_there_are_sixteen_links_by_the_hour_and_by_five_minutes() -> None:
    for step, slots in ((HOUR, 48), (FIVE_MINUTES, 576)):
        table = SimulatedLinks().traffic(NOON - 2 * DAY, NOON, step)
        assert tuple(table) == COLUMNS
        assert list(dict.fromkeys(zip(table["link"], table["location"], strict=True))) == list(PAIRS)
        assert 0.97 * 16 * slots < len(table) < 16 * slots
        assert (table[["rx_gbs", "tx_gbs"]] > 0).all(axis=None)


@pytest.mark.parametrize("step", [FIVE_MINUTES, HOUR])
def test_a_stretch_is_the_same_whatever_is_asked_for_around_it(step: timedelta) -> None:
    whole = SimulatedLinks().traffic(NOON - 3 * DAY, NOON, step)
    part = SimulatedLinks().traffic(NOON - 2 * DAY, NOON - DAY, step)
    inside = whole[(whole["time"] >= NOON - 2 * DAY) & (whole["time"] < NOON - DAY)]
    pd.testing.assert_frame_equal(inside.reset_index(drop=True), part)


def test_another_seed_is_other_traffic() -> None:
    one, other = (SimulatedLinks(seed).traffic(NOON - DAY, NOON)["rx_gbs"].head(20).tolist() for seed in (1, 2))
    assert one != other


def test_an_hour_is_the_mean_of_its_five_minutes() -> None:
    (hours, *_) = links_of(SimulatedLinks().traffic(NOON - DAY, NOON, HOUR))
    (slots, *_) = links_of(SimulatedLinks().traffic(NOON - DAY, NOON, FIVE_MINUTES), HOUR)
    assert np.allclose(hours.values, slots.values, atol=2e-4, equal_nan=True)


def test_from_the_change_on_the_pattern_is_another_and_the_level_about_the_same() -> None:
    change = NOON - 14 * DAY
    before, after = (SimulatedLinks(change_time=at).traffic(NOON - 28 * DAY, NOON) for at in (None, change))
    is_old = before["time"] < change
    pd.testing.assert_frame_equal(before[is_old], after[is_old])
    plain, changed = before.loc[~is_old, "rx_gbs"], after.loc[~is_old, "rx_gbs"]
    assert plain.corr(changed) < 0.8
    assert 0.8 < changed.mean() / plain.mean() < 1.3


def test_another_step_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 5 minutes or an hour, not 0:10:00"):
        SimulatedLinks().traffic(NOON - DAY, NOON, timedelta(minutes=10))


def test_raw_rows_have_all_that_has_to_be_cleaned() -> None:
    raw = netstats(SimulatedLinks(), NOON - 4 * DAY, NOON)
    assert raw.duplicated(["time", "site", "host"]).any()
    assert raw["tx_gbs"].isna().any() and (raw["rx_gbs"] < 0).any()
    assert (raw["carrier_changes"] == 0).all() and raw["mtu"].nunique() == 1
    assert raw["host"].str.endswith(".core.example.net").all() and raw["host"].str.startswith(" ").any()
    hosts = set(raw["host"].str.strip().str.split(".").str[0])
    assert {STANDBY[0], PROBE[0], "Verizon"} <= hosts
