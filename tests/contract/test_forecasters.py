"""What every forecaster must do; the suite finds them in the catalogue by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml_core.errors import ArtifactError
from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.forecasters.catalogue import FORECASTERS as ELSEWHERE
from ml_core.forecasters.catalogue import OF_JOBS, make_forecaster
from ml_core.timeseries.series import DAY, Series

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
HORIZON = 6
FORECASTERS = {**ELSEWHERE, **OF_JOBS}
FITTED: dict[tuple[str, int, timedelta, bytes], Forecaster] = {}
ALL = [
    # With many workers one takes all tests of a forecaster, as they share what was fitted.
    pytest.param(name, marks=[pytest.mark.xdist_group(name), *([pytest.mark.deep] if kind.is_neural else [])])
    for name, kind in FORECASTERS.items()
]


def step_of(name: str) -> timedelta:
    return min(HOUR, FORECASTERS[name].longest_step)


def load(name: str, days: float = 12, *, size: float = 1.0) -> Series:
    """A daily season with noise, as a machine's load has it, at the longest step up to an hour that suits."""
    step = step_of(name)
    index = np.arange(int(days * DAY / step))
    noise = np.random.default_rng(0).normal(0, 2, len(index))
    return Series(START, step, size * (40 + 10 * np.sin(2 * np.pi * index * (step / DAY)) + noise))


def made(name: str, history: Series, *, seed: int = 0) -> Forecaster:
    """A forecaster that is fitted; tests with the same history share it, for some take seconds to fit."""
    key = (name, seed, history.step, history.values.tobytes())
    if key not in FITTED:
        FITTED[key] = newly_made(name, history, seed=seed)
    return FITTED[key]


def newly_made(name: str, history: Series, *, seed: int = 0) -> Forecaster:
    forecaster = make_forecaster(name, horizon=HORIZON, seed=seed)
    forecaster.fit(history)
    return forecaster


