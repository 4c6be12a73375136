"""Trains the models of one instance: a trial, versions in the registry, and the forecast of the best.

1. Read the newest stretch of the instance's CPU.
2. Try every forecaster on it (``trial``), within its budget of time; one that fails is told with its reason.
3. Fit those that a served forecast is made of, and the three of the first system, on all of it, each starting from its
   last version.
4. Register a version of the former together and of each of the latter, without pickle, and make the first the champion.
5. Keep all scores, and issue the forecasts.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from cloudwatch_engine import kept
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.forecasting import issue, read_series
from cloudwatch_engine.history import trial_points
from cloudwatch_engine.models import SEED_MODELS, all_names, label_of, make_all, shape_of, single_names
from cloudwatch_engine.names import CPU, model_name, series_name
from cloudwatch_engine.trial import Trial, hold_trial
from ml_core.artifacts.folders import verify_artifact
from ml_core.artifacts.forecaster_format import TriedForecasters, member_file
from ml_core.clock import format_time
from ml_core.errors import ArtifactError, NotFound, SuiteError
from ml_core.forecasters.backtest import Progress, no_progress
from ml_core.forecasters.base import CannotForecast, Forecaster
from ml_core.records import FeatureSpec, Forecast, ForecastStep, Model, ModelVersion
from ml_core.retraining.promoting import promote
from ml_core.timeseries.series import Series

log = logging.getLogger(__name__)
_FEATURES = (FeatureSpec("value", "number"),)


def train_instance(
    engine: Engine, instance: str, *, names: Sequence[str] | None = None, progress: Progress = no_progress
) -> dict[str, Any]:
    """Train the models of an instance, all or those named, and return what came of it, as it is kept.

    Raises ``NotFound`` for an instance without metrics, and ``InvalidInput`` for a series that is too short.
    """
    history = read_series(engine, instance)
    names = names or all_names()
    trial = hold_trial(history, make_all(engine, single_names(names)), names=names, progress=progress)
    model = _register_model(engine, instance)
    fitted = _fit_last(engine, model, history, trial, progress)
    versions = {name: _register(engine, model, trial, name, members) for name, members in fitted.items()}
    registry = engine.registry
    served = versions[trial.preferred].number
    why = f"version {served}: {trial.preferred} did best in the backtest"
    promote(registry, registry.find(model.name), served, why=why)
    for name, tried in fitted.items():
        if name != trial.preferred:
            _issue_beside(engine, instance, history, name, tried.members[name], versions[name].number)
    content = _content(engine, instance, trial, versions)
    kept.put_newest(engine.store, kept.TRIALS, instance, content)
    scored = {entry.name: dict(entry.scores) for entry in trial.models if entry.scores is not None}
    engine.store.put_metric_points(trial_points(instance, engine.clock.now(), history.step, scored))
    issue(engine, instance, history, fitted[trial.preferred], history.end_time, served)
    log.info("%s: %s is served, version %d", instance, label_of(trial.preferred), served)
    return content


def challenge(engine: Engine, instance: str, history: Series, names: Sequence[str] | None = None) -> ModelVersion:
    """Try models on a history, all or those named, and register the best, fitted on it, without promoting it.

    It does not start from its last version, which may have seen what comes after. Raises ``InvalidInput``.
    """
    names = names or all_names()
    trial = hold_trial(history, make_all(engine, single_names(names)), names=names)
    members = {member.name: member for member in make_all(engine, trial.members)}
    for member in members.values():
        member.fit(history)
    model = _register_model(engine, instance)
    return _register(engine, model, trial, trial.preferred, trial.with_fitted(members))


def _register_model(engine: Engine, instance: str) -> Model:
    engine.registry.add_model(
        Model(
            name=model_name(instance),
            title=f"CPU of {instance}",
            task="forecast",
            created_time=engine.clock.now(),
            headline_metric="mean_absolute_error",
        )
    )
    return engine.registry.find(model_name(instance))


def _fit_last(
    engine: Engine, model: Model, history: Series, trial: Trial, progress: Progress
) -> dict[str, TriedForecasters]:
    """Return what is served and the seed's three, fitted on all of the history; each starts from its last version.

    Not those of the trial: a network that went on from a version would have seen what it was tried on.
    """
    wanted = {name: (name,) for name in SEED_MODELS if name in trial.able} | {trial.preferred: trial.members}
    fitted = {}
    for number, (name, names) in enumerate(wanted.items()):
        progress(f"fitting {label_of(name)} on all", number, len(wanted))
        members: dict[str, Forecaster] = {}
        for member in make_all(engine, names):
            try:
                _start_warm(engine, model, member)
                member.fit(history)
                members[member.name] = member
            except CannotForecast as error:
                log.warning("%s: %s: %s", model.name, member.name, error.message)
        if not members:
            if name == trial.preferred:
                raise CannotForecast(f"{label_of(name)} cannot be fitted on all of the series")
            continue
        fitted[name] = trial.with_fitted(members)
    return fitted


def _start_warm(engine: Engine, model: Model, forecaster: Forecaster) -> None:
    shape = shape_of(forecaster.name, engine.config)
    for version in reversed(engine.store.list_versions(model.name)):
        if version.parameters.get("forecaster") == forecaster.name and version.parameters.get("shape") == shape:
            # Whatever is wrong with it (another horizon, a file that is gone) is no reason not to train anew.
            with contextlib.suppress(ArtifactError, NotFound):
                folder = engine.registry.artifact_folder(version)
                verify_artifact(folder, version.artifact_sha256 or "")
                forecaster.load(member_file(folder, forecaster.name))
            return


def _register(engine: Engine, model: Model, trial: Trial, name: str, tried: TriedForecasters) -> ModelVersion:
    (entry,) = (entry for entry in trial.models if entry.name == name)
    history = trial.served.tried.history
    return engine.registry.add_version(
        model,
        tried,
        "forecaster",
        metrics=dict(entry.scores or {}),
        features=_FEATURES,
        parameters={
            "forecaster": name,
            "members": list(tried.members),
            "shape": shape_of(name, engine.config),
            "horizon": trial.served.tried.horizon,
            "step_seconds": history.step.total_seconds(),
        },
        lineage={
            "series": series_name(model.name.removeprefix("cpu-"), CPU),
            "first_time": format_time(history.start_time),
            "cut_off_time": format_time(history.end_time),
            "points": len(history),
            "gaps": sum(gap.slots for gap in history.gaps()),
        },
        reference=_reference(trial),
    )


def _reference(trial: Trial) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": [format_time(time) for time in trial.recent_times],
            "value": trial.recent_predictions,
            "truth": trial.recent_truths,
        }
    )


def _issue_beside(
    engine: Engine, instance: str, history: Series, name: str, forecaster: Forecaster, version: int
) -> None:
    """Store what one that is not served says, under a name of its own, so that it can be judged later."""
    try:
        path = forecaster.forecast(history)
    except SuiteError as error:
        log.warning("%s: %s has no forecast: %s", instance, name, error.message)
        return
    steps = tuple(ForecastStep(time, float(value)) for time, value in zip(path.valid_times(), path.point, strict=True))
    series = series_name(instance, CPU)
    engine.store.put_forecast(Forecast(series, f"{model_name(instance)}.{name}", path.issue_time, steps, version))


def _content(engine: Engine, instance: str, trial: Trial, versions: dict[str, ModelVersion]) -> dict[str, Any]:
    history = trial.served.tried.history
    return {
        "time": format_time(history.end_time),
        "trained_time": format_time(engine.clock.now()),
        "instance": instance,
        "series": series_name(instance, CPU),
        "unit": "%",
        "limit": engine.limit_of(instance),
        "step_seconds": int(history.step.total_seconds()),
        "horizon_steps": trial.served.tried.horizon,
        "points": len(history),
        "gaps": sum(gap.slots for gap in history.gaps()),
        "origins": trial.origins,
        "served": trial.preferred,
        "chosen_by": "mean_absolute_error",
        "version": versions[trial.preferred].number,
        "models": models_json(trial, {name: version.number for name, version in versions.items()}),
        "recent": recent_json(trial),
    }


def models_json(trial: Trial, versions: dict[str, int]) -> list[dict[str, Any]]:
    """Return the models of a trial, best first, as they are told."""
    return [
        {
            "name": entry.name,
            "label": label_of(entry.name),
            "is_served": entry.name == trial.preferred,
            "is_of_the_first_system": entry.name in SEED_MODELS,
            "scores": None if entry.scores is None else dict(entry.scores),
            "reason": entry.reason,
            "seconds": round(entry.seconds, 3),
            "version": versions.get(entry.name),
        }
        for entry in trial.models
    ]


def recent_json(trial: Trial) -> dict[str, Any]:
    """Return what was served in the last part of the series, and what came, in the metric's unit."""
    return {
        "valid_times": [format_time(time) for time in trial.recent_times],
        "truths": trial.recent_truths.tolist(),
        "predictions": trial.recent_predictions.tolist(),
    }


def training_age(engine: Engine, instance: str) -> timedelta | None:
    """Return how long ago the instance was trained last; None if it never was."""
    trial = kept.read_newest(engine.store, kept.TRIALS, instance)
    return None if trial is None else engine.clock.now() - datetime.fromisoformat(trial["trained_time"])
