"""Decides what becomes of observations and forecasts: pure functions that every store uses, so that none can differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ml_core.clock import as_utc, format_time
from ml_core.records import Forecast, ForecastStep, Observation, Receipt, Rejection
from ml_core.store.deciding import is_finite, show
from ml_core.store.names import check_name, check_word

_NUMBERS = ("value", "lower_80", "upper_80", "lower_95", "upper_95")


def decide_observations(
    rows: Sequence[Observation], stored: Mapping[datetime, float]
) -> tuple[list[Observation], Receipt]:
    """Return the observations to store, in their order, and the receipt that holds once they are durable.

    ``stored`` holds the value in force at each time in ``rows`` that has one. The rules are those of ground truths: an
    observation to store whose time has a value already replaces it. Raises ``ValueError`` for a naive time.
    """
    in_force = dict(stored)
    new: list[Observation] = []
    rejected: list[Rejection] = []
    duplicates = 0
    for index, row in enumerate(rows):
        if not _is_number(row.value):
            rejected.append(Rejection(index, "value", f"expected a finite number, not {show(row.value)}"))
            continue
        row = replace(row, time=as_utc(row.time), value=float(row.value), received_time=as_utc(row.received_time))
        known = in_force.get(row.time)
        if known == row.value:
            duplicates += 1
        elif known is None or row.correct:
            in_force[row.time] = row.value
            new.append(row)
        else:
            message = f'the value {show(known)} is stored already, not {show(row.value)}; send "correct": true '
            rejected.append(Rejection(index, "value", f"{message}to replace it"))
    return new, Receipt(len(new), duplicates, tuple(rejected))


def times_to_look_up(rows: Iterable[Observation]) -> list[datetime]:
    """Return the times at which a store must know what it holds, each once, in order."""
    return sorted({as_utc(row.time) for row in rows})


def in_force(rows: Iterable[Observation], known_at: datetime | None = None) -> list[Observation]:
    """Return the last value of each time, by time; ``rows`` come in the order of arrival.

    With ``known_at`` those that were received later do not count.
    """
    last = {row.time: row for row in rows if known_at is None or row.received_time <= known_at}
    return [last[time] for time in sorted(last)]


def as_history(rows: Iterable[Observation]) -> list[Observation]:
    """Return values that come by time and order of arrival with ``correct`` set from the second of a time on."""
    history: list[Observation] = []
    for row in rows:
        is_second = bool(history) and history[-1].time == row.time
        history.append(replace(row, correct=is_second))
    return history


def check_forecast_names(series: str, model: str | None) -> None:
    """Raise ``ValueError`` that names the field if there can be no forecast of this series and, if given, model."""
    check_name("series", series)
    if model is not None:
        check_word("model", model)


def fit_forecast(forecast: Forecast) -> Forecast:
    """Return a forecast as it is stored, with numbers as float and times in UTC.

    Raises ``ValueError`` that names the first field that is unfit.
    """
    check_forecast_names(forecast.series, forecast.model)
    if forecast.version is not None and not 0 <= forecast.version < 2**31:
        raise ValueError(f"version: expected a number from 0 to {2**31 - 1}, not {show(forecast.version)}")
    if not forecast.steps:
        raise ValueError("steps: expected at least one")
    issue_time = utc_time("issue_time", forecast.issue_time)
    steps: list[ForecastStep] = []
    previous = issue_time
    for index, step in enumerate(forecast.steps):
        step = _fit_step(f"steps[{index}]", step)
        if step.valid_time <= previous:
            what = "the step before it, at" if steps else "the issue time,"
            message = f"expected a time after {what} {format_time(previous)}, not {format_time(step.valid_time)}"
            raise ValueError(f"steps[{index}].valid_time: {message}")
        previous = step.valid_time
        steps.append(step)
    return replace(forecast, issue_time=issue_time, steps=tuple(steps))


def _fit_step(where: str, step: ForecastStep) -> ForecastStep:
    numbers: dict[str, Any] = {}
    for name in _NUMBERS:
        number = getattr(step, name)
        if not (_is_number(number) or (number is None and name != "value")):
            raise ValueError(f"{where}.{name}: expected a finite number, not {show(number)}")
        numbers[name] = None if number is None else float(number)
    for percent in (80, 95):
        lower, upper = numbers[f"lower_{percent}"], numbers[f"upper_{percent}"]
        if lower is not None and upper is not None and lower > upper:
            message = f"expected at most upper_{percent}, which is {show(upper)}, not {show(lower)}"
            raise ValueError(f"{where}.lower_{percent}: {message}")
    return replace(step, valid_time=utc_time(f"{where}.valid_time", step.valid_time), **numbers)


def _is_number(value: object) -> bool:
    # A label may have been sent where a number belongs; other kinds of numbers, such as NumPy's, turn into floats.
    return value is not None and not isinstance(value, str) and is_finite(value)  # type: ignore[arg-type]


def utc_time(field: str, time: datetime) -> datetime:
    """Return a time in UTC; raise ``ValueError`` that names the field for one that has no place there."""
    try:
        return as_utc(time)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
