"""Hours from a CSV file: both forms come to the same by a controller's road, and what is wrong is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from forecasting_jobs.response_time.csv_source import CsvSource, server_of_suffix
from forecasting_jobs.response_time.fetch_hourly_data import fetch_until, missing_hours
from forecasting_jobs.response_time.metrics import ART, PREFIXES, series_name
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.sources import Hours, Question
from ml_core.csv_tables import InvalidTable
from tests.factories import NOON

HOUR = timedelta(hours=1)
HEADER = "time,server,metric,value\n"
LONG = (
    HEADER
    + "2026-11-20T09:00:00Z,ABP,avg_response_time_ms,410.5\n"
    + "2026-11-20T11:00:00+01:00,ABP,avg_response_time_ms,420\n"
    + "2026-11-20T09:00:00Z,CollectionServer,calls_per_minute,7\n"
    + "2026-11-20T10:00:00Z,CollectionServer,calls_per_minute,\n"
)
WIDE = (
    "Datetimestamp_ID,ART_SN00,CPM_SNCS,ART_SN00_L1H,ART_SN00_L1H_MA12,HR_VAL\n"
    "2026-11-20 10:00:00,420,,410.5,,10\n"
    "2026-11-20T09:00:00Z,410.5,7,,,9\n"
)


def source(folder: Path, text: str) -> CsvSource:
    path = folder / "hours.csv"
    path.write_text(text)
    return CsvSource(path, "ABP")


def with_file(parts: Parts, folder: Path, text: str) -> Parts:
    path = folder / "hours.csv"
    path.write_text(text)
    section = parts.section.model_copy(update={"csv_file": str(path)})
    return make_parts(parts.settings.model_copy(update={"response_time": section}), parts.store, parts.clock)


@pytest.mark.parametrize("text", [LONG, WIDE, "\ufeff" + WIDE.replace("Datetimestamp", "DATETIMESTAMP")])
def test_both_forms_have_the_same_hours(tmp_path: Path, text: str) -> None:
    asked = [Question(metric, NOON - 5 * HOUR, NOON) for metric in (ART, "calls_per_minute", "socket_reads")]
    assert source(tmp_path, text).hours("ABP", asked) == [
        Hours({"ABP": {NOON - 3 * HOUR: 410.5, NOON - 2 * HOUR: 420.0}}),
        Hours({"CollectionServer": {NOON - 3 * HOUR: 7.0}}),
        Hours(),
    ]


def test_an_hour_that_is_not_over_and_one_before_the_start_are_left_out(tmp_path: Path) -> None:
    (hours,) = source(tmp_path, LONG).hours("ABP", [Question(ART, NOON - 2 * HOUR, NOON - HOUR)])
    assert hours == Hours({"ABP": {NOON - 2 * HOUR: 420.0}})
    (hours,) = source(tmp_path, LONG).hours("ABP", [Question(ART, NOON - 3 * HOUR, NOON - HOUR - timedelta(minutes=1))])
    assert hours == Hours({"ABP": {NOON - 3 * HOUR: 410.5}})


def test_a_fetch_takes_the_file_and_heals_what_has_changed_in_it_and_tells_gaps(parts: Parts, tmp_path: Path) -> None:
    first = with_file(parts, tmp_path, WIDE)
    assert fetch_until(first, NOON).new == 3
    changed = with_file(parts, tmp_path, WIDE.replace(",420,,", ",430,8,"))
    fetched = fetch_until(changed, NOON)
    assert (fetched.servers, fetched.new, fetched.corrected, fetched.failures) == (2, 1, 1, ())
    assert list(parts.store.observations(parts.series, NOON - 5 * HOUR, NOON)["value"]) == [410.5, 430.0]
    gaps = missing_hours(changed, NOON - HOUR)
    assert set(gaps) == {parts.series, series_name("ABP", "CollectionServer", "calls_per_minute")}
    assert list(gaps.values()) == [[], []]


def test_a_file_that_is_wrong_anywhere_leaves_nothing_behind(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"hours\.csv: column 'ART_SN00', row 1"):
        fetch_until(with_file(parts, tmp_path, WIDE.replace(",420,", ",fast,")), NOON)
    with pytest.raises(InvalidTable, match="cannot be read"):
        fetch_until(make_parts(_missing(parts, tmp_path).settings, parts.store, parts.clock), NOON)
    assert parts.store.list_series() == []


def _missing(parts: Parts, folder: Path) -> Parts:
    there = with_file(parts, folder, WIDE)
    Path(there.section.csv_file or "").unlink()
    return there


ROW = "2026-11-20T09:00:00Z,ABP,avg_response_time_ms,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (
            "time,server,value\n",
            "column 'metric' is missing; expected time, server, metric, value, or Datetimestamp_ID",
        ),
        (HEADER.replace("value", "value,unit"), "column 'unit' is not one that is known here"),
        (
            HEADER + ROW + ROW.replace("2026-11-20T09:00:00Z", "2026-11-20 09:00"),
            "column 'time', row 2: expected a time with",
        ),
        (HEADER + ROW.replace("2026", "soon"), "column 'time', row 1: expected an ISO 8601 time"),
        (HEADER + ROW.replace("09:00", "09:30"), "column 'time', row 1: expected the start of an hour"),
        (HEADER + ROW.replace("ABP", " "), "column 'server', row 1: expected the name of a server, not nothing"),
        (HEADER + ROW.replace("avg", "max"), "column 'metric', row 1: expected one of the 28 names"),
        (
            HEADER + ROW.replace(",1", ",-1"),
            "column 'value', row 1: expected a finite number from 0 on, or nothing, not '-1'",
        ),
        (HEADER + ROW.replace(",1", ",inf"), "column 'value', row 1: expected a finite number"),
        (
            HEADER + ROW + ROW.replace("09:00:00Z", "10:00:00+01:00"),
            "column 'time', row 2: expected an hour once for each",
        ),
        (HEADER + ROW.replace(",avg_response_time_ms,1", ""), "column 'metric', row 1: expected one of the 28 names"),
        (WIDE.replace("T09", " 10").replace("Z", ""), "column 'Datetimestamp_ID', row 2: expected an hour once"),
        (WIDE.replace("HR_VAL", "hour"), "column 'hour' is not one that is known here"),
        (WIDE.replace("ART_SN00,", "RPM_SN00,"), "column 'RPM_SN00' is not one that is known here"),
        (WIDE.replace("HR_VAL", "datetimestamp_id"), "expected one column of times"),
        ("Datetimestamp_ID,HR_VAL\n", "expected a column such as ART_SN00"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        source(tmp_path, text)
    assert message in caught.value.message


def test_the_first_systems_suffixes_and_prefixes_are_known() -> None:
    assert [server_of_suffix(suffix, "ABP") for suffix in ("00", "06", "CS")] == [
        "ABP",
        "ABPServer6",
        "CollectionServer",
    ]
    assert list(PREFIXES) == ["ART", "CPM", "EPM", "EXC", "SLW", "VSLW"]
