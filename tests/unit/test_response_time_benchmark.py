"""The benchmark of the six models: how it judges, and what it says where there is nothing to judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.figures import Sizes
from benchmarks.response_time import _figures, made_up, main


def test_a_figure_is_the_geometric_mean_over_hours_and_series_and_short_from_1_on() -> None:
    better, worse = np.full(6, 0.5), np.full(6, 1.5)
    (mixed,) = _figures("here", {"seasonal_naive": [better, worse]})
    assert mixed.name == "here: RMSE / seasonal naive's"
    assert mixed.value.startswith(f"{np.sqrt(0.75):.3f} ") and mixed.ok
    (bad,) = _figures("here", {"naive": [worse]})
    assert not bad.ok


def test_on_a_made_up_server_the_six_models_beat_the_naive_forecasts(tmp_path: Path) -> None:
    figures = list(made_up(Sizes(forecast_series=1), tmp_path))
    assert [figure.name.split("RMSE / ")[1] for figure in figures] == ["naive's", "seasonal naive's"]
    assert all(figure.ok for figure in figures)


def test_without_the_shared_series_it_is_short_and_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHARED", str(tmp_path / "nowhere"))
    assert main(["shared"]) == 1
    assert f"data: nothing at {tmp_path / 'nowhere'}" in capsys.readouterr().out
