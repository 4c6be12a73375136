"""Training, its race with the naive forecasts, and forecasts that know nothing of what comes after their hour."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.histories import series_beside
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.train_model import HORIZON, train, tune
from forecasting_jobs.response_time.transform_predict import (
    Kept,
    forecast,
    is_forecast,
    load_served,
    look_ahead,
    usual_limit,
)
from ml_core.clock import parse_time
from ml_core.errors import InvalidInput, NotFound
from ml_core.records import Observation
from ml_core.timeseries.series import Series
from tests.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAYS = 21


def seasonal(hours: int, seed: int = 0) -> np.ndarray:
    """A day's season, another level at weekends, and noise: what six models can learn and the last value cannot say."""
    random = np.random.default_rng(seed)
    index = np.arange(hours)
    return 400 + 120 * np.sin(2 * np.pi * index / 24) - 60 * ((index // 24) % 7 >= 5) + random.normal(0, 8, hours)


def store(parts: Parts, values: np.ndarray, *, correct: bool = False, series: str | None = None) -> None:
    start = NOON - DAYS * DAY
    rows = [
        Observation(start + number * HOUR, float(value), NOON, correct)
        for number, value in enumerate(values)
        if np.isfinite(value)
    ]
    parts.store.record_observations(series or parts.series, rows)


def steps(parts: Parts) -> pd.DataFrame:
    return parts.store.forecasts(parts.series, NOON - 90 * DAY, NOON + 90 * DAY)


def test_six_models_that_beat_the_naive_forecasts_are_served(parts: Parts) -> None:
    store(parts, seasonal(DAYS * 24))
    said: list[str] = []
    trained = train(parts, parts.history(NOON), trials=2, progress=lambda what, done, total: said.append(what))
    assert trained.is_promoted and trained.served == "direct_hours"
    assert {name: len(errors) for name, errors in trained.errors.items()} == {
        "direct_hours": 6,
        "naive": 6,
        "seasonal_naive": 6,
    }
    assert "tuning" in said
    version = parts.store.get_version(parts.model, trained.served_version)
    assert version is not None and {f"rmse_{step}H" for step in range(1, 7)} <= set(version.metrics)
    folder = parts.registry.artifact_folder(version)
    with np.load(folder / "direct_hours.npz", allow_pickle=False) as file:
        assert {f"booster_{step}" for step in range(1, 7)} <= set(file.files)


def test_six_models_that_do_not_beat_the_naive_forecasts_are_not_promoted_and_it_is_said(parts: Parts) -> None:
    walk = 400 + np.cumsum(np.random.default_rng(3).normal(0, 6, DAYS * 24))
    store(parts, walk)
    trained = train(parts, parts.history(NOON), trials=1)
    assert not trained.is_promoted
    assert trained.served == "naive"
    assert "not promoted, since it does not beat both naive forecasts" in trained.told()
    again = train(parts, parts.history(NOON), trials=1)
    assert again.served_version == trained.served_version  # what is served stays


def test_a_history_that_is_too_short_is_refused(parts: Parts) -> None:
    with pytest.raises(NotFound, match="fetch it first"):
        parts.history(NOON)
    store(parts, np.r_[np.full((DAYS - 5) * 24, np.nan), seasonal(5 * 24)])
    with pytest.raises(InvalidInput, match="at least 240 hours"):
        train(parts, parts.history(NOON))


def test_a_forecast_has_six_hours_with_bands_in_order_and_is_issued_once(parts: Parts) -> None:
    store(parts, seasonal(DAYS * 24))
    outlook = forecast(parts, NOON)
    assert outlook is not None and outlook.issue_time == NOON - HOUR
    frame = steps(parts)
    assert [time.to_pydatetime() for time in frame["valid_time"]] == [NOON + n * HOUR for n in range(HORIZON)]
    ordered = frame[["lower_95", "lower_80", "value", "upper_80", "upper_95"]].to_numpy(dtype=float)
    assert (np.diff(ordered, axis=1) >= 0).all() and (ordered >= 0).all()
    expected = seasonal(DAYS * 24 + HORIZON)[-HORIZON:]
    assert np.abs(frame["value"].to_numpy(dtype=float) - expected).max() < 60
    assert forecast(parts, NOON) is None


def test_nothing_after_its_hour_changes_a_forecast_or_what_is_trained(parts: Parts) -> None:
    values = seasonal(DAYS * 24)
    store(parts, values)
    until = NOON - 36 * HOUR
    first = forecast(parts, until)
    before = train(parts, parts.history(until), trials=3)
    shuffled = np.full(len(values), np.nan)
    shuffled[-36:] = np.random.default_rng(1).permutation(values[-36:]) * 7
    store(parts, shuffled, correct=True)
    history = parts.history(until)
    assert history.end_time == until - HOUR
    after = train(parts, history, trials=3)
    assert (after.trees, after.served) == (before.trees, before.served)
    assert {name: errors.tolist() for name, errors in after.errors.items()} == {
        name: errors.tolist() for name, errors in before.errors.items()
    }
    again = parts.store.forecasts(parts.series, until, until + DAY)
    assert first is not None
    assert again["value"].to_numpy(dtype=float).tolist() == first.values.tolist()
    # What is made anew from the same past, by the version that was served then, is the same too.
    loaded, cut_off = load_served(parts, parts.store.get_version(parts.model, 1), history)
    anew = look_ahead(history, loaded, cut_off, None)
    assert anew.values.tolist() == first.values.tolist()
    assert anew.quantiles.tolist() == first.quantiles.tolist()
    assert (anew.probability, anew.limit) == (first.probability, first.limit)


def driven(hours: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Response times that follow the calls of another server two hours later, and series that know nothing of them."""
    random = np.random.default_rng(4)
    calls = 300 + 8 * np.cumsum(random.normal(0, 1, hours + 2)) + random.normal(0, 30, hours + 2)
    beside = {"calls_per_minute": calls[2:], "errors_per_minute": random.normal(5, 1, hours), ART: calls[2:] * 2}
    return 1.5 * calls[:-2] + random.normal(0, 5, hours), beside


def store_beside(parts: Parts, beside: dict[str, np.ndarray], *, correct: bool = False) -> None:
    for metric, values in beside.items():
        store(parts, values, correct=correct, series=series_name("ABP", "ABPServer1", metric))


def test_what_other_servers_know_is_used_where_the_race_is_won_by_it(parts: Parts) -> None:
    values, beside = driven(DAYS * 24)
    store(parts, values)
    store_beside(parts, beside)
    trained = train(parts, parts.history(NOON), trials=1)
    assert trained.served == "direct_servers" and trained.is_promoted
    assert set(trained.errors) == {"direct_hours", "direct_servers", "naive", "seasonal_naive"}
    version = parts.store.get_version(parts.model, trained.served_version)
    assert version is not None
    assert version.lineage["beside"] == sorted(series_name("ABP", "ABPServer1", metric) for metric in beside)
    assert "six that see the other servers too" in trained.told()


def test_nothing_after_its_hour_in_any_series_changes_a_forecast_also_not_what_comes_late(parts: Parts) -> None:
    values, beside = driven(DAYS * 24)
    values[-40] = beside[ART][-38] = np.nan  # one comes after the forecast's hour, one hour never comes
    store(parts, values)
    store_beside(parts, beside)
    until = NOON - 36 * HOUR
    first = forecast(parts, until)
    assert first is not None
    before = parts.history(until)
    random = np.random.default_rng(1)
    for altered in (values, *beside.values()):
        altered[-36:] = random.permutation(altered[-36:]) * 7
        altered[:-36] = np.nan
    store(parts, values, correct=True)
    store_beside(parts, beside, correct=True)
    after = parts.history(until)
    np.testing.assert_array_equal(after.values, before.values)
    assert set(after.beside) == set(before.beside) and len(after.beside) == 3
    for series, found in before.beside.items():
        np.testing.assert_array_equal(after.beside[series], found)
    loaded, cut_off = load_served(parts, parts.store.get_version(parts.model, 1), after)
    assert "direct_servers" in loaded.members
    anew = look_ahead(after, loaded, cut_off, None)
    assert (anew.values.tolist(), anew.quantiles.tolist()) == (first.values.tolist(), first.quantiles.tolist())


def test_servers_that_are_gone_keep_no_forecast_back(parts: Parts) -> None:
    values, beside = driven(DAYS * 24)
    store(parts, values)
    store_beside(parts, {metric: found[: -2 * 24] for metric, found in beside.items()})
    assert train(parts, parts.history(NOON - 3 * DAY), trials=1).served == "direct_servers"
    outlook = forecast(parts, NOON)
    assert outlook is not None and np.isfinite(outlook.quantiles).all()


def test_hours_that_are_read_once_for_a_run_are_as_of_each_time(parts: Parts) -> None:
    values, beside = driven(DAYS * 24)
    store(parts, values)
    store_beside(parts, beside)
    kept = Kept.until(parts, NOON)
    for back in (30, 7, 0):
        one, alone = kept.histories.until(NOON - back * HOUR), parts.history(NOON - back * HOUR)
        assert (one.start_time, one.values.tolist()) == (alone.start_time, alone.values.tolist())
        assert {name: found.tolist() for name, found in one.beside.items()} == {
            name: found.tolist() for name, found in alone.beside.items()
        }


def test_of_many_servers_the_main_one_and_the_first_are_looked_at(parts: Parts) -> None:
    names = [series_name("ABP", server, metric) for server in [*"HGFEDCBA", "ABP"] for metric in ALL_METRICS]
    found = series_beside([*names, series_name("other", "ABP", ART)], parts.section)
    assert len(found) == 8 - 1 + 8 + 4 * 5
    assert found[0] == series_name("ABP", "A", ART) and found[7] == series_name("ABP", "ABP", "calls_per_minute")
    assert series_name("ABP", "D", "errors_per_minute") in found
    assert series_name("ABP", "E", "errors_per_minute") not in found
    assert series_name("ABP", "H", ART) not in found


def test_an_hour_before_all_cut_offs_is_forecast_by_the_last_value_not_by_what_has_seen_it(parts: Parts) -> None:
    store(parts, seasonal(DAYS * 24))
    trained = train(parts, parts.history(NOON), trials=1)
    version = parts.store.get_version(parts.model, trained.served_version)
    assert version is not None and parse_time(version.lineage["cut_off_time"]) == NOON - HOUR
    until = NOON - 3 * DAY
    forecast(parts, until)
    frame = steps(parts)
    assert frame["version"].isna().all()
    assert frame["value"].tolist() == [parts.history(until).values[-1]] * HORIZON


def test_hours_that_are_missing_at_the_end_are_bridged_for_a_while_only(parts: Parts) -> None:
    values = seasonal(DAYS * 24)
    values[-4:] = np.nan
    store(parts, values)
    assert np.isnan(parts.history(NOON).values[-4:]).all()
    assert forecast(parts, NOON) is not None
    with pytest.raises(NotFound, match="fetch it first"):
        forecast(parts, NOON + 4 * HOUR)
    assert is_forecast(parts, NOON - HOUR) and not is_forecast(parts, NOON + 3 * HOUR)


def test_a_warning_is_told_early_when_the_upper_band_crosses_the_limit(parts: Parts) -> None:
    values = seasonal(DAYS * 24)
    store(parts, values)
    calm = forecast(parts, NOON)
    assert calm is not None and calm.lead_hours is None
    assert calm.limit == pytest.approx(usual_limit(parts.history(NOON)))
    section = parts.section.model_copy(update={"limit": float(np.max(calm.quantiles[2:])) - 1})
    limited = type(parts)(parts.settings.model_copy(update={"response_time": section}), parts.registry)
    store(limited, np.r_[np.full(len(values), np.nan), values[-24:-23]])
    warned = forecast(limited, NOON + HOUR)
    assert warned is not None and warned.lead_hours is not None and 1 <= warned.lead_hours <= HORIZON
    assert warned.probability > calm.probability
    points = parts.store.metric_series(parts.model, "early_warning", NOON - DAY, NOON + DAY)
    assert points["mean"].tolist() == [0.0, 1.0]
    lead = parts.store.metric_series(parts.model, "early_warning_lead_hours", NOON - DAY, NOON + DAY)
    assert lead["mean"].tolist() == [float(warned.lead_hours)]


def test_tuning_prefers_what_was_better_at_past_times_and_is_the_same_each_time() -> None:
    history = Series(NOON, HOUR, seasonal(24 * 20))
    assert tune(history, 3) == tune(history, 3)
    assert tune(history, 1).rounds == 120


def test_a_refresh_tells_errors_by_horizon_and_percentiles_of_the_same_hour(parts: Parts) -> None:
    values = seasonal(DAYS * 24)
    store(parts, values)
    for back in range(8, 0, -1):
        forecast(parts, NOON - back * HOUR)
    count = refresh(parts, NOON)
    assert refresh(parts, NOON) == count
    table = parts.store.metric_table(parts.model, NOON - 60 * DAY, NOON, segment=None)
    errors = table[table["metric"] == "absolute_error"].set_index("segment")
    assert errors["count"].to_dict() == {"1H": 8, "2H": 7, "3H": 6, "4H": 5, "5H": 4, "6H": 3}
    scored = parts.store.scored_forecasts(parts.series, NOON - DAY, NOON)
    one_hour = scored[scored["horizon"] == HOUR]
    expected = float((one_hour["truth"] - one_hour["value"]).abs().mean())
    assert errors.loc["1H", "mean"] == pytest.approx(expected)
    same_hour = values[-1::-24]
    week = table[(table["metric"] == "percentile_75") & (table["segment"] == "7 Days")]
    assert week["mean"].item() == pytest.approx(np.percentile(same_hour[:7], 75))
    assert table[table["metric"] == "hours_missing"]["mean"].item() == 0
