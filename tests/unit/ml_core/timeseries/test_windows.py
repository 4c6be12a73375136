"""Windows and scalers: what was known then, and no zero where nothing was known."""

from __future__ import annotations

import numpy as np
import pytest

from ml_core.timeseries.windows import Scaler, filled_forward, lag_windows, robust_spread


def test_a_gap_holds_the_last_value_before_it() -> None:
    filled = filled_forward(np.array([np.nan, 1.0, np.nan, np.nan, 4.0, np.nan]))
    assert filled.tolist() == [1.0, 1.0, 1.0, 1.0, 4.0, 4.0]


def test_filling_does_not_look_ahead() -> None:
    values = np.array([1.0, np.nan, 9.0])
    assert filled_forward(values)[:2].tolist() == filled_forward(values[:2]).tolist()


def test_nothing_known_stays_unknown() -> None:
    assert np.isnan(filled_forward(np.full(3, np.nan))).all()


def test_windows_end_with_their_own_index_and_repeat_the_first_value_before_the_start() -> None:
    windows = lag_windows(np.arange(10.0), np.array([1, 5]), 3)
    assert windows.tolist() == [[0.0, 0.0, 1.0], [3.0, 4.0, 5.0]]


def test_a_scaler_knows_only_what_it_was_fitted_on_and_gives_it_back() -> None:
    training, later = np.array([1.0, 3.0, np.nan]), np.array([5.0, 100.0])
    scaler = Scaler.fitted(training)
    assert (scaler.centre, scaler.spread) == (2.0, 1.0)
    np.testing.assert_allclose(scaler.unscale(scaler.scale(later)), later)


@pytest.mark.parametrize("values", [[], [np.nan], [5.0], [0.1, 0.1, 0.1]])
def test_a_spread_is_never_zero(values: list[float]) -> None:
    assert Scaler.fitted(np.array(values)).spread == 1.0


def test_the_robust_spread_of_normal_noise_is_its_standard_deviation() -> None:
    noise = np.random.default_rng(0).normal(5, 3, 20_000)
    assert robust_spread(noise) == pytest.approx(3, rel=0.03)
    noise[:100] = 1e9
    assert robust_spread(noise) == pytest.approx(3, rel=0.05)
    assert robust_spread(np.array([1.0, 1.0, 1.0, 9.0])) > 0
    assert robust_spread(np.array([np.nan])) == 0.0
