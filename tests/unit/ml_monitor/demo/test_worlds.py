from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml_monitor.demo.worlds import BURST_DAY, CHANGE_DAY, DAYS, FAULT_DAY, REFERENCE_DAY, WORLDS, World

ROWS = 4000
BY_NAME = {world.name: world for world in WORLDS}


def drawn(name: str, day: int) -> pd.DataFrame:
    return BY_NAME[name].draw(np.random.default_rng(5), day, ROWS)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_has_features_with_a_value_and_truth_where_it_says_so(world: World) -> None:
    frame = world.draw(np.random.default_rng(5), REFERENCE_DAY, 50)
    assert len(frame) == 50
    assert "value" in frame.columns
    assert ("truth" in frame.columns) == (world.truth_share > 0)
    assert frame.notna().all().all()


def test_the_deliveries_are_as_good_as_their_noise_lets_them_be() -> None:
    frame = drawn("demo-deliveries", DAYS)
    assert float((frame["truth"] - frame["value"]).std()) == pytest.approx(4, rel=0.05)


def test_three_of_five_incomes_are_twelve_times_too_small_from_the_day_of_the_fault_on() -> None:
    before, after = drawn("demo-loans", FAULT_DAY - 1), drawn("demo-loans", FAULT_DAY)
    ratio = after["income"] / before["income"]  # the same draws, but for the fault
    assert float((ratio < 0.5).mean()) == pytest.approx(0.6, abs=0.03)
    assert sorted(set(ratio.round(2))) == [0.08, 1.0]
    assert list(before["amount"]) == list(after["amount"])
    assert list(before["truth"]) == list(after["truth"])
    right = [float((frame["value"] == frame["truth"]).mean()) for frame in (before, after)]
    assert right[0] - right[1] > 0.2


def test_what_the_churns_inputs_mean_changes_while_they_stay_as_they_are() -> None:
    before, after = drawn("demo-churn", CHANGE_DAY - 1), drawn("demo-churn", CHANGE_DAY + 10)
    features = ["months", "calls", "price", "plan", "score"]
    pd.testing.assert_frame_equal(before[features], after[features])
    good, bad = (roc_auc_score(frame["truth"], frame["score"]) for frame in (before, after))
    assert good > 0.75
    assert bad < 0.65


def test_pumps_run_hot_for_one_day() -> None:
    shares = [float((drawn("demo-pumps", day)["value"] == -1).mean()) for day in range(BURST_DAY - 1, BURST_DAY + 2)]
    assert shares[0] < 0.02
    assert shares[1] > 0.15
    assert shares[2] < 0.02
