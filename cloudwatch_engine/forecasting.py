"""Issues forecasts: by the champion of an instance on the newest points, and what follows from them.

Stored are the steps with their bands, and these metric points of the model ``cpu-<instance>`` for alert rules to watch:

==========================  ========================================================================================
metric                      meaning
==========================  ========================================================================================
overload_probability        that CPU crosses its limit within the horizon, 0 to 1
overload_probability_1h     that it does so within the next hour
overload_lead_minutes       until the expected first crossing, if one is to be expected
overload_warning            1 if a warning costs less than silence, else 0
coverage_80, coverage_95    share of the last day's points that lay within the band forecast an hour ahead or less
live_absolute_error         mean absolute error of the last day's forecasts, in percent of CPU
==========================  ========================================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from cloudwatch_engine import kept
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.names import CPU, model_name, series_name
from cloudwatch_engine.outlook import Outlook, Overload, newest_outlook
from cloudwatch_engine.trial import make_series
from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.clock import format_time, parse_time
from ml_core.errors import NotFound
from ml_core.records import Forecast, ForecastStep, MetricPoint
from ml_core.timeseries.series import Series

log = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def read_series(engine: Engine, instance: str) -> Series:
    """Return the newest stretch of an instance's CPU, as long as the setting ``history_days``; raise ``NotFound``.

    It ends with its newest point, however old that is.
    """
    end = engine.clock.now() + engine.period
    back = timedelta(days=engine.section.history_days)
    series = series_name(instance, CPU)
    frame = engine.store.observations(series, end - 2 * back, end)
    if frame.empty:
        frame = engine.store.observations(series, _LONG_AGO, end)
    if frame.empty:
        raise NotFound(f"no metrics of {instance} are known")
    frame = frame[frame["time"] > frame["time"].iloc[-1] - back]
    points = {time.to_pydatetime(): value for time, value in zip(frame["time"], frame["value"], strict=True)}
    history, _ = make_series(points, engine.period)
    return history


def forecast_instance(engine: Engine, instance: str) -> dict[str, Any] | None:
    """Issue a forecast by the champion, if there are points that the last one did not know; return it, or None.

    Raises ``NotFound`` if no version was trained yet, and ``ArtifactError`` if its files cannot be used.
    """
    model = engine.registry.find(model_name(instance))
    version = engine.registry.champion(model)
    if version is None:
        raise NotFound(f"no model of {instance} was trained yet")
    history = read_series(engine, instance)
    outlook = kept.read_newest(engine.store, kept.OUTLOOKS, instance)
    if outlook is not None and outlook["time"] >= format_time(history.end_time):
        return None
    loaded = load_artifact(engine.registry.artifact_folder(version), version.artifact_sha256 or "")
    assert isinstance(loaded, TriedForecasters)
    cut_off = parse_time(version.lineage["cut_off_time"])
    return issue(engine, instance, history, loaded, cut_off, version.number)


def issue(
    engine: Engine, instance: str, history: Series, tried: TriedForecasters, cut_off: datetime, version: int
) -> dict[str, Any]:
    """Store what forecasters, fitted up to ``cut_off``, say at the end of ``history``, and what follows from it.

    Returns it as it is kept.
    """
    outlook = newest_outlook(tried.serve(history, cut_off, engine.limit_of(instance)), engine.alert_level)
    steps = tuple(
        ForecastStep(time, float(value), **{name: float(band[index]) for name, band in outlook.bands.items()})
        for index, (time, value) in enumerate(zip(outlook.valid_times, outlook.values, strict=True))
    )
    series, model = series_name(instance, CPU), model_name(instance)
    engine.store.put_forecast(Forecast(series, model, outlook.issue_time, steps, version))
    points = [*_overload_points(model, outlook, history.step), *_live_points(engine, series, model, outlook)]
    engine.store.put_metric_points(points)
    content = {
        "time": format_time(outlook.issue_time),
        "made_time": format_time(engine.clock.now()),
        "instance": instance,
        "series": series,
        "unit": "%",
        "model": model,
        "version": version,
        "forecaster": outlook.forecaster,
        **outlook_json(outlook),
        "live": {point.metric: point.total / point.count for point in points if point.metric in _LIVE},
    }
    kept.put_newest(engine.store, kept.OUTLOOKS, instance, content)
    return content


def outlook_json(outlook: Outlook) -> dict[str, Any]:
    """Return steps and overload of an outlook as they are told."""
    return {
        "limit": outlook.overload.limit,
        "steps": [
            {
                "valid_time": format_time(time),
                "value": float(value),
                **{name: float(band[index]) for name, band in outlook.bands.items()},
            }
            for index, (time, value) in enumerate(zip(outlook.valid_times, outlook.values, strict=True))
        ],
        "overload": _overload_json(outlook.overload),
    }


def _overload_json(overload: Overload) -> dict[str, Any]:
    crossing = overload.crossing_time
    return {
        "limit": overload.limit,
        "probability": overload.probability,
        "probability_1h": overload.probability_1h,
        "expected_crossing_time": None if crossing is None else format_time(crossing),
        "alert_level": overload.alert_level,
        "is_warned": overload.is_warned,
    }


_LIVE = ("coverage_80", "coverage_95", "live_absolute_error")


def _overload_points(model: str, outlook: Outlook, step: timedelta) -> list[MetricPoint]:
    overload = outlook.overload
    values = {
        "overload_probability": overload.probability,
        "overload_probability_1h": overload.probability_1h,
        "overload_warning": float(overload.is_warned),
    }
    if overload.crossing_time is not None:
        values["overload_lead_minutes"] = (overload.crossing_time - outlook.issue_time) / timedelta(minutes=1)
    start = outlook.issue_time
    return [MetricPoint(model, name, start, start + step, 1, value, value * value) for name, value in values.items()]


def _live_points(engine: Engine, series: str, model: str, outlook: Outlook) -> list[MetricPoint]:
    """Return how the forecasts of the last day have fared, those of at most an hour ahead; none if none is known."""
    end = outlook.issue_time + engine.period
    scored = engine.store.scored_forecasts(series, end - _DAY, end, model=model)
    scored = scored[scored["truth"].notna() & (scored["horizon"] <= _HOUR)]
    if scored.empty:
        return []
    truth = scored["truth"].to_numpy(dtype=np.float64)
    errors = np.abs(truth - scored["value"].to_numpy(dtype=np.float64))
    arrays: Mapping[str, np.ndarray] = {
        "coverage_80": _within(scored, truth, "80"),
        "coverage_95": _within(scored, truth, "95"),
        "live_absolute_error": errors,
    }
    return [
        MetricPoint(
            model, name, end - _DAY, end, len(values), float(values.sum()), float((values.astype(float) ** 2).sum())
        )
        for name, values in arrays.items()
    ]


def _within(scored: Any, truth: np.ndarray, level: str) -> np.ndarray:
    lower = scored[f"lower_{level}"].to_numpy(dtype=np.float64)
    upper = scored[f"upper_{level}"].to_numpy(dtype=np.float64)
    inside: np.ndarray = (lower <= truth) & (truth <= upper)
    return inside
