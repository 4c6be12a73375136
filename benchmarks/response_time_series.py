"""What the six models are measured on and beside: 60 days of the made-up controller, and statsforecast's AutoARIMA."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor_anchors import anchors_python
from forecasting_jobs.response_time.histories import series_beside
from forecasting_jobs.response_time.metric_data import HOUR, hourly_values, read_answer
from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, METRIC_PATHS, metric_path, series_name
from forecasting_jobs.response_time.simulated_answers import metric_data
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.config import project_root
from ml_core.settings import ResponseTimeSettings
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import filled_forward

REQUIREMENTS = ("statsforecast==2.0.*",)
"""What AutoARIMA is in, with libraries that the suite's own processes must not find, for pandas would load them."""
_LONGEST_SECONDS = 3_600
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = 60
SEEN_HOURS = 336
"""What AutoARIMA is fitted on and forecasts from, as it was for the shared reference."""


def made_up_hours() -> dict[str, Floats]:
    """Return by series what a first fetch brings of the made-up controller: the six main metrics of eight servers."""
    start = END - timedelta(days=DAYS)
    found: dict[str, Floats] = {}
    for metric in MAIN_METRICS:
        pattern = METRIC_PATHS[metric]
        question = {
            "metric-path": metric_path(pattern),
            "time-range-type": "BEFORE_TIME",
            "end-time": str(round(END.timestamp() * 1000)),
            "duration-in-mins": str(DAYS * 24 * 60),
            "rollup": "false",
        }
        content = metric_data(SimulatedLoad(), question, END + 3 * HOUR, METRIC_PATHS)
        for server, points in read_answer(content, pattern).points.items():
            values = np.full(DAYS * 24, np.nan)
            for time, value in hourly_values(points, END).items():
                values[(time - start) // HOUR] = value
            found[series_name("ABP", server, metric)] = values
    return found


def made_up_history(hours: dict[str, Floats], server: str) -> Series:
    """Return the response time of a server as if it were the main one, with what a forecast may look at beside."""
    beside = series_beside(hours, ResponseTimeSettings(main_server=server))
    values = hours[series_name("ABP", server, ART)]
    return Series(END - timedelta(days=DAYS), HOUR, values, {name: hours[name] for name in beside})


def autoarima(
    history: Series, origins: NDArray[np.int64], cut: int, horizon: int, *, season: int = 24, seen: int = SEEN_HOURS
) -> Floats:
    """Return AutoARIMA's forecasts ``(origins, horizon)``: chosen and fitted at ``cut``, then given the new hours."""
    known = seen_before(history, [cut, *origins.tolist()], seen)
    task = {"fitted_on": known[0], "windows": known[1:], "season": season, "horizon": horizon}
    done = subprocess.run(
        [anchors_python("bench-autoarima", REQUIREMENTS), str(project_root() / "benchmarks" / "autoarima_anchor.py")],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_LONGEST_SECONDS,
    )
    return np.array(json.loads(done.stdout), dtype=np.float64)


def seen_before(history: Series, places: Sequence[int], seen: int) -> list[list[float]]:
    """Return for each place the last ``seen`` values up to it, gaps filled from before."""
    values = filled_forward(history.values)
    return [values[max(0, place + 1 - seen) : place + 1].tolist() for place in places]
