"""``forecast``: the next six hours of the main server's response time, by the version that is served.

A forecast is as of its hour: it is made of the hours before, whenever that is done. One that is there stays as it is,
so a run after five missed hours gives what five runs would have given. Where the newest hours are not there yet, the
last value stands for them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from forecasting_jobs.response_time.histories import Histories
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.train_model import HORIZON, train
from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.clock import format_time, parse_time
from ml_core.forecasters.backtest import truths_after
from ml_core.forecasters.base import QUANTILES
from ml_core.forecasters.intervals import intervals
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.overload import overload
from ml_core.records import Forecast, ForecastStep, MetricPoint, ModelVersion
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import filled_forward

log = logging.getLogger(__name__)
WHISKER = 1.5
_LIMIT_HOURS = 24 * 30
_MOST_SINCE = 120


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """A forecast as of ``issue_time``, the start of the newest hour: ``(6,)`` and ``(6, 5)`` for ``QUANTILES``.

    ``probability`` is that of crossing ``limit`` within six hours; ``lead_hours`` counts to the first hour whose upper
    95 % bound lies above it, None if none does.
    """

    issue_time: datetime
    values: Floats
    quantiles: Floats
    limit: float
    probability: float
    lead_hours: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What the forecasts of a run share, so that it is read once: the hours, and by version what was loaded."""

    histories: Histories
    loaded: dict[int, TriedForecasters] = field(default_factory=dict)

    @classmethod
    def until(cls, parts: Parts, newest: datetime) -> Kept:
        """Return it for forecasts as of hours that end at ``newest`` or before."""
        return cls(Histories(parts.store, parts.section, newest))


def forecast(parts: Parts, until: datetime, kept: Kept | None = None) -> Outlook | None:
    """Issue the forecast as of ``until``, the end of an hour; None if there is one already.

    Trains first if nothing is served yet. An hour before the cut-off of all that was ever served is forecast by the
    last value: those models have seen what came. Raises ``NotFound`` without hours to go by, and ``ArtifactError``.
    """
    issue_time = until - HOUR
    if is_forecast(parts, issue_time):
        return None
    kept = kept or Kept.until(parts, until)
    history = kept.histories.until(until)
    version = version_as_of(parts, issue_time)
    if version is None and not _is_anything_served(parts):
        log.info("%s: nothing is served yet, so it is trained first", parts.model)
        train(parts, history, trials=1)  # at once; the job that trains has the time to tune
        version = version_as_of(parts, issue_time)
    loaded, cut_off = load_served(parts, version, history, kept.loaded)
    outlook = look_ahead(history, loaded, cut_off, parts.section.limit)
    parts.store.put_metric_points(_warning_points(parts.model, outlook))
    parts.store.put_forecast(
        _record(parts, outlook, version.number if version else None)
    )  # last: where it is, all of it is
    return outlook


def is_forecast(parts: Parts, issue_time: datetime) -> bool:
    """Return whether a forecast was issued as of this hour."""
    first = issue_time + HOUR
    steps = parts.store.forecasts(parts.series, first, first + HOUR, model=parts.model)
    return bool((steps["issue_time"] == issue_time).any())


def version_as_of(parts: Parts, issue_time: datetime) -> ModelVersion | None:
    """Return the newest version that was promoted and has seen nothing after ``issue_time``; None if there is none."""
    model = parts.store.get_model(parts.model)
    for number in reversed(model.champions() if model else []):
        version = parts.store.get_version(parts.model, number)
        if version is not None and parse_time(version.lineage["cut_off_time"]) <= issue_time:
            return version
    return None


def _is_anything_served(parts: Parts) -> bool:
    model = parts.store.get_model(parts.model)
    return model is not None and model.champion is not None


