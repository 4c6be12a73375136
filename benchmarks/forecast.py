"""The forecasts' figures beside AutoARIMA's: ``make bench-forecast``, or ``python -m benchmarks.forecast``.

Runs the backtest command on the shared series and scores what it writes with the shared judge, which compares with
statsforecast's AutoARIMA at the same issue times. Prints one line for each figure on stdout; exits with 1 if any is
short.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import store
from benchmarks.figures import Figure, Sizes, progress
from benchmarks.store import Part
from ml_core.config import project_root


@dataclass(frozen=True, slots=True)
class Setting:
    """A way to forecast, and what is asked of it. ``reference_seconds``: AutoARIMA's processor time for one series.

    That is for two fits, with the forecasts between, as it was measured where the reference was made; its library is
    not installed here.
    """

    frequency: str
    steps: int
    most: float
    most_without_two: float
    reference_seconds: float
    most_times: float


SETTINGS: Mapping[str, Setting] = {
    "hourly": Setting("1h", 6, 0.80, 0.70, 18.0, 1.0),
    "12-steps": Setting("5min", 12, 0.70, 0.80, 2.2, 3.0),
    "72-steps": Setting("5min", 72, 0.60, 0.75, 2.2, 3.0),
}
DRAWS = 2000


def measure(setting: Setting, sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of one setting."""
    shared = Path(os.environ.get("SHARED", project_root().parent / "shared"))
    series, judge = shared / "data" / "series", shared / "bench" / "forecast_score.py"
    if not judge.exists():
        yield Figure("data", f"nothing at {shared}", "the shared series and their judge; set SHARED", met=False)
        return
    reference, data = folder / "reference.csv", folder / "data"
    names = _copied(series, setting.frequency, sizes.forecast_series, reference, data)
    output = folder / "forecasts.csv"
    seconds = _backtest(setting, data, output)
    judged = ["--data", str(data), "--forecasts", str(output), "--reference", str(reference)]
    scored = subprocess.run(
        [sys.executable, str(judge), *judged, "--steps", str(setting.steps), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(scored.stdout)
    yield from _figures(setting, found["summary"], found["by_series"], seconds / len(names))


def _copied(series: Path, frequency: str, most: int, reference: Path, data: Path) -> Sequence[str]:
    """Copy the reference and the series it speaks of, the first so many; return their names."""
    frame = pd.read_csv(series / f"autoarima_{frequency}.csv.gz")
    names = sorted(frame["series"].unique())[:most]
    frame[frame["series"].isin(names)].to_csv(reference, index=False)
    data.mkdir()
    for name in names:
        shutil.copy(series / frequency / f"{name}.csv", data)
    return names


def _backtest(setting: Setting, data: Path, output: Path) -> float:
    progress(f"backtest of {setting.frequency} x {setting.steps} steps ...")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "cloudwatch_engine", "backtest", "--input", str(data), "--output", str(output)]
    subprocess.run(
        [*command, "--frequency", setting.frequency, "--steps", str(setting.steps)], check=True, cwd=project_root()
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _figures(
    setting: Setting, summary: Mapping[str, Any], by_series: Sequence[Mapping[str, Any]], seconds: float
) -> Iterator[Figure]:
    def at_most(name: str, value: float, bound: float) -> Figure:
        return Figure(name, f"{value:.3f}", f"at most {bound:.2f}", met=value <= bound)

    yield at_most("MAE / AutoARIMA's", summary["mae_ratio"], setting.most)
    yield at_most("the same without the best two", summary["mae_ratio_without_best_two"], setting.most_without_two)
    yield at_most("the worst series", summary["worst_series"], 1.10)
    yield at_most("weighted quantile loss / AutoARIMA's", summary["wql_ratio"], 0.72)
    covered, share = summary["coverage_80"], summary["series_with_70_90"]
    yield Figure("coverage of 80 %", f"{covered:.3f}", "0.76 to 0.84", met=0.76 <= covered <= 0.84)
    yield Figure("series covered within 70-90 %", f"{share:.2f}", "at least 0.90", met=share >= 0.90)
    pairs = [(row["warning_ap"], row["warning_ap_ref"]) for row in by_series if _is_number(row.get("warning_ap"))]
    if pairs:
        gains = np.array([ours - theirs for ours, theirs in pairs])
        drawn = np.random.default_rng(0).choice(gains, (DRAWS, len(gains))).mean(axis=1)
        low, high = np.quantile(drawn, [0.05, 0.95])
        shown = f"{gains.mean():+.3f} [{low:+.3f} to {high:+.3f}, 90 % by bootstrap over {len(gains)} series]"
        yield Figure("average precision of warnings above AutoARIMA's", shown, "at least +0.03", gains.mean() >= 0.03)
    times = seconds / setting.reference_seconds
    shown = f"{times:.2f} times ({seconds:.1f} s a series)"
    yield Figure(
        "processor time / AutoARIMA's", shown, f"at most {setting.most_times:.0f}", times <= setting.most_times
    )


def _is_number(value: object) -> bool:
    return isinstance(value, float) and np.isfinite(value)


PARTS: Mapping[str, Part] = {name: partial(measure, setting) for name, setting in SETTINGS.items()}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
