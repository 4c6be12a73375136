"""What the six models are measured on and beside: 60 days of the made-up controller, and statsforecast's AutoARIMA."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting_jobs.response_time.histories import series_beside
from forecasting_jobs.response_time.metric_data import HOUR, hourly_values, read_answer
from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, METRIC_PATHS, metric_path, series_name
from forecasting_jobs.response_time.simulated_answers import metric_data
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.settings import ResponseTimeSettings
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import filled_forward

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
    """Return AutoARIMA's forecasts ``(origins, horizon)``: chosen and fitted at ``cut``, then given the new hours.

    Orders are compared by conditional sums of squares, as R's ``auto.arima`` does for a season of this length, and the
    one that is chosen is fitted exactly: a thirteenth of the time, for the same order on the made-up main server.
    """
    from statsforecast.models import AutoARIMA

    values = filled_forward(history.values)
    model = AutoARIMA(season_length=season, approximation=True)
    windows = (values[max(0, int(origin) + 1 - seen) : int(origin) + 1] for origin in origins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of orders that are tried and do not converge
        model.fit(values[max(0, cut + 1 - seen) : cut + 1])
        return np.stack([model.forward(window, h=horizon)["mean"] for window in windows])