def load_served(
    parts: Parts, version: ModelVersion | None, history: Series, known: dict[int, TriedForecasters] | None = None
) -> tuple[TriedForecasters, datetime]:
    """Return the forecaster of a version, or the last value, with the time up to which it was fitted.

    What is in ``known``, by version, is not read again; what is read is put there.
    """
    if version is None:
        naive = Naive(horizon=HORIZON)
        naive.fit(history)
        return TriedForecasters({naive.name: naive}, (), {naive.name: np.empty((0, HORIZON))}), history.start_time
    loaded = (known or {}).get(version.number)
    if loaded is None:
        artifact = load_artifact(parts.registry.artifact_folder(version), version.artifact_sha256 or "")
        assert isinstance(artifact, TriedForecasters)
        loaded = artifact
        if known is not None:
            known[version.number] = loaded
    return loaded, parse_time(version.lineage["cut_off_time"])


def look_ahead(history: Series, tried: TriedForecasters, cut_off: datetime, limit: float | None) -> Outlook:
    """Return the outlook at the end of a history by a forecaster that was fitted up to ``cut_off``.

    Bands and probability come from what was said at past hours of values that had not been seen. Of those that the
    history does not have yet nothing is used.
    """
    (name, member), *_ = tried.members.items()
    last = len(history) - 1
    places = np.array([(time - history.start_time) // history.step for time in tried.origin_times], dtype=np.int64)
    kept = (places >= 0) & (places < last)
    fitted = max(history.index_at(cut_off), int(places[kept][-1]) if kept.any() else 0)
    since = np.arange(max(fitted + 1, last - _MOST_SINCE, 0), last + 1) if fitted < last else np.array([last])
    origins = np.concatenate([places[kept], since]).astype(np.int64)
    point = np.concatenate([tried.points[name][kept], member.forecast_at(history, since).point])
    truths = truths_after(history, origins, HORIZON)
    quantiles = intervals(history.values, origins, point, truths)
    quantiles = np.maximum(quantiles, 0.0)  # no call is answered before it came
    point = np.maximum(point, 0.0)
    whisker = usual_limit(history) if limit is None else limit
    warned = overload(filled_forward(history.values), origins, point, truths, quantiles, whisker)
    above = np.flatnonzero(quantiles[-1, :, QUANTILES.index(0.975)] > whisker)
    lead = int(above[0]) + 1 if len(above) else None
    return Outlook(history.end_time, point[-1], quantiles[-1], whisker, float(warned.chance[-1]), lead)


def usual_limit(history: Series) -> float:
    """Return the third quartile and one and a half interquartile ranges of the last 30 days (Tukey's whisker)."""
    known = history.values[-_LIMIT_HOURS:]
    low, high = np.quantile(known[np.isfinite(known)], [0.25, 0.75])
    return float(high + WHISKER * (high - low))


def _record(parts: Parts, outlook: Outlook, version: int | None) -> Forecast:
    columns = (("lower_95", 0.025), ("lower_80", 0.1), ("upper_80", 0.9), ("upper_95", 0.975))
    steps = tuple(
        ForecastStep(
            outlook.issue_time + step * HOUR,
            float(outlook.values[step - 1]),
            **{name: float(outlook.quantiles[step - 1, QUANTILES.index(level)]) for name, level in columns},
        )
        for step in range(1, HORIZON + 1)
    )
    return Forecast(parts.series, parts.model, outlook.issue_time, steps, version)


def _warning_points(model: str, outlook: Outlook) -> list[MetricPoint]:
    values = {
        "early_warning": float(outlook.lead_hours is not None),
        "early_warning_probability": outlook.probability,
        "early_warning_limit": outlook.limit,
    }
    if outlook.lead_hours is not None:
        values["early_warning_lead_hours"] = float(outlook.lead_hours)
    start = outlook.issue_time
    log.info(
        "%s: the chance of more than %.0f ms within %d hours of %s is %.0f %%",
        model,
        outlook.limit,
        HORIZON,
        format_time(start + HOUR),
        100 * outlook.probability,
    )
    return [MetricPoint(model, name, start, start + HOUR, 1, value, value * value) for name, value in values.items()]
