"""Where histories come from: a file by the steps that can be made of it, or links that are made up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecasting_jobs.link_traffic.link_series import FIVE_MINUTES, HOUR
from forecasting_jobs.link_traffic.parts import choose_histories, read_history
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from ml_core.errors import InvalidInput
from tests.factories import NOON


def a_file(path: Path, minutes: int) -> Path:
    times = pd.date_range("2024-04-26", periods=200, freq=f"{minutes}min")
    table = pd.DataFrame({"link": "V", "location": "U", "time": times, "rx_gbs": range(200), "tx_gbs": 1.0})
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("minutes", "steps"), [(5, ["hourly", "5min"]), (60, ["hourly"]), (10, ["hourly"])])
def test_a_file_has_the_steps_that_can_be_made_of_it(tmp_path: Path, minutes: int, steps: list[str]) -> None:
    found = read_history(a_file(tmp_path / "links.csv", minutes))
    assert list(found) == steps
    assert found["hourly"].source == "links.csv" and found["hourly"].links[0].step == HOUR


def test_a_file_of_which_no_hours_can_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected times 5 minutes or an hour apart"):
        read_history(a_file(tmp_path / "links.csv", 1440))


def test_made_up_histories_end_at_the_hour_and_say_their_seed() -> None:
    (history,) = choose_histories(["5min"], None, SimulatedLinks(7), NOON + timedelta(minutes=50), 2).values()
    assert history.source == "generated, seed 7"
    assert {series.step for series in history.links} == {FIVE_MINUTES}
    assert max(series.time_at(len(series)) for series in history.links) <= NOON


def test_a_step_that_a_file_does_not_have_is_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path / "links.csv", 60)
    with pytest.raises(InvalidInput, match=r"--step: links.csv has no times close enough for 5min"):
        choose_histories(["5min"], path, SimulatedLinks(), NOON, None)
