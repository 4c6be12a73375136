"""AutoARIMA in an environment of its own: a task as JSON on its input, its forecasts as JSON on its output.

Orders are compared by conditional sums of squares, as R's ``auto.arima`` does for a season of this length, and the one
that is chosen is fitted exactly: a thirteenth of the time, for the same order on the made-up main server.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np


def forecasts(task: dict[str, Any]) -> list[list[float]]:
    """Return the forecasts from each of ``windows``, ``horizon`` steps, of a model fitted on ``fitted_on`` alone."""
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(season_length=task["season"], approximation=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of orders that are tried and do not converge
        model.fit(np.array(task["fitted_on"]))
        windows = (np.array(window) for window in task["windows"])
        return [model.forward(window, h=task["horizon"])["mean"].tolist() for window in windows]


if __name__ == "__main__":
    print(json.dumps(forecasts(json.load(sys.stdin))))
