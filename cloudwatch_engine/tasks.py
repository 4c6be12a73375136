"""What the worker does for a web process: forecast a data set, and try models on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cloudwatch_engine.forecasting import outlook_json
from cloudwatch_engine.models import label_of, make, single_names
from cloudwatch_engine.outlook import newest_outlook
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.training import models_json, recent_json
from cloudwatch_engine.trial import Trial, check_length, hold_trial, make_series
from ml_core.clock import format_time
from ml_core.forecasters.trial import cut_offs, trial_origins, usual_stride
from ml_core.timeseries.series import Series

Points = Sequence[tuple[float, float]]
"""Seconds since the epoch and values."""


def forecast(
    points: Points,
    names: Sequence[str],
    *,
    horizon: int,
    budget_seconds: float,
    config: dict[str, Any],
    limit: float,
    alert_level: float,
) -> dict[str, Any]:
    """Try the named models on a series and return the forecast of the preferred one; raise ``InvalidInput``.

    ``budget_seconds`` is about how long one model may take for all its fits.
    """
    history, notes = _series(points)
    trial = _trial(history, names, horizon, budget_seconds, config, limit)
    outlook = newest_outlook(trial.served, alert_level)
    return {
        "forecaster": outlook.forecaster,
        "label": label_of(outlook.forecaster),
        "unit": "%",
        "issue_time": format_time(outlook.issue_time),
        "step_seconds": history.step.total_seconds(),
        **outlook_json(outlook),
        "models": models_json(trial, {}),
        "notes": [*notes, *_gap_notes(history)],
    }


def validate(
    points: Points, names: Sequence[str], *, horizon: int, budget_seconds: float, config: dict[str, Any]
) -> dict[str, Any]:
    """Try the named models on a series and return their scores; raise ``InvalidInput``."""
    history, notes = _series(points)
    trial = _trial(history, names, horizon, budget_seconds, config)
    return {
        "unit": "%",
        "best": trial.preferred,
        "points": len(history),
        "origins": trial.origins,
        "models": models_json(trial, {}),
        "recent": recent_json(trial),
        "notes": [*notes, *_gap_notes(history)],
    }


def _series(points: Points) -> tuple[Series, tuple[str, ...]]:
    return make_series({datetime.fromtimestamp(seconds, UTC): value for seconds, value in points})


def _trial(
    history: Series,
    names: Sequence[str],
    horizon: int,
    budget_seconds: float,
    config: dict[str, Any],
    limit: float | None = None,
) -> Trial:
    check_length(history, horizon)
    origins = trial_origins(history, usual_stride(history.step, horizon), len(history) - 1)
    budget = budget_seconds / len(cut_offs(origins))
    read = SeedConfig.model_validate(config)
    forecasters = [make(name, read, horizon=horizon, budget_seconds=budget) for name in single_names(names)]
    return hold_trial(history, forecasters, limit, names)


def _gap_notes(history: Series) -> list[str]:
    gaps = history.gaps()
    slots = sum(gap.slots for gap in gaps)
    return [f"{slots:,} points are missing in {len(gaps):,} gaps; each is bridged by the last value"] if slots else []
