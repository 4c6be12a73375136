"""What the made-up controller answers: metric data in the controller's form, and spoiled ways of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from forecasting_jobs.response_time.metric_data import NOT_FOUND
from forecasting_jobs.response_time.metrics import metric_path
from forecasting_jobs.response_time.simulated_load import Measured, SimulatedLoad

_FREQUENCIES = {1: "ONE_MIN", 10: "TEN_MIN", 60: "SIXTY_MIN"}


@dataclass(frozen=True, slots=True)
class SpoiledAnswer:
    """An answer's content, and whether only the first half of its bytes is to be sent."""

    content: list[Any]
    is_cut: bool = False


def metric_data(
    load: SimulatedLoad, question: Mapping[str, str], now: datetime, paths: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the elements of an answer; raise ``ValueError`` for a question that the controller answers with 400.

    ``paths`` says where the metrics are kept; a level that is left open by a ``*`` bears the server's name as well.
    """
    start, end = _asked_stretch(question, now)
    if end <= start or "metric-path" not in question:
        raise ValueError("expected a metric-path, and an end-time after the start-time")
    asked = re.compile(re.escape(question["metric-path"]).replace(r"\*", r"[^|]+"))
    span = (end - start).total_seconds() / 60
    width = 1 if span <= 1459 else 10 if span <= 49 * 60 else 60
    found = []
    for metric, pattern in paths.items():
        for server in load.servers:
            path = metric_path(pattern.replace("*", "{server}"), server)
            if asked.fullmatch(path):
                measured = load.measured(server, metric, start, end, now)
                grouped = _grouped(measured, width if question.get("rollup") == "false" else round(span) or 1)
                found.append(_element(path, width, grouped))
    return found


def spoil(content: list[dict[str, Any]], fault: str) -> SpoiledAnswer:
    """Return an answer with a fault; kinds that concern no content leave it as it is."""
    if fault == "half":
        return SpoiledAnswer(content, is_cut=True)
    if fault == "empty":
        return SpoiledAnswer([{"metricName": NOT_FOUND, "metricPath": "", "frequency": "", "metricValues": []}])
    if fault == "duplicates":
        for element in content:
            earlier = [{**value, "count": 0, "sum": 0, "value": 0} for value in element["metricValues"]]
            element["metricValues"] = [*element["metricValues"], *earlier]
    if fault == "text" and content and content[0]["metricValues"]:
        content[0]["metricValues"][0]["sum"] = "many"
    return SpoiledAnswer(content)


def _asked_stretch(question: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Return start and end of what is asked for, in the way that ``time-range-type`` names."""
    kind = question.get("time-range-type")
    if kind == "BETWEEN_TIMES":
        return _time(question, "start-time"), _time(question, "end-time")
    if kind == "AFTER_TIME":
        start = _time(question, "start-time")
        return start, start + _duration(question)
    if kind in ("BEFORE_NOW", "BEFORE_TIME"):
        end = now if kind == "BEFORE_NOW" else _time(question, "end-time")
        return end - _duration(question), end
    raise ValueError("Invalid time-range-type: expected BEFORE_NOW, BEFORE_TIME, AFTER_TIME or BETWEEN_TIMES")


def _duration(question: Mapping[str, str]) -> timedelta:
    text = question.get("duration-in-mins", "")
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) < 1:
        raise ValueError("Invalid duration-in-mins: expected a number of minutes from 1 on")
    return timedelta(minutes=int(text))


def _time(question: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(question[name]) / 1000, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        raise ValueError(f"Invalid {name}: expected milliseconds since 1970") from None


def _grouped(measured: Measured, width: int) -> list[tuple[int, int, int, int, int]]:
    """Return minute, count, total, least and largest value of each stretch that has any."""
    if not len(measured.minutes):
        return []
    slots, first = np.unique(measured.minutes // width, return_index=True)
    values = measured.total // np.maximum(measured.count, 1)
    columns = (
        slots * width,
        np.add.reduceat(measured.count, first),
        np.add.reduceat(measured.total, first),
        np.minimum.reduceat(values, first),
        np.maximum.reduceat(values, first),
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _element(path: str, width: int, rows: list[tuple[int, int, int, int, int]]) -> dict[str, Any]:
    if not rows:
        return {"metricId": 0, "metricName": NOT_FOUND, "metricPath": path, "frequency": "", "metricValues": []}
    return {
        "metricId": sum(path.encode()),
        "metricName": path,
        "metricPath": path,
        "frequency": _FREQUENCIES[width],
        "metricValues": [
            {
                "startTimeInMillis": minute * 60_000,
                "occurrences": 1,
                "current": total // max(count, 1),
                "min": least,
                "max": largest,
                "useRange": True,
                "count": count,
                "sum": total,
                "value": total // max(count, 1),
                "standardDeviation": 0,
            }
            for minute, count, total, least, largest in rows
        ],
    }
