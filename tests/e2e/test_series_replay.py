"""The time machine for models that forecast a series: their jobs, checks and training, as processes on a scratch store.

Of each kind two histories are replayed that are the same up to a time. What is said before it must be the same too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_core.clock import format_time, parse_time
from ml_core.config import project_root
from ml_core.store.json_store import JsonStore
from tests.processes import own_folders
from tests.series_to_replay import HOUR, LATE, hours, record

START = parse_time("2026-11-17T00:00:00Z")
CHANGE = START + 4 * HOUR
END = START + 12 * HOUR
STEADY_END = START + 6 * HOUR
DAYS = timedelta(days=11)
RULE = """rules:
- {name: bad-hours, model: MODEL, watches: forecast, metrics: [mean_absolute_error], segment_by: series, chunk: hour,
   threshold: {upper: 8.0}, fires_on: 2 of 3, clears_after: 2, minimum_rows: 1, severity: critical, channels: [],
   retrain: true}
"""


@dataclass(frozen=True)
class Replayed:
    """A replay: what was told, and the stores before and after it."""

    told: Mapping[str, Any]
    real: Path
    scratch: Path

    def texts(self, kind: str) -> list[str]:
        return [f"{each['time']} {each['text']}" for each in self.told["happenings"] if each["kind"] == kind]

    def said(self, series: str, until: datetime = END) -> pd.DataFrame:
        """Return the steps of the forecasts in the scratch store that were issued as of hours known at a time."""
        with closing(JsonStore(self.scratch)) as store:
            return store.forecasts(series, START - HOUR, END + 10 * HOUR, issued_before=until - LATE)


def environment_of(store: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a store that lies in a folder, with what belongs to it beside."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    return {**inherited, **own_folders(store.parent), "ML_CLOCK_OFFSET": "P365D", **settings}


def replayed(
    folder: Path, model: str, series: str, settings: Mapping[str, str], *options: str, changes: bool
) -> Replayed:
    """Replay a history up to ``END``, whose values are higher from ``CHANGE`` on; or a steady one for a while."""
    folder.mkdir()
    environment = environment_of(folder / "real" / "store", settings)
    with closing(JsonStore(folder / "real" / "store")) as store:
        record(store, series, hours(START - DAYS, END + 9 * HOUR), CHANGE if changes else None)
    (folder / "rules.yaml").write_text(RULE.replace("MODEL", model))
    run(environment, "ml_monitor", "rules", "apply", str(folder / "rules.yaml"), "--yes")
    span = START, END if changes else STEADY_END
    return replay(environment, folder / "real" / "store", folder / "replay", model, span, options)


def replay(
    environment: Mapping[str, str],
    store: Path,
    folder: Path,
    model: str,
    span: tuple[datetime, datetime],
    options: Sequence[str] = (),
) -> Replayed:
    start, end = (format_time(time) for time in span)
    command = ["forecasting_jobs", "replay", "--model", model, "--from", start, "--to", end, "--every", "3h"]
    run(environment, *command, "--folder", str(folder), *options)
    return Replayed(json.loads((folder / "replay.json").read_text()), store, folder / "store")


def run(environment: Mapping[str, str], *command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project_root(),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


def check_both(steady: Replayed, changed: Replayed, series: str) -> None:
    """Check what is the same for every kind: nothing is known early, and the change is noticed, not foreseen."""
    with closing(JsonStore(changed.scratch)) as scratch, closing(JsonStore(changed.real)) as real:
        columns = ["time", "value", "received_time"]
        known = real.observations(series, START - DAYS, END + DAYS, known_at=END)[columns]
        assert scratch.observations(series, START - DAYS, END + DAYS)[columns].equals(known)
        assert real.forecasts(series, START - DAYS, END + DAYS).empty and real.list_models() == []
    one, other = (each.said(series, CHANGE) for each in (steady, changed))
    assert one["issue_time"].nunique() >= 4 and one.equals(other)
    assert not steady.said(series, STEADY_END).equals(changed.said(series, STEADY_END))
    assert len(steady.texts("champion")) == len(changed.texts("champion")) == 1  # trained on what was known at first
    (first,) = steady.texts("retraining")
    assert " promoted by " in first and steady.texts("failure") == changed.texts("failure") == []
    fires = [text for text in changed.texts("alert") if "bad-hours" in text and text.endswith("-> firing")]
    assert len(fires) == 1 and not [text for text in steady.texts("alert") if "bad-hours" in text]
    assert fires[0][:20] > format_time(CHANGE)
    trained = [text for text in changed.texts("retraining") if " trained by " in text]
    assert len(trained) == 1 and trained[0][:20] == fires[0][:20]
    assert changed.told["checks"] == 4 and changed.told["trained"] == 1


def check_again(first: Replayed, folder: Path, series: str, settings: Mapping[str, str]) -> None:
    """Check that what a model has said in earnest is said again, to the last digit, by the champion of that time."""
    span = START + 2 * HOUR, START + 5 * HOUR
    store = first.scratch
    again = replay(environment_of(store, settings), store, folder, first.told["model"], span)
    steps = [each.said(series, span[1]) for each in (first, again)]
    assert len(steps[0]) >= 6 * 5 and steps[0].equals(steps[1])
    assert [text[20:] for text in again.texts("champion")] == [text[20:] for text in first.texts("champion")]
    assert again.told["trained"] == 0


@pytest.mark.deep
def test_a_model_of_cpu_is_replayed_with_its_own_jobs(tmp_path: Path) -> None:
    series = "cloudwatch/i-0abc/CPUUtilization"
    settings = {"ML_CLOUDWATCH__PERIOD_SECONDS": "3600", "ML_CLOUDWATCH__HORIZON_STEPS": "6"}
    settings |= {"ML_CLOUDWATCH__LIMIT": "80", "ML_CLOUDWATCH__MODEL_SECONDS": "0.5"}
    both = [  # networks that have so many seconds come out otherwise each time
        replayed(tmp_path / str(changes), "cpu-i-0abc", series, settings, "--without-training", changes=changes)
        for changes in (False, True)
    ]
    check_both(both[0], both[1], series)
    begins = [text for text in both[1].texts("warning") if "overload_warning begins" in text]
    assert begins and begins[0][:20] > format_time(CHANGE) and both[0].texts("warning") == []


def test_a_model_of_response_time_is_replayed_with_its_own_jobs(tmp_path: Path) -> None:
    series = "response-time/ABP/ABP/avg_response_time_ms"
    settings = {"ML_RESPONSE_TIME__HISTORY_DAYS": "11"}
    both = [
        replayed(tmp_path / str(changes), "response-time-ABP", series, settings, changes=changes)
        for changes in (False, True)
    ]
    check_both(both[0], both[1], series)
    check_again(both[1], tmp_path / "again", series, settings)
