"""The backtest command: CSVs in, what would have been served out, and plain words for what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from cloudwatch_engine.__main__ import main
from cloudwatch_engine.backtest import COLUMNS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two hourly series, one in a folder below, with a missing row."""
    inside = tmp_path / "in"
    (inside / "more").mkdir(parents=True)
    for number, path in enumerate((inside / "one.csv", inside / "more" / "two.csv")):
        index = np.arange(160)
        noise = np.random.default_rng(number).normal(0, 1, 160)
        times = pd.date_range("2026-01-05", periods=160, freq="h")
        frame = pd.DataFrame({"timestamp": times, "value": 20 + 5 * np.sin(2 * np.pi * index / 24) + noise})
        frame.drop(index=[50]).to_csv(path, index=False)
    return inside


def run(folder: Path, output: Path, *more: str, steps: int = 3) -> Result:
    arguments = [
        "backtest",
        "--input",
        str(folder),
        "--frequency",
        "1h",
        "--steps",
        str(steps),
        "--output",
        str(output),
    ]
    return CliRunner().invoke(main, [*arguments, *more])


def test_every_series_is_forecast_from_45_percent_on_every_second_hour(folder: Path, tmp_path: Path) -> None:
    result = run(folder, tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    assert "1 of 2: two" in result.stderr and "processor seconds:" in result.stderr
    frame = pd.read_csv(tmp_path / "out.csv", parse_dates=["issue_time", "valid_time"])
    assert tuple(frame.columns) == COLUMNS and set(frame["series"]) == {"one", "two"}
    issues = frame.loc[frame["series"] == "one", "issue_time"].unique()
    assert issues[0] == pd.Timestamp("2026-01-05") + pd.Timedelta(hours=72) and len(issues) == 44
    assert set((frame["valid_time"] - frame["issue_time"]) / pd.Timedelta(hours=1)) == {1.0, 2.0, 3.0}
    bounds = frame[["lower_95", "lower_80", "mean", "upper_80", "upper_95"]].to_numpy()
    assert np.isfinite(bounds).all() and (np.diff(bounds, axis=1) >= 0).all()
    assert frame["p_cross"].between(0, 1).all()
    assert (frame.groupby(["series", "issue_time"])["model"].nunique() == 1).all()


def test_asked_issue_times_get_what_the_whole_backtest_has_also_from_a_cut_series(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "all.csv")
    asked = tmp_path / "asked.csv"
    asked.write_text("series,issue_time\none,2026-01-10 08:00:00\none,2026-01-09 20:00:00\n")
    path = folder / "one.csv"
    lines = path.read_text().splitlines()
    cut = next(place for place, line in enumerate(lines) if line.startswith("2026-01-10 08:00:00"))
    path.write_text("\n".join(lines[: cut + 1]) + "\n")
    assert run(folder, tmp_path / "some.csv", "--issue-times", str(asked)).exit_code == 0
    whole, some = pd.read_csv(tmp_path / "all.csv"), pd.read_csv(tmp_path / "some.csv")
    keys = ["series", "issue_time", "valid_time"]
    both = some.merge(whole, on=keys, suffixes=("", "_whole"))
    assert len(some) == len(both) == 6
    for column in ("mean", "lower_80", "upper_95"):
        np.testing.assert_allclose(both[column], both[f"{column}_whole"], rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,value\n2026-01-01,1\n", "bad.csv: expected the columns timestamp and value; there is no timestamp"),
        ("timestamp,value\nyesterday,1\n", "bad.csv:"),
        ("timestamp,value\n2026-01-01,much\n", "bad.csv:"),
        ("timestamp,value\n", "bad.csv: values: expected at least one finite value"),
        ("", "bad.csv:"),
    ],
)
def test_a_file_that_is_no_series_is_named_and_nothing_is_written(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.csv").write_text(content)
    result = run(tmp_path / "in", tmp_path / "out.csv")
    assert result.exit_code == 1 and message in result.stderr and "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("series,issue_time\nthree,2026-01-09\n", "no file is called three.csv"),
        ("series,issue_time\none,2027-01-09\n", "2027-01-09 00:00:00 lies outside the series one"),
        ("series,when\none,2026-01-09\n", "has no column 'issue_time'"),
        ("series,issue_time\none,soon\n", "asked.csv"),
    ],
)
def test_issue_times_that_cannot_be_taken_are_refused(folder: Path, tmp_path: Path, content: str, message: str) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text(content)
    result = run(folder, tmp_path / "out.csv", "--issue-times", str(asked))
    assert result.exit_code == 1 and message in result.stderr


def test_an_empty_folder_and_a_place_that_cannot_be_written_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no CSV below" in run(tmp_path / "empty", tmp_path / "out.csv").stderr
    assert "output: cannot write" in run(folder, tmp_path / "nowhere" / "out.csv").stderr
