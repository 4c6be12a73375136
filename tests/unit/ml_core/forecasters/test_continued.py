"""A backtest that goes on after its trial: at which origins, and with what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ml_core.forecasters.backtest import Backtest
from ml_core.forecasters.continued import continued
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.ridge import Ridge
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.forecasters.serving import serve
from ml_core.forecasters.trial import trial
from ml_core.timeseries.series import Series

START, STEP = datetime(2026, 11, 1, tzinfo=UTC), timedelta(minutes=5)
HISTORY = Series(START, STEP, 50 + np.cumsum(np.random.default_rng(1).normal(size=1500)))
TRIED = (1300, 1310, 1320)
SAID = np.full((3, 12), 1000.0)


def going_on(history: Series, cut_off: datetime, tried: tuple[int, ...] = TRIED) -> Backtest:
    naive = Naive(horizon=12)
    naive.fit(HISTORY)
    times = [HISTORY.time_at(index) for index in tried]
    return continued(history, {"naive": naive}, times, {"naive": SAID[: len(tried)]}, cut_off)


def test_what_it_was_fitted_on_adds_nothing_only_its_trial_and_what_came_since() -> None:
    found = going_on(HISTORY, HISTORY.time_at(1470))
    assert found.origins.tolist() == [1300, 1310, 1320, 1479, 1489, 1499]  # every ten steps, as in the trial
    assert found.paths["naive"].point[:3].tolist() == SAID.tolist()
    assert found.paths["naive"].point[-1].tolist() == [HISTORY.values[-1]] * 12
    assert np.isfinite(found.truths).all(axis=1).tolist() == [True, True, True, True, False, False]


def test_origins_that_lie_before_the_history_are_left_out() -> None:
    later = Series(HISTORY.time_at(1305), STEP, HISTORY.values[1305:])
    assert going_on(later, later.end_time).origins.tolist() == [5, 15, 194]


def test_without_a_trial_every_origin_since_the_cut_off_counts_up_to_the_last_so_many() -> None:
    assert going_on(HISTORY, HISTORY.time_at(1490), ()).origins.tolist() == list(range(1490, 1500))
    assert len(going_on(HISTORY, START, ()).origins) == 121


def test_one_that_has_no_forecast_now_is_left_out_with_its_reason() -> None:
    members = {"naive": Naive(horizon=2), "seasonal_naive": SeasonalNaive(horizon=2)}
    for member in members.values():
        member.fit(HISTORY)
    gap = Series(START, STEP, np.full(3, np.nan))
    found = continued(gap, members, (), dict.fromkeys(members, np.empty((0, 2))), gap.end_time)
    assert {left.name for left in found.left_out} == set(members)
    assert np.isnan(found.paths["naive"].point).all()


def test_going_on_serves_what_a_longer_backtest_would_have_served() -> None:
    kinds = (Naive, SeasonalNaive, Ridge)
    members = [kind(horizon=12) for kind in kinds]
    before = trial(HISTORY, members, stride=12, issue_index=1380)
    whole = serve(trial(HISTORY, [kind(horizon=12) for kind in kinds], stride=12, issue_index=1440), 60.0)
    times = [HISTORY.time_at(int(origin)) for origin in before.origins]
    said = {name: made.point for name, made in before.paths.items()}
    on = continued(HISTORY.until(1440), {member.name: member for member in members}, times, said, times[-1])
    served = serve(on, 60.0)
    assert on.origins.tolist() == whole.tried.origins.tolist()
    assert served.models == whole.models
    np.testing.assert_allclose(served.quantiles, whole.quantiles, rtol=1e-9)
    assert served.overload is not None and whole.overload is not None
    np.testing.assert_allclose(served.overload.chance, whole.overload.chance, rtol=1e-9)
