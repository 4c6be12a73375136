"""The benchmark of link traffic: how it judges, and what it says where there is nothing to judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.figures import QUICK
from benchmarks.link_traffic import _figures, _one_way, main, serving
from forecasting_jobs.link_traffic.features import Examples
from forecasting_jobs.link_traffic.race import Race


def a_race(ours: list[float], theirs: list[float]) -> Race:
    nothing = np.zeros((0, 6, 2))
    errors = {"network": np.array([ours]), "last_value": np.array([theirs]), "seasonal_naive": np.array([[1.0, 1.0]])}
    return Race(Examples(nothing, nothing, nothing, [], np.zeros(0, dtype=np.int64)), (("A", "B"),), errors, nothing)


def test_a_figure_is_the_geometric_mean_over_links_directions_and_series_and_short_from_1_on() -> None:
    last_value, day_before = _figures("here", [a_race([1.0, 2.0], [2.0, 2.0]), a_race([1.0, 1.0], [2.0, 8.0])])
    assert last_value.line() == "here: RMSE / the last value's: 0.420 (2 links) (asked: below 1) ok"
    assert day_before.value.startswith("1.189 ") and not day_before.ok


def test_a_series_of_one_direction_stands_for_both(tmp_path: Path) -> None:
    path = tmp_path / "net_a.csv"
    path.write_text("timestamp,value\n2014-04-10 00:00:00,5\n2014-04-10 01:00:00,7\n")
    (series,) = _one_way(path)
    assert series.pair == ("net_a", "shared")
    assert series.values.tolist() == [[5.0, 5.0], [7.0, 7.0]]


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_serving_is_measured_beside_the_bare_call_of_the_model(tmp_path: Path) -> None:
    (figure,) = serving(replace(QUICK, forest_rounds=1), tmp_path)
    assert figure.name == "serving: processor time / the bare model call's" and "in 1 rounds" in figure.value


def test_without_the_shared_series_it_is_short_and_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHARED", str(tmp_path / "nowhere"))
    assert main(["shared"]) == 1
    assert f"data: nothing at {tmp_path / 'nowhere'}" in capsys.readouterr().out
