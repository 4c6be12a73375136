"""Cleaning: every rule of the first system, each drop with its reason, and nothing guessed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecasting_jobs.link_traffic.data_clean import clean_file
from forecasting_jobs.link_traffic.files import write_table
from forecasting_jobs.link_traffic.link_series import HOUR, links_of, read_links
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.simulated_netstats import netstats
from ml_core.csv_tables import InvalidTable
from tests.factories import NOON

RAW = """time,site,host,rx_gbs,tx_gbs,rx_errors,tx_packets,latency_ms,carrier,mtu,vendor
2024-04-26 00:00:00, US-DC4,  Verizon.core.example.net,1,2,5,70,4,0,9000,acme
2024-04-26 01:00:00,US-DC4 ,Verizon.core.example.net,2,,0,71,5,0,9000,acme
2024-04-26 02:00:00,US-DC4,Verizon,3,4,1,72,,0,9000,acme
2024-04-26 02:00:00,US-DC4,Verizon,9,9,1,72,,0,9000,acme
2024-04-26 03:00:00,US-DC4,Verizon,-4,4,1,73,6,0,9000,acme
2024-04-26 04:00:00,US-DC4,Verizon,n/a,4,1,73,6,0,9000,acme
2024-04-26 05:00:00,US-DC4,Verizon,6,7,1,73,6,0,,acme
2024-04-26 00:00:00,US-DC4,Idle,0,0,0,0,6,0,9000,acme
2024-04-26 01:00:00,US-DC4,Idle,0,0,0,0,6,0,9000,acme
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw.csv"
    path.write_text(RAW)
    return path


def test_names_are_trimmed_and_said_how_they_were_written(raw: Path) -> None:
    cleaned = clean_file(raw)
    assert set(cleaned.table["link"]) == {"Verizon"} and set(cleaned.table["location"]) == {"US-DC4"}
    trimmed = cleaned.report()["trimmed"]
    assert trimmed["link"]["Verizon"] == ["  Verizon.core.example.net", "Verizon", "Verizon.core.example.net"]
    assert trimmed["location"]["US-DC4"] == [" US-DC4", "US-DC4", "US-DC4 "]


def test_each_field_and_link_that_is_dropped_has_its_reason(raw: Path) -> None:
    assert {drop.what: drop.reason for drop in clean_file(raw).drops} == {
        "field rx_errors": "about errors or packets",
        "field tx_packets": "about errors or packets",
        "field carrier": "zero only",
        "field mtu": "a single value",
        "field vendor": "a single value",
        "link Idle at US-DC4": "zero only",
    }


def test_gaps_hold_what_was_known_before_and_are_marked_and_reported(raw: Path) -> None:
    cleaned = clean_file(raw)
    assert cleaned.table["rx_gbs"].tolist() == [1, 1, 3, 3, 3, 6]
    assert cleaned.table["tx_gbs"].tolist() == [2, 2, 4, 4, 4, 7]
    assert cleaned.table["is_filled"].tolist() == [0, 1, 0, 1, 1, 0]
    report = cleaned.report()
    assert [(gap["time"], gap["slots"], gap["filled_by"]) for gap in report["gaps"]] == [
        ("2024-04-26T01:00:00Z", 1, "last value"),
        ("2024-04-26T03:00:00Z", 2, "last value"),
    ]
    assert (report["rows_read"], report["rows_that_came_twice"]) == (9, 1)
    assert report["missing_cells"] == {"rx_gbs": 2, "tx_gbs": 1, "latency_ms": 1}


def test_a_field_that_moves_is_kept_beside_the_traffic(raw: Path) -> None:
    latency = clean_file(raw).table["latency_ms"]
    assert latency.isna().tolist() == [False, False, True, False, False, False]


def test_a_clean_file_can_be_cleaned_again_and_learnt_from(raw: Path, tmp_path: Path) -> None:
    first = clean_file(raw)
    write_table(tmp_path / "clean.csv", first.table)
    again = clean_file(tmp_path / "clean.csv")
    columns = ["link", "location", "time", "rx_gbs", "tx_gbs"]
    pd.testing.assert_frame_equal(again.table[columns], first.table[columns])
    (series,) = links_of(read_links(tmp_path / "clean.csv"))
    assert series.values[:, 0].tolist()[::2] == [1.0, 3.0, pytest.approx(float("nan"), nan_ok=True)]


def test_raw_rows_of_the_made_up_links_become_the_made_up_links(tmp_path: Path) -> None:
    made_up, start = SimulatedLinks(), NOON - timedelta(days=3)
    write_table(tmp_path / "raw.csv", netstats(made_up, start, NOON, HOUR))
    cleaned = clean_file(tmp_path / "raw.csv")
    real = cleaned.table[cleaned.table["is_filled"] == 0]
    expected = made_up.traffic(start, NOON, HOUR)
    both = real.merge(expected, on=["link", "location", "time"], suffixes=("", "_true"))
    assert len(both) > 0.98 * len(expected)
    assert (both["rx_gbs"] == both["rx_gbs_true"]).all() and (both["tx_gbs"] == both["tx_gbs_true"]).all()
    assert any("rx_packets" in line for line in cleaned.told())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("host", "machine", "column 'link' or 'host' is missing"),
        ("rx_gbs", "rx", "column 'rx_gbs' is missing"),
        ("2024-04-26 05:00:00", "late", "column 'time', row 7: expected a time such as"),
    ],
)
def test_a_file_that_is_no_table_of_links_is_refused(raw: Path, old: str, new: str, message: str) -> None:
    raw.write_text(RAW.replace(old, new))
    with pytest.raises(InvalidTable) as caught:
        clean_file(raw)
    assert message in caught.value.message


def test_a_file_without_any_traffic_is_refused(raw: Path) -> None:
    raw.write_text("\n".join(line for line in RAW.splitlines() if "Verizon" not in line))
    with pytest.raises(InvalidTable, match="no link is left that carries traffic"):
        clean_file(raw)
