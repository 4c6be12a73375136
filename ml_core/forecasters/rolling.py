"""Served forecasts at past issue times: what would have been served then, by the code that serves now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import Progress, no_progress
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.serving import Served, serve
from ml_core.forecasters.trial import trial, trial_start
from ml_core.timeseries.series import Floats, Series

FIRST_SHARE = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Rolled:
    """Served forecasts by issue index: see ``Served``; ``chance`` is that of crossing the limit within the horizon."""

    issues: NDArray[np.int64]
    models: Sequence[str]
    quantiles: Floats
    chance: Floats
    seconds: dict[str, float]


def usual_issues(length: int, stride: int) -> NDArray[np.int64]:
    """Return the issue indices of a backtest: from 45 % of the series on, as long as a value follows."""
    return np.arange(int(FIRST_SHARE * length), length - 1, stride, dtype=np.int64)


def roll(
    history: Series,
    issues: Sequence[int] | NDArray[np.int64],
    forecasters: Callable[[], Sequence[Forecaster]],
    *,
    stride: int,
    limit: float,
    progress: Progress = no_progress,
) -> Rolled:
    """Return what would have been served at each of ``issues``, ascending.

    Issue times whole strides apart share a trial, each row of which is as of its own time; others get one of their own,
    with forecasters newly made by ``forecasters``.
    """
    wanted = np.unique(np.asarray(issues, dtype=np.int64))
    parts: list[tuple[NDArray[np.int64], Served, NDArray[np.int64]]] = []
    seconds: dict[str, float] = {}
    for phase in np.unique(wanted % stride):
        asked = wanted[wanted % stride == phase]
        for ending in _trials(history, asked, stride):
            tried = trial(history, forecasters(), stride=stride, issue_index=int(ending[-1]), progress=progress)
            rows = np.searchsorted(tried.origins, ending)
            parts.append((ending, serve(tried, limit), rows))
            for name, spent in tried.seconds.items():
                seconds[name] = seconds.get(name, 0.0) + spent
    order = np.argsort(np.concatenate([ending for ending, _, _ in parts]))
    models = [served.models[row] for _, served, rows in parts for row in rows]
    quantiles = np.concatenate([served.quantiles[rows] for _, served, rows in parts])
    chances = [served.overload.chance[rows] for _, served, rows in parts if served.overload is not None]
    return Rolled(
        np.concatenate([ending for ending, _, _ in parts])[order],
        [models[place] for place in order],
        quantiles[order],
        np.concatenate(chances)[order],
        seconds,
    )


def _trials(history: Series, asked: NDArray[np.int64], stride: int) -> list[NDArray[np.int64]]:
    """Return groups of issues that one trial can answer: those of which it begins at the same index."""
    starts = np.array([trial_start(history, int(issue), stride) for issue in asked])
    return np.split(asked, np.flatnonzero(np.diff(starts)) + 1)
