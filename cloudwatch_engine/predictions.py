"""What ``GET /predictions`` and ``GET /compare`` tell: the newest forecast and the newest trial of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cloudwatch_engine import kept
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.wire import centred, scaled
from ml_core.clock import parse_time
from ml_core.errors import NotFound, Unavailable


class NoForecastYet(Unavailable):
    """Nothing was trained yet for this instance; a first training takes seconds once its metrics are there."""

    code = "no_forecast_yet"
    retry_after_seconds = 10


def choose_instance(engine: Engine, wanted: str | None) -> str:
    """Return the instance that is meant: the one named, else the first that has a forecast of now.

    Raises ``NotFound`` for one of which nothing is known, and ``NoForecastYet`` if there is none at all.
    """
    known = engine.instances()
    if wanted is not None:
        if wanted not in known:
            raise NotFound("no metrics of this instance are known; GET /predictions lists those that are")
        return wanted
    outlooks = {document.key: document.content for document in engine.store.list_documents(kept.OUTLOOKS)}
    if not outlooks:
        raise NoForecastYet("no forecast was made yet: the first one follows the first fetch and training")
    return min(outlooks, key=lambda instance: (stale_reason(engine, outlooks[instance]) is not None, instance))


def read_predictions(engine: Engine, wanted: str | None) -> dict[str, Any]:
    """Return the newest forecast, in the unit of the metric, beside the old ``prediction``, scaled to 0 to 1."""
    instance = choose_instance(engine, wanted)
    outlook = kept.read_newest(engine.store, kept.OUTLOOKS, instance)
    if outlook is None:
        raise NoForecastYet(f"no forecast of {instance} was made yet: it follows the next training")
    reason = stale_reason(engine, outlook)
    values = [step["value"] for step in outlook["steps"]]
    return {
        "prediction": scaled(values[: engine.config.PREDICT_LEN]),
        **{key: value for key, value in outlook.items() if key != "time"},
        "issue_time": outlook["time"],
        "is_stale": reason is not None,
        "stale_reason": reason,
        "instances": engine.instances(),
    }


def read_comparison(engine: Engine, wanted: str | None) -> dict[str, Any]:
    """Return the scores of all models, beside the old ``true`` and ``predict`` of the one that is served."""
    trial = read_trial(engine, choose_instance(engine, wanted))
    recent = trial["recent"]
    return {
        "true": centred(recent["truths"]),
        "predict": centred(recent["predictions"]),
        **{key: value for key, value in trial.items() if key != "time"},
        "cut_off_time": trial["time"],
        "instances": engine.instances(),
    }


def read_trial(engine: Engine, instance: str) -> Mapping[str, Any]:
    """Return the newest trial of an instance; raise ``NoForecastYet``."""
    trial = kept.read_newest(engine.store, kept.TRIALS, instance)
    if trial is None:
        raise NoForecastYet(f"no model of {instance} was tried yet: it follows the next training")
    return trial


def stale_reason(engine: Engine, outlook: Mapping[str, Any]) -> str | None:
    """Return why the newest forecast is not the one that there should be by now, or None if it is."""
    age = engine.clock.now() - parse_time(outlook["time"])
    due = freshness(engine)
    if age <= due:
        return None
    return f"issued {_told(age)} ago, and a newer one is due every {_told(due)}; this is the last good one"


def freshness(engine: Engine) -> timedelta:
    """Return how old a forecast may be if all goes well.

    That is the period that is still being measured, those that the data are given to settle, and two turns of the jobs.
    """
    config = engine.config
    turn = timedelta(seconds=max(config.GET_METRIC_INTERVAL, config.PREDICT_INTERVAL))
    return (engine.section.delay_periods + 2) * engine.period + 2 * turn


def _told(time: timedelta) -> str:
    minutes = round(time / timedelta(minutes=1))
    return f"{minutes} min" if minutes < 180 else f"{minutes / 60:.0f} h"
