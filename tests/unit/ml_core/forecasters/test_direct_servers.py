"""The six models: what they make of the last value and of the series beside, of which they see the past alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml_core.forecasters.direct_hours import DirectHours
from ml_core.forecasters.direct_servers import FEATURES_EACH, DirectServers, features_beside
from ml_core.timeseries.series import Floats, Series

START, HOUR = datetime(2026, 1, 5, tzinfo=UTC), timedelta(hours=1)
HOURS, CUT = 24 * 25, 24 * 18
ORIGINS = np.arange(CUT, HOURS - 6, 3)


def told_by_another(hours: int = HOURS) -> Series:
    """A series that follows another by two hours, beside that one and one of noise."""
    random = np.random.default_rng(5)
    other = 50 + np.cumsum(random.normal(0, 1, hours + 2)) + random.normal(0, 6, hours + 2)
    values = other[:-2] + random.normal(0, 1, hours)
    return Series(START, HOUR, values, {"other": other[2:], "noise": random.normal(0, 1, hours)})


def error_two_hours_ahead(forecaster: DirectHours, history: Series) -> float:
    said = forecaster.forecast_at(history, ORIGINS).point[:, 1]
    return float(np.sqrt(np.mean((said - history.values[ORIGINS + 2]) ** 2)))


@pytest.fixture(scope="module")
def fitted() -> DirectServers:
    forecaster = DirectServers(horizon=6)
    forecaster.fit(told_by_another().until(CUT))
    return forecaster


def test_what_another_series_knows_first_is_learnt(fitted: DirectServers) -> None:
    history, alone = told_by_another(), DirectHours(horizon=6)
    alone.fit(history.until(CUT))
    assert error_two_hours_ahead(fitted, history) < 0.7 * error_two_hours_ahead(alone, history)


def altered(values: Floats, after: int, seed: int) -> Floats:
    """Return the values, all after one of them shuffled and swollen, and one in five lost."""
    random = np.random.default_rng(seed)
    later = random.permutation(values[after + 1 :]) * 9
    later[random.random(len(later)) < 0.2] = np.nan
    return np.concatenate([values[: after + 1], later])


def test_no_feature_and_no_forecast_changes_when_all_series_are_altered_after_the_cut_off(
    fitted: DirectServers,
) -> None:
    history = told_by_another()
    last = CUT + 40
    origins = np.array([CUT, CUT + 17, last])
    changed = Series(
        START,
        HOUR,
        altered(history.values, last, 1),
        {name: altered(values, last, 2) for name, values in history.beside.items()},
    )
    known = fitted.forecast_at(history, origins).point
    assert fitted.forecast_at(changed, origins).point.tolist() == known.tolist()
    assert fitted.forecast(history.until(last)).point.tolist() == pytest.approx(known[-1].tolist())
    again = DirectServers(horizon=6)
    again.fit(changed.until(last))
    first = DirectServers(horizon=6)
    first.fit(history.until(last))
    assert first.forecast_at(history, origins).point.tolist() == again.forecast_at(changed, origins).point.tolist()
    for name, values in history.beside.items():
        before, after = features_beside(values, 24), features_beside(changed.beside[name], 24)
        np.testing.assert_array_equal(before[: last + 1], after[: last + 1])
        assert not np.array_equal(before[last + 1 :], after[last + 1 :], equal_nan=True)


def test_a_series_that_vanishes_keeps_nobody_back(fitted: DirectServers) -> None:
    history = told_by_another()
    silent = np.where(np.arange(HOURS) > CUT - 30, np.nan, history.beside["other"])
    for beside in ({}, {"new": history.values}, {**history.beside, "other": silent}):
        error = error_two_hours_ahead(fitted, Series(START, HOUR, history.values, beside))
        assert error < 2 * float(np.std(history.values))


def test_a_value_that_is_missing_is_the_last_one_for_a_while_and_then_unknown() -> None:
    values = np.sin(np.arange(200.0) / 5) + 3
    values[150:165] = np.nan
    features = features_beside(values, 24)
    assert features.shape == (200, FEATURES_EACH)
    assert np.isfinite(features[72:156]).all()
    assert np.isnan(features[156:165, [0, 4]]).all()
    assert np.isfinite(features[165, [0, 2, 3, 4]]).all() and np.isfinite(features[166]).all()
    assert np.isnan(features_beside(np.full(50, np.nan), 24)).all()
    assert np.isfinite(features_beside(np.full(100, 7.0), 24)[72:]).all()


def test_on_a_random_walk_little_is_added_to_the_last_value() -> None:
    walk = Series(START, HOUR, 100 + np.cumsum(np.random.default_rng(2).normal(0, 1, HOURS)))
    forecaster = DirectHours(horizon=6)
    forecaster.fit(walk.until(CUT))
    said, last = forecaster.forecast_at(walk, ORIGINS).point[:, 0], walk.values[ORIGINS]
    ratio = np.mean((said - walk.values[ORIGINS + 1]) ** 2) / np.mean((last - walk.values[ORIGINS + 1]) ** 2)
    assert ratio < 1.1


def test_trees_that_were_stored_before_there_were_weights_speak_alone(tmp_path: Path) -> None:
    history, stored, loaded = told_by_another(), DirectHours(horizon=6), DirectHours(horizon=6)
    stored.fit(history.until(CUT))
    stored._shares = np.ones(6)
    expected = stored.forecast(history).point.tolist()
    stored.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "shares"}
    np.savez(tmp_path / "model.npz", allow_pickle=False, **arrays)
    loaded.load(tmp_path / "model.npz")
    assert loaded.forecast(history).point.tolist() == expected


def test_which_series_are_looked_at_is_kept_with_the_trees(fitted: DirectServers, tmp_path: Path) -> None:
    history, loaded = told_by_another(), DirectServers(horizon=6)
    fitted.save(tmp_path / "model.npz")
    loaded.load(tmp_path / "model.npz")
    said = fitted.forecast(history).point.tolist()
    assert loaded.forecast(history).point.tolist() == said
    without = Series(START, HOUR, history.values)
    assert loaded.forecast(without).point.tolist() != said
