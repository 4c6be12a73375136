"""The benchmark of the six models: how it judges, and what it says where there is nothing to judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.figures import Sizes
from benchmarks.response_time import ALONE, Ratios, made_up, main
from benchmarks.response_time_costs import Hours
from benchmarks.response_time_series import DAYS, END, made_up_history, made_up_hours, seen_before
from forecasting_jobs.response_time.metric_data import HOUR
from ml_core.timeseries.series import Series
from tests.simulated_controller import without_settings


def test_a_figure_is_the_geometric_mean_over_hours_and_series_and_short_from_1_on() -> None:
    ratios = Ratios("here")
    for ours in (0.5, 1.5):
        ratios.take(np.full(6, ours), {"seasonal_naive": np.ones(6), "naive": np.full(6, 0.5), ALONE: np.full(6, ours)})
    last, yesterdays, alone, *hours = ratios.figures()
    assert yesterdays.name == "here: RMSE / yesterday's"
    assert yesterdays.value.startswith(f"{np.sqrt(0.75):.3f} ") and yesterdays.ok
    assert last.value.startswith(f"{2 * np.sqrt(0.75):.3f} ") and not last.ok
    assert alone.value.startswith("1.000 ") and alone.ok
    assert [hour.name for hour in hours] == [f"here, {step}H: RMSE / last value's" for step in range(1, 7)]
    assert not any(hour.ok for hour in hours)


def test_on_a_made_up_server_the_six_models_beat_the_naive_forecasts(tmp_path: Path) -> None:
    figures = list(made_up(Sizes(forecast_series=1), tmp_path, with_autoarima=False))
    assert [figure.name.split("RMSE ")[1] for figure in figures[:2]] == ["/ last value's", "/ yesterday's"]
    assert len(figures) == 9
    assert all(figure.ok for figure in figures[:2])


def test_a_made_up_history_has_beside_it_what_a_forecast_may_look_at() -> None:
    history = made_up_history(made_up_hours(), "ABPServer2")
    assert history.end_time == END - HOUR and len(history) == DAYS * 24
    assert len(history.beside) == 8 - 1 + 8 + 4 * 5
    assert "response-time/ABP/ABPServer2/avg_response_time_ms" not in history.beside


def test_autoarima_is_told_nothing_of_what_comes_after_an_issue_time() -> None:
    values = 50 + np.cumsum(np.random.default_rng(0).normal(0, 1, 120))
    values[95] = np.nan
    history = Series(END, HOUR, values)
    later = Series(END, HOUR, np.concatenate([values[:101], values[101:] * 5]))
    told = seen_before(history, [80, 90, 100], 60)
    assert [len(window) for window in told] == [60, 60, 60]
    assert told[0] == values[21:81].tolist()
    assert told[2][-6] == values[94]  # a gap is filled from before
    assert seen_before(later, [80, 90, 100], 60) == told


def test_an_hour_that_fails_is_no_figure_and_says_why(tmp_path: Path) -> None:
    settings = {
        "ML_STORE_URL": f"json:///{tmp_path / 'store'}",
        "ML_RESPONSE_TIME__CSV_FILE": str(tmp_path / "none.csv"),
    }
    hours = Hours({**without_settings(), **settings})
    with pytest.raises(RuntimeError, match=r"none\.csv: cannot be read"):
        hours.run(1)
    assert hours.imports() > 0 and hours.megabytes == []


def test_without_the_shared_series_it_is_short_and_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHARED", str(tmp_path / "nowhere"))
    assert main(["shared"]) == 1
    assert f"data: nothing at {tmp_path / 'nowhere'}" in capsys.readouterr().out
