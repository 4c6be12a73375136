from __future__ import annotations

import math
from datetime import timedelta

import pytest

from ml_core.records import Forecast, ForecastStep, Observation
from ml_core.store.json_store import JsonStore
from ml_monitor.pages.forecast_scores import MOST_HORIZONS, score_by_horizon, score_models
from tests.factories import NOON

HOUR = timedelta(hours=1)
SERIES = "web"


def store_with(store: JsonStore, truths: list[float], **models: list[tuple[float, float | None, float | None]]) -> None:
    """Keep hourly truths from an hour after noon on, and one forecast of each model: values with their 80 % bounds."""
    times = [NOON + number * HOUR for number in range(1, 50)]
    rows = [Observation(time, truth, time) for time, truth in zip(times, truths, strict=False)]
    store.record_observations(SERIES, rows)
    for model, steps in models.items():
        made = [ForecastStep(time, *step) for time, step in zip(times, steps, strict=False)]
        store.put_forecast(Forecast(SERIES, model, NOON, tuple(made)))


def test_errors_are_as_they_are_defined_and_the_best_model_comes_first(json_store: JsonStore) -> None:
    store_with(json_store, [1.0, 2.0], worse=[(4.0, 0.0, 5.0), (2.0, 3.0, 4.0)], better=[(1.5, None, None)] * 3)
    better, worse = score_models(json_store.scored_forecasts(SERIES, NOON, NOON + 50 * HOUR))
    assert (better.model, better.steps, better.mae, better.bias) == ("better", 2, 0.5, 0.0)  # the third has no truth
    assert better.coverage_80 is None
    assert (worse.mae, worse.bias, worse.coverage_80) == (1.5, 1.5, 0.5)
    assert worse.rmse == pytest.approx(math.sqrt(4.5))


def test_errors_grow_apart_by_horizon(json_store: JsonStore) -> None:
    store_with(json_store, [1.0] * 3, m=[(1.1, None, None), (1.2, None, None), (1.4, None, None)])
    errors = score_by_horizon(json_store.scored_forecasts(SERIES, NOON, NOON + 50 * HOUR))
    assert [(error.horizon_seconds, round(error.mae, 6), error.steps) for error in errors] == [
        (3600, 0.1, 1),
        (7200, 0.2, 1),
        (10800, 0.4, 1),
    ]


def test_many_horizons_are_put_together(json_store: JsonStore) -> None:
    store_with(json_store, [1.0] * 49, m=[(2.0, None, None)] * 49)
    errors = score_by_horizon(json_store.scored_forecasts(SERIES, NOON, NOON + 50 * HOUR))
    assert len(errors) == 25 <= MOST_HORIZONS
    assert sum(error.steps for error in errors) == 49
    assert errors[-1].horizon_seconds == 49 * 3600


def test_without_any_truth_there_is_nothing_to_score(json_store: JsonStore) -> None:
    store_with(json_store, [], m=[(2.0, None, None)])
    scored = json_store.scored_forecasts(SERIES, NOON, NOON + 50 * HOUR)
    assert score_models(scored) == score_by_horizon(scored) == ()
