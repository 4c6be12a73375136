"""The loop of link traffic in real processes, sped up by a replay: a change of pattern, and a quarter without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecasting_jobs.link_traffic.files import write_table
from forecasting_jobs.link_traffic.simulated_links import PAIRS, SimulatedLinks
from ml_core.clock import format_time, parse_time
from ml_core.config import project_root
from tests.processes import own_folders

pytestmark = pytest.mark.deep
DAY = timedelta(days=1)
CHANGE = parse_time("2026-10-05T00:00:00Z")
LEARNT_DAYS = 40
RULE = "performance of rmse by link_traffic_hourly-rmse"


def replayed(
    folder: Path, made_up: SimulatedLinks, pairs: Sequence[tuple[str, str]], days: tuple[int, int], check_every: int
) -> Mapping[str, Any]:
    """Replay some of the links over ``days`` before and after the change; return what the replay has written."""
    start, end = CHANGE + days[0] * DAY, CHANGE + days[1] * DAY
    table = made_up.traffic(start - LEARNT_DAYS * DAY, end)
    folder.mkdir(exist_ok=True)
    write_table(
        folder / "links.csv", table[[pair in pairs for pair in zip(table["link"], table["location"], strict=True)]]
    )
    command = [sys.executable, "-m", "forecasting_jobs", "replay", "--model", "link_traffic_hourly"]
    command += ["--from", format_time(start), "--to", format_time(end), "--input", str(folder / "links.csv")]
    command += ["--epochs", "12", "--folder", str(folder / "replay")]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    own = {**own_folders(folder / "real"), "ML_LINK_TRAFFIC__CHECK_EVERY": str(check_every)}
    own["ML_CLOCK_OFFSET"] = "P365D"  # what a file holds is of the past
    done = subprocess.run(
        command, cwd=project_root(), env={**inherited, **own}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: Mapping[str, Any] = json.loads((folder / "replay" / "replay.json").read_text())
    return told


def error_of(told: Mapping[str, Any], first: str, last: str) -> float:
    """Return the RMSE over the days of ``first <= day < last``, which hold as many forecasts each."""
    values = [day["value"] for day in told["days"] if first <= day["time"] < last and day["value"] is not None]
    return float(np.sqrt(np.mean(np.square(values))))


def first_time(told: Mapping[str, Any], kind: str, text: str) -> str:
    times: list[str] = [each["time"] for each in told["happenings"] if each["kind"] == kind and text in each["text"]]
    assert times, f"no {kind} with {text!r} in {told['happenings']}"
    return times[0]


def test_a_change_is_noticed_within_two_checks_a_challenger_takes_over_and_the_alert_resolves(tmp_path: Path) -> None:
    told = replayed(tmp_path, SimulatedLinks(3, CHANGE), PAIRS[::2], (-14, 21), check_every=6)
    change = format_time(CHANGE)
    fires = first_time(told, "alert", f"{RULE}: pending -> firing")
    assert change < fires <= format_time(CHANGE + 2 * 3 * DAY)
    trained, promoted = (first_time(told, "retraining", f"{word} by") for word in ("trained", "promoted"))
    assert fires <= trained <= promoted
    resolved = first_time(told, "alert", f"{RULE}: firing -> resolved")
    assert promoted <= resolved
    day_after = parse_time(promoted).replace(hour=0) + DAY
    before, between = error_of(told, "", change), error_of(told, change, promoted[:10])
    after = error_of(told, format_time(day_after), format_time(day_after + 14 * DAY))
    assert between > 3 * before
    assert after <= 1.2 * before, f"before {before:.3f}, until the promotion {between:.3f}, after it {after:.3f}"


def test_without_a_change_nothing_is_trained_anew_in_ninety_days(tmp_path: Path) -> None:
    told = replayed(tmp_path, SimulatedLinks(3), PAIRS[::5], (-60, 30), check_every=30)
    assert told["checks"] >= 5
    assert (told["trained"], told["promoted"]) == (0, 0)
    assert not [each for each in told["happenings"] if each["kind"] == "retraining"]
    assert len([day for day in told["days"] if day["value"] is not None]) >= 75
