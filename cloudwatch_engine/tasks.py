"""What the worker does for a web process: forecast a data set, and try models on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cloudwatch_engine.forecasting import outlook_json
from cloudwatch_engine.models import ENSEMBLE, label_of, make, single_names
from cloudwatch_engine.outlook import look_ahead
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.training import models_json, recent_json
from cloudwatch_engine.trial import Trial, hold_trial, make_series
from ml_core.clock import format_time
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
    """Try the named models on a series and return the forecast of the best, which is named; raise ``InvalidInput``."""
    history, notes = _series(points)
    trial = _trial(history, names, horizon, budget_seconds, config)
    members = _forecasters(trial.members(trial.served), horizon, budget_seconds, config)
    for member in members:
        member.fit(history)
    tried = trial.with_fitted({member.name: member for member in members})
    outlook = look_ahead(history, tried, history.end_time, limit, alert_level)
    return {
        "forecaster": trial.served,
        "label": label_of(trial.served),
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
        "best": trial.served,
        "points": len(history),
        "origins": len(trial.tried.origins),
        "models": models_json(trial, {}),
        "recent": recent_json(trial),
        "notes": [*notes, *_gap_notes(history)],
    }


def _series(points: Points) -> tuple[Series, tuple[str, ...]]:
    return make_series({datetime.fromtimestamp(seconds, UTC): value for seconds, value in points})


def _trial(history: Series, names: Sequence[str], horizon: int, budget_seconds: float, config: dict[str, Any]) -> Trial:
    forecasters = _forecasters(single_names(names), horizon, budget_seconds, config)
    return hold_trial(history, forecasters, with_ensemble=ENSEMBLE in names)


def _forecasters(names: Sequence[str], horizon: int, budget_seconds: float, config: dict[str, Any]) -> list[Any]:
    read = SeedConfig.model_validate(config)
    return [make(name, read, horizon=horizon, budget_seconds=budget_seconds) for name in names]


def _gap_notes(history: Series) -> list[str]:
    gaps = history.gaps()
    slots = sum(gap.slots for gap in gaps)
    return [f"{slots:,} points are missing in {len(gaps):,} gaps; each is bridged by the last value"] if slots else []
