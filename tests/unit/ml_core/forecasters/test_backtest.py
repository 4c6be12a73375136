"""The rolling-origin backtest: as of each origin, whatever comes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.forecasters.backtest import backtest, origins_until, refits_until
from ml_core.forecasters.base import Forecaster, Paths
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.timeseries.series import Floats, Series

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Mean(Forecaster):
    """Forecasts the mean of what it was fitted on, and keeps the lengths of what it was handed."""

    name: ClassVar[str] = "mean"

    def __init__(self, *, horizon: int) -> None:
        super().__init__(horizon=horizon)
        self.fitted: list[int] = []
        self.handed: list[int] = []
        self._mean = 0.0

    def _fit(self, values: Floats, history: Series) -> None:
        self.fitted.append(len(values))
        self._mean = float(values.mean())

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        self.handed.append(len(values))
        return Paths(np.full((len(origins), self.horizon), self._mean))


def rising(length: int) -> Series:
    return Series(START, HOUR, np.arange(length, dtype=np.float64))


def test_a_forecaster_is_fitted_up_to_each_cut_off_and_used_until_the_next() -> None:
    mean = Mean(horizon=3)
    tried = backtest(rising(40), [mean], origins=[10, 15, 20, 25, 30], refits=[10, 20])
    assert mean.fitted == [11, 21]
    assert mean.handed == [16, 31]  # never more than up to the last origin of the stretch
    assert tried.paths["mean"].point[:, 0].tolist() == [5.0, 5.0, 10.0, 10.0, 10.0]


def test_truths_are_unknown_where_they_have_not_come_or_are_gaps() -> None:
    history = rising(12)
    history.values[10] = np.nan
    tried = backtest(history, [Naive(horizon=3)], origins=[8, 10], refits=[8])
    np.testing.assert_array_equal(tried.truths, [[9, np.nan, 11], [11, np.nan, np.nan]])


def test_one_that_cannot_be_fitted_yet_is_left_out_with_its_reason_until_it_can() -> None:
    tried = backtest(
        rising(60), [Naive(horizon=1), SeasonalNaive(horizon=1)], origins=[12, 18, 40, 46], refits=[12, 40]
    )
    (left_out,) = tried.left_out
    assert (left_out.name, left_out.refit) == ("seasonal_naive", 12)
    assert "needs at least 24 values" in left_out.reason
    assert np.isnan(tried.paths["seasonal_naive"].point[:2]).all()
    assert tried.paths["seasonal_naive"].point[2:, 0].tolist() == [17.0, 23.0]
    assert np.isfinite(tried.paths["naive"].point).all()


def test_progress_is_told_by_forecaster() -> None:
    told: list[tuple[str, int, int]] = []
    backtest(
        rising(30),
        [Naive(horizon=1), Mean(horizon=1)],
        origins=[20],
        refits=[20],
        progress=lambda *step: told.append(step),
    )
    assert told == [("naive", 0, 2), ("mean", 1, 2), ("done", 2, 2)]


def test_the_processor_time_of_each_is_counted() -> None:
    tried = backtest(rising(30), [Naive(horizon=1)], origins=[20], refits=[20])
    assert tried.seconds["naive"] >= 0


@pytest.mark.parametrize(
    ("origins", "refits", "message"),
    [
        ([], [5], "origins: expected ascending"),
        ([8, 7], [5], "origins: expected ascending"),
        ([7, 30], [5], "origins: expected ascending indices from 0 to 29"),
        ([7], [], "refits: expected the first"),
        ([7], [8], "refits: expected the first to be an index not after the first origin, 7"),
    ],
)
def test_a_plan_that_looks_ahead_is_refused(origins: list[int], refits: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backtest(rising(30), [Naive(horizon=1)], origins=origins, refits=refits)


def test_forecasters_of_different_horizons_are_refused() -> None:
    with pytest.raises(ValueError, match="one horizon"):
        backtest(rising(30), [Naive(horizon=1), Mean(horizon=2)], origins=[7], refits=[5])


def test_cut_offs_do_not_depend_on_how_long_a_series_is() -> None:
    assert [cut for cut in refits_until(4031) if cut > 1800] == [1814, 2822]  # 45 and 70 % of 4,032
    assert refits_until(2900, fewest=700) == [750, 1166, 1814, 2822]
    assert refits_until(2900, fewest=700)[:2] == refits_until(1200, fewest=700)


def test_origins_end_at_the_issue_time_and_keep_its_phase() -> None:
    assert origins_until(100, 12, 60).tolist() == [64, 76, 88, 100]
    assert origins_until(100, 12, 101).tolist() == []
