"""Features as of their hour: what comes later changes none of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from forecasting_jobs.response_time.metrics import ART, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_values import SheetReader
from forecasting_jobs.response_time.transformed_table import (
    NAMES,
    SPECS,
    TRANSFORMED,
    day_limits,
    lagged,
    suffix_of,
    transformed,
)
from ml_core.records import Observation
from tests.factories import NOON

HOUR = timedelta(hours=1)
FIRST = NOON - 100 * HOUR


def put(parts: Parts, values: list[float], server: str = "ABP", metric: str = ART) -> None:
    rows = [Observation(FIRST + place * HOUR, value, NOON) for place, value in enumerate(values) if np.isfinite(value)]
    parts.store.record_observations(series_name("ABP", server, metric), rows)


def rows_by_hour(parts: Parts, start: datetime = FIRST, until: datetime = NOON) -> dict[datetime, dict[str, Any]]:
    values = SheetReader(parts, until).until(until)
    batches = [batch for batch in transformed(values, start, "ABP") if batch.table is TRANSFORMED]
    return {row["DATETIMESTAMP_ID"]: dict(row) for batch in batches for row in batch.rows}


def test_a_row_has_values_lags_and_means_of_the_hours_before_it(parts: Parts) -> None:
    put(parts, [float(number) for number in range(100)])
    put(parts, [2.0] * 100, "CollectionServer", "calls_per_minute")
    row = rows_by_hour(parts)[NOON - HOUR]
    assert (row["ART_SN00"], row["ART_SN00_L1H"], row["ART_SN00_L6H"]) == (99, 98, 93)
    assert row["ART_SN00_L2H_MA12"] == np.mean(np.arange(86, 98))
    assert row["ART_SN00_L1H_MA3"] == 97
    assert row["CPM_SNCS_L3H"] == 2
    assert row["ART_SN01"] is None and row["VSLW_SN04_L6H_MA3"] is None
    assert (row["HR_VAL"], row["DAY_OF_WEEK"], row["WEEKEND_FLG"]) == (11, 5, 0)


def test_nothing_of_a_row_depends_on_a_later_hour(parts: Parts) -> None:
    random = np.random.default_rng(3)
    values = random.gamma(2, 100, 100)
    put(parts, list(values))
    before = rows_by_hour(parts)
    cut = 60
    rows = [
        Observation(FIRST + place * HOUR, float(value), NOON, correct=True)
        for place, value in zip(range(cut, 100), random.permutation(values[cut:]) * 1000, strict=True)
    ]
    parts.store.record_observations(parts.series, rows)
    after = rows_by_hour(parts)
    early = [hour for hour in before if hour < FIRST + cut * HOUR]
    assert len(early) == cut
    assert all(before[hour] == after[hour] for hour in early)
    assert before != after


def test_rows_are_the_same_one_by_one_and_all_at_once(parts: Parts) -> None:
    put(parts, [*np.random.default_rng(4).gamma(2, 100, 70), *[np.nan] * 10, *[5e6] * 20])
    together = rows_by_hour(parts)
    assert len(together) == 90
    for number in range(1, 40):
        hour = NOON - number * HOUR
        assert rows_by_hour(parts, hour, hour + HOUR).get(hour) == together.get(hour)


def test_of_hours_before_which_too_few_days_were_read_there_is_no_row(parts: Parts) -> None:
    early = NOON - timedelta(days=160)
    rows = [Observation(early + number * HOUR, 1.0, NOON) for number in range(24 * 160)]
    parts.store.record_observations(parts.series, rows)
    found = rows_by_hour(parts, early)
    assert early + timedelta(days=5) < min(found) < early + timedelta(days=12)
    assert len(found) == (NOON - min(found)) // HOUR
    assert all(row["ART_SN00_L6H_MA12"] == 1.0 for row in found.values())


def test_an_outlier_is_clipped_at_the_limit_of_the_days_before(parts: Parts) -> None:
    put(parts, [*[10.0, 20.0] * 48, 9_000.0, 10.0, 10.0, 10.0])
    limit = 20 + 1.5 * 10
    row = rows_by_hour(parts)[NOON - 4 * HOUR]
    assert row["ART_SN00"] == limit
    values = SheetReader(parts, NOON).until(NOON)
    (specs,) = (batch.rows for batch in transformed(values, FIRST, "ABP") if batch.table is SPECS)
    assert list(specs) == [{"colname": "ART_SN00", "outlier_cutoff": limit}]


def test_a_day_before_which_too_little_is_known_has_no_limit() -> None:
    values = np.full((50, 2), np.nan)
    values[:30, 0] = 1.0
    assert np.isnan(day_limits(values, 20)).all()
    assert day_limits(values, 50)[0] == 1.0 and np.isnan(day_limits(values, 50)[1])


def test_a_gap_holds_the_value_before_it_for_a_day_at_most() -> None:
    values = np.array([[7.0], *[[np.nan]] * 40])
    clipped, one_before, *_ = lagged(values, np.full_like(values, np.nan))
    assert np.isnan(clipped[1:]).all()
    assert one_before[:, 0].tolist()[1:27] == [*[7.0] * 25, pytest.approx(np.nan, nan_ok=True)]


def test_columns_are_those_of_the_first_system() -> None:
    assert len(NAMES) == 2 * 8 + 4 * 5
    assert {"ART_SN00", "CPM_SNCS", "VSLW_SN04", "EXC_SN00_L6H", "SLW_SN03_L2H_MA12"} <= set(TRANSFORMED.columns)
    assert "EPM_SN05" not in TRANSFORMED.columns
    servers = ("ABP", "ABPServer1", "ABPServer6", "CollectionServer", "ABPServer7", "ABPServer11", "")
    assert [suffix_of(server, "ABP") for server in servers] == ["00", "01", "06", "CS", None, None, None]
