"""The benchmark of forecasts: what it judges, and what it says where there is nothing to judge."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.forecast import SETTINGS, _copied, _figures, main

SUMMARY = {
    "mae_ratio": 0.5,
    "mae_ratio_without_best_two": 0.6,
    "worst_series": 1.0,
    "wql_ratio": 0.4,
    "coverage_80": 0.8,
    "series_with_70_90": 1.0,
}
ROWS = [{"series": "a", "warning_ap": 0.6, "warning_ap_ref": 0.5}, {"series": "b", "warning_ap": None}]


def test_good_figures_are_ok() -> None:
    figures = list(_figures(SETTINGS["hourly"], SUMMARY, ROWS, seconds=9.0))
    assert len(figures) == 8 and all(figure.ok for figure in figures)
    assert "+0.100" in figures[6].value and "0.50 times" in figures[7].value


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"mae_ratio": 0.81}, 0),
        ({"mae_ratio_without_best_two": 0.71}, 1),
        ({"worst_series": 1.11}, 2),
        ({"wql_ratio": 0.73}, 3),
        ({"coverage_80": 0.85}, 4),
        ({"series_with_70_90": 0.89}, 5),
    ],
)
def test_each_figure_can_be_short(changed: dict[str, float], place: int) -> None:
    figures = list(_figures(SETTINGS["hourly"], SUMMARY | changed, ROWS, seconds=9.0))
    assert [figure.ok for figure in figures].index(False) == place


def test_warnings_no_better_than_the_reference_and_too_much_time_are_short() -> None:
    rows = [{"series": "a", "warning_ap": 0.52, "warning_ap_ref": 0.5}]
    figures = list(_figures(SETTINGS["hourly"], SUMMARY, rows, seconds=19.0))
    assert [figure.ok for figure in figures[-2:]] == [False, False]


def test_without_the_shared_series_it_is_short_and_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHARED", str(tmp_path / "nowhere"))
    assert main(["hourly"]) == 1
    assert f"data: nothing at {tmp_path / 'nowhere'}" in capsys.readouterr().out


def test_only_the_first_series_are_copied_when_few_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "1h").mkdir()
    for name in ("a", "b"):
        (tmp_path / "1h" / f"{name}.csv").write_text("timestamp,value\n")
    with gzip.open(tmp_path / "autoarima_1h.csv.gz", "wt") as file:
        file.write("series,mean\nb,1\na,2\n")
    assert _copied(tmp_path, "1h", 1, tmp_path / "reference.csv", tmp_path / "data") == ["a"]
    assert (tmp_path / "reference.csv").read_text() == "series,mean\na,2\n"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.csv"]