def equal(left: Paths, right: Paths) -> bool:
    same = np.allclose(left.point, right.point, rtol=1e-5, atol=1e-5)
    if left.quantiles is None or right.quantiles is None:
        return same and left.quantiles is right.quantiles
    return same and np.allclose(left.quantiles, right.quantiles, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_forecast_has_the_shape_of_its_horizon_and_ordered_quantiles(name: str) -> None:
    history = load(name)
    path = made(name, history).forecast(history)
    assert path.point.shape == (HORIZON,) and np.isfinite(path.point).all()
    assert path.issue_time == history.end_time and path.valid_times()[0] == history.end_time + history.step
    if path.quantiles is not None:
        assert path.quantiles.shape == (HORIZON, 5) and (np.diff(path.quantiles, axis=1) >= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_a_forecast_is_of_the_size_of_its_series(name: str) -> None:
    history = load(name)
    path = made(name, history).forecast(history)
    assert path.point.min() > 15 and path.point.max() < 65


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_forecast(name: str) -> None:
    history = load(name)
    first, again = (newly_made(name, history).forecast_at(history, [200, 250]) for _ in range(2))
    assert equal(first, again)


@pytest.mark.parametrize("name", ALL)
def test_nothing_changes_when_all_after_the_issue_times_is_cut_or_shuffled(name: str) -> None:
    history, origins = load(name), [180, 201, 230]
    forecaster = made(name, history.until(170))
    known = forecaster.forecast_at(history, origins)
    shuffled = history.values.copy()
    np.random.default_rng(1).shuffle(shuffled[231:])
    assert equal(known, forecaster.forecast_at(Series(START, history.step, shuffled), origins))
    assert equal(known, forecaster.forecast_at(history.until(230), origins))
    for row, origin in enumerate(origins):
        alone = forecaster.forecast(history.until(origin))
        np.testing.assert_allclose(alone.point, known.point[row], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_what_was_saved_forecasts_the_same_when_loaded(name: str, tmp_path: Path) -> None:
    history = load(name)
    forecaster = made(name, history)
    forecaster.save(tmp_path / "model.npz")
    loaded = make_forecaster(name, horizon=HORIZON)
    loaded.load(tmp_path / "model.npz")
    assert equal(forecaster.forecast_at(history, [200, 287]), loaded.forecast_at(history, [200, 287]))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert all(file[key].dtype != object for key in file.files)


@pytest.mark.parametrize("name", ALL)
def test_a_damaged_or_foreign_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(ArtifactError, match=r"model\.npz: cannot be read"):
        make_forecaster(name, horizon=HORIZON).load(path)
    history = load(name)
    made(name, history).save(path)
    with pytest.raises(ArtifactError, match=f"holds {name} for 6 steps"):
        make_forecaster(name, horizon=3).load(path)


@pytest.mark.parametrize("name", ALL)
def test_a_constant_series_is_forecast_as_itself(name: str) -> None:
    history = Series(START, step_of(name), np.full(288, 7.25))
    path = made(name, history).forecast(history)
    np.testing.assert_allclose(path.point, 7.25, atol=0.01)


@pytest.mark.parametrize("name", ALL)
def test_three_values_are_forecast_or_refused_with_the_number_that_is_needed(name: str) -> None:
    history = Series(START, step_of(name), np.array([1.0, 2.0, 3.0]))
    forecaster = make_forecaster(name, horizon=HORIZON)
    if forecaster.fewest_values(step_of(name)) > 3:
        with pytest.raises(CannotForecast, match=f"{name} needs at least"):
            forecaster.fit(history)
    else:
        forecaster.fit(history)
        assert np.isfinite(forecaster.forecast(history).point).all()


@pytest.mark.parametrize("name", ALL)
def test_a_history_of_just_the_fewest_values_is_enough(name: str) -> None:
    fewest = make_forecaster(name, horizon=HORIZON).fewest_values(step_of(name))
    history = load(name, 21).until(fewest - 1)
    assert np.isfinite(made(name, history).forecast(history).point).all()


@pytest.mark.parametrize("name", ALL)
def test_gaps_are_taken_also_at_the_issue_time(name: str) -> None:
    values = load(name).values.copy()
    values[[0, 30, 31, 32, 100, 286, 287]] = np.nan
    history = Series(START, load(name).step, values)
    path = made(name, history).forecast(history)
    assert path.point.min() > 15 and path.point.max() < 65


@pytest.mark.parametrize("name", ALL)
def test_a_history_without_values_is_refused(name: str) -> None:
    for values in (np.array([]), np.full(300, np.nan)):
        with pytest.raises(CannotForecast, match="the history has no values"):
            make_forecaster(name, horizon=HORIZON).fit(Series(START, step_of(name), values))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [1e-9, 1e12])
def test_the_unit_does_not_matter(name: str, size: float) -> None:
    history, other = load(name), load(name, size=size)
    path, scaled = made(name, history).forecast(history), made(name, other).forecast(other)
    np.testing.assert_allclose(scaled.point / size, path.point, rtol=0.02)


@pytest.mark.parametrize("name", ALL)
def test_values_too_large_to_reckon_with_are_refused(name: str) -> None:
    with pytest.raises(CannotForecast, match=r"at most 1e\+100"):
        make_forecaster(name, horizon=HORIZON).fit(Series(START, step_of(name), np.full(300, 1e101)))


@pytest.mark.parametrize("name", ALL)
def test_a_forecaster_that_was_not_fitted_says_so(name: str, tmp_path: Path) -> None:
    forecaster = make_forecaster(name, horizon=HORIZON)
    with pytest.raises(ValueError, match="must be fitted before it forecasts"):
        forecaster.forecast(load(name))
    with pytest.raises(ValueError, match="must be fitted before it is saved"):
        forecaster.save(tmp_path / "model.npz")


def test_a_name_that_is_not_in_the_catalogue_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="expected one of naive, seasonal_naive"):
        make_forecaster("oracle", horizon=HORIZON)


@pytest.mark.parametrize("horizon", [0, -1, 2017])
def test_a_horizon_outside_the_week_is_refused(horizon: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 2016 steps"):
        make_forecaster("naive", horizon=horizon)


@pytest.mark.parametrize("name", ALL)
def test_a_second_fit_on_more_history_is_no_trouble(name: str) -> None:
    history = load(name)
    forecaster = newly_made(name, history.until(200))
    forecaster.fit(history)
    path = forecaster.forecast(history)
    assert path.point.min() > 15 and path.point.max() < 65
