"""What the worker answers about a data set: the very forecast that the backtest command writes for its last time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloudwatch_engine import tasks
from cloudwatch_engine.models import ENSEMBLE
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.forecasters.catalogue import make_forecaster
from ml_core.forecasters.rolling import roll
from ml_core.timeseries.series import Series

START, STEP, HORIZON = datetime(2026, 11, 1, tzinfo=UTC), timedelta(minutes=5), 12
NAMES = ("naive", "seasonal_naive", "ridge")
BANDS = ("lower_95", "lower_80", "value", "upper_80", "upper_95")


def a_load(length: int = 1400) -> Series:
    noise = np.random.default_rng(5).normal(size=length)
    return Series(START, STEP, 50 + 30 * np.sin(np.arange(length) * 2 * np.pi / 288) + noise)


def test_a_data_set_is_forecast_as_the_backtest_forecasts_it_at_its_last_time() -> None:
    history, limit = a_load(), 78.0
    points = [(history.time_at(index).timestamp(), float(value)) for index, value in enumerate(history.values)]
    answer = tasks.forecast(
        points,
        [*NAMES, ENSEMBLE],
        horizon=HORIZON,
        budget_seconds=30,
        config=SeedConfig().model_dump(),
        limit=limit,
        alert_level=0.2,
    )
    longer = Series(START, STEP, np.concatenate([history.values, np.full(40, 99.0)]))
    last = len(history) - 1
    rolled = roll(
        longer,
        [last - 240, last],
        lambda: [make_forecaster(name, horizon=HORIZON) for name in NAMES],
        stride=12,
        limit=limit,
    )
    assert answer["forecaster"] == rolled.models[-1]
    said = [[step[name] for name in BANDS] for step in answer["steps"]]
    np.testing.assert_allclose(said, rolled.quantiles[-1], rtol=1e-9)
    assert answer["overload"]["probability"] == pytest.approx(rolled.chance[-1])
    assert 0 < answer["overload"]["probability_1h"] <= answer["overload"]["probability"]


def test_the_budget_of_a_model_is_shared_by_its_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = []
    made = tasks.make

    def make(name: str, config: SeedConfig, *, horizon: int, budget_seconds: float) -> object:
        budgets.append(budget_seconds)
        return made(name, config, horizon=horizon, budget_seconds=budget_seconds)

    monkeypatch.setattr(tasks, "make", make)
    history = a_load(600)
    points = [(history.time_at(index).timestamp(), float(value)) for index, value in enumerate(history.values)]
    answer = tasks.validate(points, ["naive"], horizon=HORIZON, budget_seconds=10.0, config=SeedConfig().model_dump())
    assert budgets == [pytest.approx(1.0)]  # cut-offs of a short series: 9, 14, 22, 34, 53, 82, 128, 199, 310, 482
    assert answer["best"] == "naive"
