"""Series of links from tables, on a regular grid, and CSV files that are read strictly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting_jobs.link_traffic.gaps import filled
from forecasting_jobs.link_traffic.link_series import (
    FIVE_MINUTES,
    HOUR,
    LinkSeries,
    hourly,
    links_of,
    read_links,
    table_of,
)
from ml_core.csv_tables import InvalidTable
from ml_core.errors import InvalidInput

START = datetime(2024, 4, 26, tzinfo=UTC)
HEAD = "link,location,time,rx_gbs,tx_gbs\n"
nan = float("nan")


def a_series(values: list[float], step: timedelta = HOUR, start: datetime = START) -> LinkSeries:
    both = np.array(values)[:, None] * np.array([1.0, 0.5])
    return LinkSeries("Verizon", "US-DC4", start, step, both)


def written(path: Path, rows: str, head: str = HEAD) -> Path:
    path.write_text(head + rows)
    return path


def test_a_file_of_the_first_system_is_read_and_its_times_are_utc(tmp_path: Path) -> None:
    rows = "Verizon,US-DC4,2024-04-26 02:00:00,3,1.5\nVerizon,US-DC4,2024-04-26 00:00:00,1,0.5\n"
    rows += "Verizon,US-DC4,2024-04-26T03:00:00+02:00,2,1\n"
    (series,) = links_of(read_links(written(tmp_path / "a.csv", rows)))
    assert (series.start_time, series.step, series.pair) == (START, HOUR, ("Verizon", "US-DC4"))
    assert series.values.tolist() == [[1.0, 0.5], [2.0, 1.0], [3.0, 1.5]]


def test_a_table_comes_back_from_its_series() -> None:
    series = a_series([1.0, 2.0, nan, 4.0])
    table = table_of([series])
    assert len(table) == 3
    (again,) = links_of(table)
    assert np.array_equal(again.values, series.values, equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        ("V,U,yesterday,1,1\nV,U,2024-04-26,1,1\n", HEAD, "column 'time', row 1: expected a time such as"),
        ("V,U,2024-04-26,1,1\nV,U,2024-04-26,2,1\n", HEAD, "column 'time', row 2: this time of this link was there"),
        ("V,U,2024-04-26,1,x\nV,U,2024-04-27,2,1\n", HEAD, "column 'tx_gbs', row 1: expected a finite number"),
        ("U,2024-04-26,1,1\nU,2024-04-27,2,1\n", HEAD.removeprefix("link,"), "column 'link' is missing"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_column_and_row(tmp_path: Path, rows: str, head: str, message: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        read_links(written(tmp_path / "a.csv", rows, head))
    assert message in caught.value.message


def test_times_off_the_grid_and_steps_that_do_not_fit_are_refused() -> None:
    table = table_of([a_series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])])
    with pytest.raises(InvalidInput, match="expected a table with a step of 0:05:00, not of 1:00:00"):
        links_of(table, FIVE_MINUTES)
    table.loc[2, "time"] += pd.Timedelta(minutes=7)
    with pytest.raises(InvalidInput, match="expected times on a grid of 1:00:00"):
        links_of(table)
    with pytest.raises(InvalidInput, match="at least two times"):
        links_of(table.head(1))


def test_values_that_were_filled_in_are_gaps_again() -> None:
    table = table_of([a_series([1.0, 2.0, 3.0])]).assign(is_filled=[False, True, False])
    (series,) = links_of(table)
    assert np.isnan(series.values[1]).all() and series.values[2].tolist() == [3.0, 1.5]


def test_an_hour_has_the_mean_of_what_was_measured_and_none_if_half_is_missing() -> None:
    first = a_series([nan] * 7 + [2.0] * 5, FIVE_MINUTES)
    second = a_series([nan] * 6 + [1.0, 3.0] * 3 + [5.0] * 6, FIVE_MINUTES)
    assert np.isnan(hourly(first).values).all()
    assert hourly(second).values[0].tolist() == [2.0, 1.0]
    assert len(hourly(second)) == 2


def test_hours_begin_at_the_hour_where_the_first_value_does_not() -> None:
    late = a_series([4.0] * 10, FIVE_MINUTES, START + timedelta(minutes=10))
    assert (hourly(late).start_time, hourly(late).values[0].tolist()) == (START, [4.0, 2.0])


# Gaps


def test_a_short_gap_holds_the_last_value_and_a_long_one_the_day_before() -> None:
    day = [float(hour) for hour in range(1, 25)]
    values = [*day, 90.0, nan, nan, 91.0, nan, nan, nan, nan, 92.0]
    whole, gaps = filled(a_series(values))
    assert whole[:, 0].tolist() == [*day, 90.0, 90.0, 90.0, 91.0, 5.0, 6.0, 7.0, 8.0, 92.0]
    assert [(gap.slots, gap.rule, gap.start_time) for gap in gaps] == [
        (2, "last value", START + 25 * HOUR),
        (4, "the day before", START + 28 * HOUR),
    ]


def test_a_gap_of_days_holds_what_was_filled_the_day_before() -> None:
    day = [float(hour) for hour in range(1, 25)]
    whole, gaps = filled(a_series([*day, *[nan] * 48, 5.0]))
    assert whole[:, 0].tolist() == [*day, *day, *day, 5.0]
    assert len(gaps) == 1


def test_what_comes_after_a_gap_does_not_change_what_fills_it() -> None:
    values = np.random.default_rng(0).uniform(1, 2, size=80)
    values[[3, 4, 30, 31, 32, 33, 34, 50]] = nan
    for end in (10, 34, 40, 60):
        changed = np.where(np.arange(80) > end, 1000.0, values)
        one, other = (filled(a_series(each.tolist()))[0][: end + 1] for each in (values, changed))
        assert one.tolist() == other.tolist()


def test_a_series_begins_with_a_value() -> None:
    late = a_series([nan, nan, 3.0, nan])
    with pytest.raises(ValueError, match="does not begin with a value"):
        filled(late)
    assert (late.begun().start_time, filled(late.begun())[0][:, 0].tolist()) == (START + 2 * HOUR, [3.0, 3.0])
    with pytest.raises(ValueError, match="has no value"):
        a_series([nan]).begun()


def test_a_gap_in_one_direction_is_a_gap_in_both() -> None:
    series = a_series([1.0, 2.0, 3.0])
    series.values[1, 1] = nan
    assert filled(series)[0].tolist() == [[1.0, 0.5], [1.0, 0.5], [3.0, 1.5]]
