"""What every store promises of forecasts: whole, replaced by key, never peeking, and joined with what came true."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.records import ForecastStep
from ml_core.store.base import Store
from ml_core.store.base_series import FORECAST_COLUMNS, SCORED_FORECAST_COLUMNS
from tests.contract import processes as work
from tests.contract.processes import ProcessGroup
from tests.factories import NOON, a_forecast, an_observation

WEB = "web/cpu"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)


def all_of(store: Store, series: str = WEB, **limits: Any) -> pd.DataFrame:
    return store.forecasts(series, LONG_AGO, FAR_AHEAD, **limits)


def keys_of(frame: pd.DataFrame) -> list[tuple[float, str, float]]:
    """Return valid time, model and issue time of each step, times in hours from noon."""
    return [((row.valid_time - NOON) / HOUR, row.model, (row.issue_time - NOON) / HOUR) for row in frame.itertuples()]


# Storing and reading


def test_a_forecast_comes_back_step_by_step_with_its_bounds(store: Store) -> None:
    first = ForecastStep(NOON + MICROSECOND, 0.1, -1 / 3, 1 / 3, -1.0, 1e300)
    last = ForecastStep(NOON + 3 * DAY, 4, lower_80=3)
    store.put_forecast(a_forecast(steps=(first, last), version=None))
    frame = all_of(store)
    assert tuple(frame.columns) == FORECAST_COLUMNS
    assert frame["version"].isna().all()
    assert frame["issue_time"].to_list() == [NOON, NOON]
    assert frame["valid_time"].to_list() == [NOON + MICROSECOND, NOON + 3 * DAY]
    assert frame.loc[0, "value":].to_list() == [0.1, -1 / 3, 1 / 3, -1.0, 1e300]  # type: ignore[misc]
    assert frame.loc[1, "value":].fillna(-1.0).to_list() == [4.0, 3.0, -1.0, -1.0, -1.0]  # type: ignore[misc]


def test_steps_come_by_valid_time_model_and_issue_time(store: Store) -> None:
    for issued, model in ((2, "naive"), (0, "naive"), (0, "arima"), (1, "naive"), (-20, "Tcn")):
        store.put_forecast(a_forecast(NOON + issued * HOUR, hours=30, model=model))
    keys = keys_of(all_of(store))
    assert keys == sorted(keys)
    assert len(keys) == 150
    assert keys_of(store.forecasts(WEB, NOON + 3 * HOUR, NOON + 4 * HOUR)) == [
        (3, "Tcn", -20),
        (3, "arima", 0),
        (3, "naive", 0),
        (3, "naive", 1),
        (3, "naive", 2),
    ]
    assert {model for _, model, _ in keys_of(all_of(store, model="naive"))} == {"naive"}
    assert len(all_of(store, model="unknown")) == 0


def test_a_range_of_valid_times_is_half_open_and_may_have_any_offset(store: Store) -> None:
    store.put_forecast(a_forecast(hours=48))
    for offset in (timedelta(0), 13 * HOUR, -11 * HOUR):
        zone = timezone(offset)
        frame = store.forecasts(WEB, (NOON + 12 * HOUR).astimezone(zone), (NOON + 15 * HOUR).astimezone(zone))
        assert [valid for valid, _, _ in keys_of(frame)] == [12, 13, 14]


def test_the_same_issue_again_replaces_its_steps_and_others_stay(store: Store) -> None:
    store.put_forecast(a_forecast(hours=30))
    store.put_forecast(a_forecast(hours=30, model="naive"))
    shorter = a_forecast(hours=20, version=2)
    changed = replace(shorter, steps=tuple(ForecastStep(step.valid_time, -1.0) for step in shorter.steps))
    store.put_forecast(changed)
    store.put_forecast(changed)
    frame = all_of(store, model="arima")
    assert frame["value"].to_list() == [-1.0] * 20 + [float(hour) for hour in range(21, 31)]
    assert frame["version"].to_list() == [2] * 20 + [1] * 10
    assert frame["lower_80"].isna().to_list() == [True] * 20 + [False] * 10
    assert all_of(store, model="naive")["value"].to_list() == [float(hour) for hour in range(1, 31)]
    assert store.count_records()["forecasts"] == {WEB: 60}


def test_thousands_of_steps_are_one_forecast(store: Store) -> None:
    store.put_forecast(a_forecast(hours=2500))
    assert all_of(store)["value"].to_list() == [float(hour) for hour in range(1, 2501)]


def test_an_empty_frame_and_one_without_bounds_or_versions_have_the_same_types(store: Store) -> None:
    store.put_forecast(a_forecast(steps=(ForecastStep(NOON + HOUR, 1.0),), version=None, series="bare"))
    store.put_forecast(a_forecast())
    full, bare, empty = all_of(store), all_of(store, "bare"), all_of(store, "unknown")
    assert full.dtypes.to_dict() == bare.dtypes.to_dict() == empty.dtypes.to_dict()
    assert full.dtypes.astype(str).to_list() == [
        "object",
        "Int64",
        "datetime64[us, UTC]",
        "datetime64[us, UTC]",
        *["float64"] * 5,
    ]


def test_a_series_with_a_forecast_alone_is_listed_beside_those_with_observations(store: Store) -> None:
    store.put_forecast(a_forecast())
    store.put_forecast(a_forecast(series="ö/" * 95))
    for series in ("a", WEB):
        store.record_observations(series, [an_observation()])
    assert store.list_series() == ["a", WEB, "ö/" * 95]


# What is refused

FIRST, SECOND = ForecastStep(NOON + HOUR, 1.0), ForecastStep(NOON + 2 * HOUR, 2.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ()}, "steps: expected at least one"),
        (
            {"steps": (SECOND, FIRST)},
            r"steps\[1\].valid_time: expected a time after the step before it, at 2026",
        ),
        ({"steps": (FIRST, FIRST)}, r"steps\[1\].valid_time: "),
        (
            {"issue_time": NOON + HOUR, "steps": (FIRST,)},
            r"steps\[0\].valid_time: expected a time after the issue time",
        ),
        ({"issue_time": datetime(2026, 11, 20)}, "issue_time: expected a time with a UTC offset"),
        ({"steps": (replace(FIRST, valid_time=datetime(2026, 11, 21)),)}, r"steps\[0\].valid_time: .* UTC offset"),
        ({"steps": (FIRST, replace(SECOND, value=math.nan))}, r"steps\[1\].value: expected a finite number, not nan"),
        ({"steps": (replace(FIRST, value=None),)}, r"steps\[0\].value: expected a finite number, not none"),
        ({"steps": (replace(FIRST, upper_95=math.inf),)}, r"steps\[0\].upper_95: expected a finite number"),
        ({"steps": (replace(FIRST, lower_80=2.0, upper_80=1.0),)}, r"steps\[0\].lower_80: expected at most upper_80"),
        ({"steps": (replace(FIRST, lower_95=2.0, upper_95=1.0),)}, r"steps\[0\].lower_95: expected at most upper_95"),
        ({"series": ""}, "series: expected 1 to 191"),
        ({"model": "a/b"}, "model: expected 1 to 64"),
        ({"version": -1}, "version: expected a number from 0"),
        ({"version": 2**31}, "version: expected a number from 0"),
    ],
)
def test_a_forecast_that_is_unfit_is_refused_with_the_field_and_nothing_is_stored(
    store: Store, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{message}"):
        store.put_forecast(a_forecast(**changes))
    assert store.list_series() == []


def test_forecasts_are_asked_for_by_names_that_can_be(store: Store) -> None:
    with pytest.raises(ValueError, match=r"^series: "):
        store.forecasts("a ", NOON, NOON + HOUR)
    with pytest.raises(ValueError, match=r"^model: "):
        store.forecasts("a", NOON, NOON + HOUR, model="a ")


# No peeking


def test_what_was_issued_after_a_time_is_not_seen_and_what_was_issued_then_is(store: Store) -> None:
    for issued in (0, 1, 2):
        store.put_forecast(a_forecast(NOON + issued * HOUR, hours=10))
    at_one = all_of(store, issued_before=(NOON + HOUR).astimezone(timezone(5 * HOUR)))
    assert {issued for _, _, issued in keys_of(at_one)} == {0, 1}
    assert {issued for _, _, issued in keys_of(all_of(store, issued_before=NOON + HOUR - MICROSECOND))} == {0}
    assert len(all_of(store, issued_before=NOON - MICROSECOND)) == 0


_numbers = itertools.count()
HOURS = st.integers(0, 5)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    issues=st.lists(st.tuples(HOURS, st.sampled_from(["arima", "naive"]), st.integers(1, 30)), max_size=8),
    truths=st.lists(st.tuples(HOURS, st.integers(0, 9)), max_size=8),
    limit=HOURS,
)
def test_what_is_issued_or_received_later_never_changes_what_could_be_seen(
    kept_stores: list[Store], issues: list[tuple[int, str, int]], truths: list[tuple[int, int]], limit: int
) -> None:
    now = NOON + limit * HOUR
    answers = []
    for store in kept_stores:
        series = f"property-{next(_numbers)}"
        forecasts = [a_forecast(NOON + hour * HOUR, hours, model=model, series=series) for hour, model, hours in issues]
        measured = [
            an_observation(NOON + hour * HOUR, float(value), correct=True, received_time=NOON + value * HOUR)
            for hour, value in truths
        ]
        for is_later in (False, True):
            for forecast in forecasts:
                if (forecast.issue_time > now) == is_later:
                    store.put_forecast(forecast)
            store.record_observations(series, [row for row in measured if (row.received_time > now) == is_later])
            answers.append(
                store.scored_forecasts(series, LONG_AGO, FAR_AHEAD, issued_before=now, known_at=now).to_csv()
            )
    assert len(set(answers)) == 1


# Joined with what came true


def test_each_step_is_scored_by_the_observation_of_its_time(store: Store) -> None:
    for issued in (0, 1):
        store.put_forecast(a_forecast(NOON + issued * HOUR))
    store.record_observations(WEB, [an_observation(NOON + hour * HOUR, hour * 10.0) for hour in (1, 2, 4)])
    frame = store.scored_forecasts(WEB, NOON + 2 * HOUR, NOON + 5 * HOUR)
    assert tuple(frame.columns) == SCORED_FORECAST_COLUMNS
    found = [
        ((row.valid_time - NOON) / HOUR, row.horizon / HOUR, row.truth)
        for row in frame.fillna({"truth": -1.0}).itertuples()
    ]
    assert found == [(2, 2, 20.0), (2, 1, 20.0), (3, 3, -1.0), (3, 2, -1.0), (4, 3, 40.0)]
    received = NOON + 2 * HOUR + timedelta(minutes=1)
    assert frame["truth_received_time"].to_list() == [received, received, pd.NaT, pd.NaT, received + 2 * HOUR]


def test_a_score_of_the_past_knows_the_truths_of_then(store: Store) -> None:
    store.put_forecast(a_forecast(hours=2))
    for value, hours in ((1.0, 3), (2.0, 5)):
        store.record_observations(
            WEB, [an_observation(NOON + HOUR, value, correct=True, received_time=NOON + hours * HOUR)]
        )
    known = [
        store.scored_forecasts(WEB, NOON, NOON + DAY, known_at=NOON + hours * HOUR)["truth"].fillna(-1.0).to_list()
        for hours in (2, 3, 5)
    ]
    assert known == [[-1.0, -1.0], [1.0, -1.0], [2.0, -1.0]]


def test_scored_frames_have_the_same_types_with_and_without_truths_and_empty(store: Store) -> None:
    store.put_forecast(a_forecast())
    without, empty = (store.scored_forecasts(series, NOON, NOON + DAY) for series in (WEB, "unknown"))
    store.record_observations(WEB, [an_observation(NOON + HOUR)])
    full = store.scored_forecasts(WEB, NOON, NOON + DAY)
    assert full["truth"].count() == 1
    assert full.dtypes.to_dict() == without.dtypes.to_dict() == empty.dtypes.to_dict()
    assert full.dtypes.astype(str).to_list()[-3:] == ["float64", "datetime64[us, UTC]", "timedelta64[us]"]


# Several processes


def test_whoever_reads_while_forecasts_are_replaced_sees_each_whole(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    work.put_forecasts(store, 0)
    mixed = processes.run(store_url, work.put_or_read_forecasts, range(8))
    assert mixed == [[]] * 8
    assert all_of(store, work.SERIES)["version"].nunique() == 1
