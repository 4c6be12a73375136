"""What the page of anomalies shows: the scores of one detector over time, and what it held to be anomalous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import pandas as pd

from ml_core.errors import FieldError, InvalidInput
from ml_core.records import Feature, Model, Value
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.formatting import show_age, show_share, show_time
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.thinning import MOST_POINTS, thinned

Outcome = Literal["anomaly", "normal"]
OUTCOME_FILTERS = ("anomaly", "normal", "all")
MOST_ROWS = 200
MOST_READ = 20_000
_ANOMALOUS = frozenset({"anomaly", "anomalous", "outlier", "true", "yes"})


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One prediction of a detector. ``truth`` is what it turned out to be, None while nobody knows."""

    prediction_id: str
    time: datetime
    outcome: Outcome
    score: float | None
    truth: Outcome | None
    version: int | None
    features: Mapping[str, Feature]


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A score in the chart."""

    time: datetime
    score: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AnomaliesPage:
    """One detector over a range, None if there is none; ``models`` are all of them.

    ``total`` predictions lie in the range, of which the newest ``read`` were looked at, and of these ``anomalies`` were
    held to be anomalous: ``confirmed`` were, ``refuted`` were not, of the others nobody knows yet. ``threshold`` is
    the score that divides them, where the champion's parameters tell it. ``rows`` are the newest that the filter
    leaves, ``points`` a selection for the chart that holds every anomaly it can.
    """

    time: datetime
    range: TimeRange
    models: tuple[str, ...]
    model: str | None
    title: str
    outcome: str
    total: int
    read: int
    anomalies: int
    confirmed: int
    refuted: int
    threshold: float | None
    last_time: datetime | None
    rows: tuple[ScoredRow, ...]
    points: tuple[ScorePoint, ...]


def read_anomalies_page(
    registry: Registry, time_range: TimeRange, model_name: str, outcome: str, now: datetime
) -> AnomaliesPage:
    """Return one detector over a range, by default the first; raise ``InvalidInput`` for one that is not there."""
    store = registry.store
    detectors = [model for model in store.list_models() if model.task == "anomaly"]
    names = tuple(model.name for model in detectors)
    if model_name and model_name not in names:
        message = "expected the name of a model of the task anomaly"
        raise InvalidInput(f"model: {message}", [FieldError("model", message)])
    if not detectors:
        return AnomaliesPage(now, time_range, (), None, "", outcome, 0, 0, 0, 0, 0, None, None, (), ())
    model = next((each for each in detectors if each.name == model_name), detectors[0])
    total, start = _newest_start(store, model.name, time_range)
    frame = store.scored(model.name, start, time_range.end)
    rows = _rows(frame)
    found = [row for row in rows if row.outcome == "anomaly"]
    shown = [row for row in reversed(rows) if outcome in ("all", row.outcome)]
    return AnomaliesPage(
        time=now,
        range=time_range,
        models=names,
        model=model.name,
        title=model.title,
        outcome=outcome,
        total=total,
        read=len(rows),
        anomalies=len(found),
        confirmed=sum(row.truth == "anomaly" for row in found),
        refuted=sum(row.truth == "normal" for row in found),
        threshold=_threshold(registry, model),
        last_time=store.last_prediction_time(model.name),
        rows=tuple(shown[:MOST_ROWS]),
        points=_points(rows),
    )


def anomalies_verdict(page: AnomaliesPage) -> str:
    """Return how much was held to be anomalous, and when last, in a sentence."""
    if page.model is None:
        return "No model of the task anomaly is registered yet."
    if not page.total:
        when = f"; the newest prediction is of {show_time(page.last_time, page.time)} UTC" if page.last_time else ""
        return f"{page.title} has scored nothing in this range{when}."
    if not page.anomalies:
        return f"{page.title} held none of {page.read:,} predictions to be anomalous."
    newest = next((point for point in reversed(page.points) if point.outcome == "anomaly"), None)
    last = f", the last {show_age(newest.time, page.time)}" if newest else ""
    judged = page.confirmed + page.refuted
    truth = f" Of {judged} with a truth {page.confirmed} were anomalies." if judged else ""
    share = show_share(page.anomalies / page.read)
    return f"{page.title} held {page.anomalies:,} of {page.read:,} predictions to be anomalous ({share}){last}.{truth}"


def outcomes_of(values: Sequence[Value | None]) -> list[Outcome | None]:
    """Return what each value says, as detectors have it: a word, -1 and 1 for anomaly and normal, or 1 and 0.

    A value that is missing says nothing.
    """
    numbers = {float(value) for value in values if isinstance(value, (int, float)) and value == value}
    anomalous = 1.0 if 0.0 in numbers and -1.0 not in numbers else -1.0

    def outcome(value: Value | None) -> Outcome | None:
        if isinstance(value, str):
            return "anomaly" if value.lower() in _ANOMALOUS or value == "-1" else "normal"
        if value is None or value != value:
            return None
        return "anomaly" if float(value) == anomalous else "normal"

    return [outcome(value) for value in values]


def _newest_start(store: Store, model: str, time_range: TimeRange) -> tuple[int, datetime]:
    """Return how many predictions lie in a range, and from when on the newest ``MOST_READ`` of them do."""
    window = timedelta(seconds=time_range.window_seconds)
    counts = store.count_predictions(model, time_range.start, time_range.end, window)
    seen, start = 0, time_range.start
    for window_start in sorted(counts, reverse=True):
        seen += counts[window_start]
        if seen > MOST_READ:
            break
        start = max(window_start, time_range.start)
    else:
        start = time_range.start
    return sum(counts.values()), start


def _rows(frame: pd.DataFrame) -> list[ScoredRow]:
    values, truths = outcomes_of(frame["value"].tolist()), outcomes_of(frame["truth"].tolist())
    scores = [None if pd.isna(score) else float(score) for score in frame["score"]]
    versions = [None if pd.isna(version) else int(version) for version in frame["version"]]
    times = [time.to_pydatetime() for time in frame["time"]]
    columns = (frame["prediction_id"], times, values, scores, truths, versions, frame["features"])
    return [
        ScoredRow(prediction_id, time, value or "normal", score, truth, version, features)
        for prediction_id, time, value, score, truth, version, features in zip(*columns, strict=True)
    ]


def _threshold(registry: Registry, model: Model) -> float | None:
    champion = registry.champion(model)
    for name in ("offset", "threshold"):
        value = champion.parameters.get(name) if champion else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def _points(rows: Sequence[ScoredRow]) -> tuple[ScorePoint, ...]:
    """Return points for the chart, oldest first: of each outcome at most ``MOST_POINTS``, in the shape of them all."""
    points: list[ScorePoint] = []
    for outcome in ("normal", "anomaly"):
        scored = [
            ScorePoint(row.time, row.score, row.outcome)
            for row in rows
            if row.outcome == outcome and row.score is not None
        ]
        kept = thinned([each.time.timestamp() for each in scored], [each.score for each in scored], MOST_POINTS)
        points += [scored[place] for place in kept]
    return tuple(sorted(points, key=lambda point: point.time))
