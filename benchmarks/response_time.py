"""The six models' figures: ``make bench-response-time``, or ``python -m benchmarks.response_time``.

On 60 days of the made-up controller, and on the shared hourly series beside statsforecast's AutoARIMA at the same issue
times. An error is the root of the mean square by hours ahead; a figure is the geometric mean of its ratios to another's
over hours and series. Prints one line for each figure on stdout; exits with 1 if any is short.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import store
from benchmarks.figures import Figure, Sizes, progress
from benchmarks.store import Part
from cloudwatch_engine.backtest import read_series
from forecasting_jobs.response_time.metric_data import HOUR, Point, hourly_values
from forecasting_jobs.response_time.metrics import ART
from forecasting_jobs.response_time.simulated_load import SERVERS, SimulatedLoad
from forecasting_jobs.response_time.train_model import HORIZON
from ml_core.config import project_root
from ml_core.forecasters.backtest import backtest
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.direct_hours import DirectHours
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.timeseries.series import Floats, Series, regular_series

END = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = 60
REFITS = (0.45, 0.70)
"""Shares of a series at which all are fitted anew, as the reference was."""


def made_up(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures on the made-up servers, the first so many."""
    ratios: dict[str, list[Floats]] = {}
    for server in SERVERS[: sizes.forecast_series]:
        progress(f"the made-up {server} ...")
        history = _made_up_series(server)
        origins = np.arange(int(REFITS[1] * len(history)), len(history) - 1)
        for name, errors in _errors(history, origins).items():
            ratios.setdefault(name, []).append(errors)
    yield from _figures("made-up servers", ratios)


def shared_series(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures on the shared hourly series, the first so many."""
    data = Path(os.environ.get("SHARED", project_root().parent / "shared")) / "data" / "series"
    if not data.exists():
        yield Figure("data", f"nothing at {data}", "the shared series; set SHARED", met=False)
        return
    reference = pd.read_csv(data / "autoarima_1h.csv.gz")
    ratios: dict[str, list[Floats]] = {}
    for name in sorted(reference["series"].unique())[: sizes.forecast_series]:
        progress(f"the series {name} ...")
        history = read_series(data / "1h" / f"{name}.csv", HOUR)
        rows = reference[reference["series"] == name]
        issued = pd.DatetimeIndex(rows["issue_time"].unique(), tz=UTC)
        origins = np.array(sorted(history.index_at(time.to_pydatetime()) for time in issued), dtype=np.int64)
        said = rows.sort_values(["issue_time", "valid_time"])["mean"].to_numpy(dtype=np.float64)
        for rival, errors in _errors(history, origins, said.reshape(len(origins), HORIZON)).items():
            ratios.setdefault(rival, []).append(errors)
    yield from _figures("shared series", ratios)


def _made_up_series(server: str) -> Series:
    start = END - timedelta(days=DAYS)
    measured = SimulatedLoad().measured(server, ART, start, END, END + timedelta(hours=3))
    points = [
        Point(datetime.fromtimestamp(60 * minute, UTC), 1, count, total)
        for minute, count, total in zip(
            measured.minutes.tolist(), measured.count.tolist(), measured.total.tolist(), strict=True
        )
    ]
    hours = hourly_values(points, END)
    return regular_series(list(hours), list(hours.values()), HOUR)


def _errors(history: Series, origins: np.ndarray, autoarima: Floats | None = None) -> dict[str, Floats]:
    """Return by rival the ratio of the six models' error to the rival's, by hours ahead."""
    rivals: list[Forecaster] = [kind(horizon=HORIZON) for kind in (DirectHours, Naive, SeasonalNaive)]
    refits = [int(share * len(history)) for share in REFITS]
    origins_used = origins[origins >= refits[0]]
    tried = backtest(history, rivals, origins=origins_used, refits=[min(refits[0], int(origins_used[0])), refits[1]])
    points = {name: path.point for name, path in tried.paths.items()}
    if autoarima is not None:
        points["AutoARIMA"] = autoarima[origins >= refits[0]]
    squares = {name: (tried.truths - point) ** 2 for name, point in points.items()}
    errors = {name: np.sqrt(np.nanmean(square, axis=0)) for name, square in squares.items()}
    ours = errors.pop(DirectHours.name)
    return {name: ours / theirs for name, theirs in errors.items()}


def _figures(where: str, ratios: Mapping[str, Sequence[Floats]]) -> Iterator[Figure]:
    for rival, found in ratios.items():
        table = np.log(np.stack(found))
        by_hour = ", ".join(f"{value:.2f}" for value in np.exp(table.mean(axis=0)))
        value = float(np.exp(table.mean()))
        shown = f"{value:.3f} (1H to 6H: {by_hour}; {len(found)} series)"
        yield Figure(f"{where}: RMSE / {rival.replace('_', ' ')}'s", shown, "below 1", met=value < 1)


PARTS: Mapping[str, Part] = {"made-up": partial(made_up), "shared": partial(shared_series)}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
