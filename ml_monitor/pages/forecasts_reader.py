"""What the pages of forecasts show: all series; of one what was measured and forecast, and how good that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from ml_core.errors import NotFound
from ml_core.store.base import Store
from ml_core.store.names import unfit_name
from ml_monitor.formatting import show_age, show_number, show_time
from ml_monitor.pages.forecast_scores import HorizonError, ModelScore, score_by_horizon, score_models
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.series_limits import SeriesLimit, read_limits
from ml_monitor.pages.sheet_applications import WarningLine, read_warning_lines

MOST_SERIES = 100
_AHEAD = timedelta(days=92)
"""How far ahead a forecast may look to be shown."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """When the limit is first reached: by the forecast itself, and by the upper bounds of its intervals."""

    expected_time: datetime | None
    upper_80_time: datetime | None
    upper_95_time: datetime | None


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series in the list: its newest value in the range, and what its newest forecast says."""

    series: str
    last_time: datetime | None
    last_value: float | None
    models: tuple[str, ...]
    issue_time: datetime | None
    best: ModelScore | None
    limit: SeriesLimit | None
    crossing: Crossing | None


@dataclass(frozen=True, slots=True)
class ForecastsPage:
    """All series with observations or forecasts; at most ``MOST_SERIES`` of ``series_total``.

    ``response_times`` has a line for each application whose response times are forecast.
    """

    time: datetime
    range: TimeRange
    series: tuple[SeriesLine, ...]
    series_total: int
    words: str
    response_times: tuple[WarningLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One observation."""

    time: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the forecast shown; a bound that it does not have is None."""

    valid_time: datetime
    value: float
    lower_80: float | None
    upper_80: float | None
    lower_95: float | None
    upper_95: float | None


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One series over a range: its observations, the newest forecast of ``model``, and the scores of all models.

    ``issue_time`` is when that forecast was made: for a range with a fixed end the newest made by then.
    """

    time: datetime
    series: str
    range: TimeRange
    observations: tuple[Measured, ...]
    models: tuple[str, ...]
    model: str
    issue_time: datetime | None
    steps: tuple[Step, ...]
    limit: SeriesLimit | None
    crossing: Crossing | None
    scores: tuple[ModelScore, ...]
    by_horizon: tuple[HorizonError, ...]


def read_forecasts_page(store: Store, time_range: TimeRange, words: str, now: datetime) -> ForecastsPage:
    """Return the series whose names hold some words, those that reach their limit soonest first."""
    names = [name for name in store.list_series() if words.lower() in name.lower()]
    limits = read_limits(store)
    lines = [_line(store, name, time_range, limits.get(name)) for name in names[:MOST_SERIES]]
    ordered = sorted(lines, key=lambda line: (_reaches(line.crossing) or time_range.end + _AHEAD * 2, line.series))
    return ForecastsPage(now, time_range, tuple(ordered), len(names), words, read_warning_lines(store, now))


def read_series_page(store: Store, series: str, time_range: TimeRange, model: str, now: datetime) -> SeriesPage:
    """Return one series with the newest forecast of a model, by default the one with the least error.

    Raises ``NotFound`` for a series, or for a model that has forecast nothing of it.
    """
    if unfit_name(series):
        raise _unknown(series)
    limit = read_limits(store).get(series)
    observations = store.observations(series, time_range.start, time_range.end)
    scored = store.scored_forecasts(series, time_range.start, time_range.end)
    coming = _newest_forecasts(store, series, time_range)
    models = tuple(dict.fromkeys([*scored["model"], *coming]))
    if not models and observations.empty and series not in store.list_series():
        raise _unknown(series)
    if model and model not in models:
        raise NotFound(f"the model {model[:64]!r} has forecast nothing of this series in this range")
    scores = score_models(scored)
    chosen = model or _best(scores, tuple(coming)) or (models[0] if models else "")
    steps = read_steps(coming.get(chosen))
    return SeriesPage(
        time=now,
        series=series,
        range=time_range,
        observations=tuple(map(Measured, _times(observations["time"]), observations["value"].astype(float))),
        models=models,
        model=chosen,
        issue_time=coming[chosen]["issue_time"].iloc[0].to_pydatetime() if chosen in coming else None,
        steps=steps,
        limit=limit,
        crossing=find_crossing(steps, limit),
        scores=scores,
        by_horizon=score_by_horizon(scored),
    )


def forecasts_verdict(page: ForecastsPage) -> str:
    """Return which series are about to reach their limits, in one sentence."""
    if not page.series_total:
        return f"No series is named like {page.words!r}." if page.words else "No series is known yet."
    reaching = [line for line in page.series if _reaches(line.crossing)]
    forecast = sum(line.issue_time is not None for line in page.series)
    if reaching:
        first = reaching[0]
        time = _reaches(first.crossing)
        assert time is not None
        more = f", and {len(reaching) - 1} more" if len(reaching) > 1 else ""
        return f"{first.series} is forecast to reach its limit at {show_time(time, page.time)} UTC{more}."
    shown = f"{page.series_total} series" if page.series_total > 1 else "1 series"
    with_limit = sum(line.limit is not None for line in page.series)
    calm = f"none of the {with_limit} with a limit is forecast to reach it" if with_limit else "no series has a limit"
    return f"{shown}, {forecast} with a forecast; {calm}."


def series_verdict(page: SeriesPage) -> str:
    """Return what the forecast says of the limit, and how good it has been, in a sentence or two."""
    if not page.steps:
        return "Nothing is forecast of this series beyond this range." if page.models else "Nothing is forecast of it."
    assert page.issue_time is not None
    made = f"{page.model}, {show_age(page.issue_time, page.time)}" if page.range.name else page.model
    score = next((score for score in page.scores if score.model == page.model), None)
    error = f" Its mean absolute error in this range is {show_number(score.mae)}." if score else ""
    if page.limit is None or page.crossing is None:
        first, last = page.steps[0], page.steps[-1]
        ahead = f"from {show_number(first.value)} to {show_number(last.value)}"
        return f"Forecast {ahead} by {show_time(last.valid_time, page.time)} UTC ({made}).{error}"
    limit = f"{show_number(page.limit.limit)}{' ' if page.limit.unit else ''}{page.limit.unit}"
    if page.crossing.expected_time:
        when = show_time(page.crossing.expected_time, page.time)
        return f"Forecast to reach its limit of {limit} at {when} UTC ({made}).{error}"
    for bound, time in (("80", page.crossing.upper_80_time), ("95", page.crossing.upper_95_time)):
        if time:
            when = show_time(time, page.time)
            return f"May reach its limit of {limit} from {when} UTC on, by the {bound} % interval ({made}).{error}"
    return f"Forecast to stay below its limit of {limit} ({made}).{error}"


def find_crossing(steps: tuple[Step, ...], limit: SeriesLimit | None) -> Crossing | None:
    """Return when a forecast and its upper bounds first reach a limit; None without a limit or steps."""
    if limit is None or not steps:
        return None

    def first(name: str) -> datetime | None:
        for step in steps:
            value = getattr(step, name)
            if value is not None and value >= limit.limit:
                return step.valid_time
        return None

    return Crossing(first("value"), first("upper_80"), first("upper_95"))


def _unknown(series: str) -> NotFound:
    return NotFound(f"no series {series[:80]!r} is known; the page of forecasts lists those that are")


def _line(store: Store, series: str, time_range: TimeRange, limit: SeriesLimit | None) -> SeriesLine:
    observations = store.observations(series, time_range.start, time_range.end)
    scores = score_models(store.scored_forecasts(series, time_range.start, time_range.end))
    coming = _newest_forecasts(store, series, time_range)
    chosen = _best(scores, tuple(coming))
    frame = coming.get(chosen) if chosen else None
    return SeriesLine(
        series=series,
        last_time=None if observations.empty else observations["time"].iloc[-1].to_pydatetime(),
        last_value=None if observations.empty else float(observations["value"].iloc[-1]),
        models=tuple(dict.fromkeys([*coming, *(score.model for score in scores)])),
        issue_time=None if frame is None else frame["issue_time"].iloc[0].to_pydatetime(),
        best=next((score for score in scores if score.model == chosen), scores[0] if scores else None),
        limit=limit,
        crossing=find_crossing(read_steps(frame), limit),
    )


def _newest_forecasts(store: Store, series: str, time_range: TimeRange) -> Mapping[str, pd.DataFrame]:
    """Return the steps of each model's newest forecast that was issued by the end of the range, by model."""
    frame = store.forecasts(series, time_range.start, time_range.end + _AHEAD, issued_before=time_range.end)
    found = {}
    for model, rows in frame.groupby("model", sort=True):
        newest = rows[rows["issue_time"] == rows["issue_time"].max()]
        found[str(model)] = newest.sort_values("valid_time")
    return found


def _best(scores: tuple[ModelScore, ...], models: tuple[str, ...]) -> str:
    """Return the model with the least error of those that have a forecast; without any error the first."""
    return next((score.model for score in scores if score.model in models), models[0] if models else "")


def read_steps(frame: pd.DataFrame | None) -> tuple[Step, ...]:
    """Return the rows of ``Store.forecasts`` as steps; none for None."""
    if frame is None:
        return ()
    bounds = [list(map(_number, frame[name])) for name in ("lower_80", "upper_80", "lower_95", "upper_95")]
    values = frame["value"].astype(float).tolist()
    return tuple(Step(*row) for row in zip(_times(frame["valid_time"]), values, *bounds, strict=True))


def _times(column: pd.Series) -> list[datetime]:
    return [time.to_pydatetime() for time in column]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _reaches(crossing: Crossing | None) -> datetime | None:
    return crossing.expected_time if crossing else None
