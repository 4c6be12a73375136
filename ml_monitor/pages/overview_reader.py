"""What the overview shows, read from little: the models, their summaries, their alerts, and the runs of jobs.

Nothing here grows with the number of predictions. Of these only the newest time is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

from ml_core.jobs.known_jobs import KnownJob
from ml_core.records import Model, Task
from ml_core.registry import Registry
from ml_monitor.pages.alert_lines import AlertLine, firing
from ml_monitor.pages.jobs_reader import JobLine, read_jobs_page
from ml_monitor.pages.stories import Story, tell
from ml_monitor.results.summaries import ChunkSummary, Summary, read_summaries

State = Literal["critical", "warning", "stale", "no version", "no data", "not judged", "ok"]
STATES: tuple[State, ...] = get_args(State)
"""Worst first: what an alert says is wrong, what once worked and stopped, what was never set up, used or judged."""
_TREND_CHUNKS = 30
_COVERED_CHUNKS = 7
_NEXT_JOBS = 5


@dataclass(frozen=True, slots=True)
class Headline:
    """The number that stands for a model. ``is_of_training`` says that nothing has been measured since."""

    metric: str
    value: float
    time: datetime | None
    is_of_training: bool


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One chunk of the headline metric: as realised and as estimated, and whether a rule holds it to be bad."""

    start_time: datetime
    realised: float | None
    estimated: float | None
    is_beyond: bool


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What a summary says in a row of a table; made once for each state of a summary.

    ``drifted`` of ``columns`` changed in the newest chunk; ``coverage`` is the share of the last week's predictions
    that have a truth.
    """

    headline: Headline | None
    estimate: float | None
    trend: tuple[TrendPoint, ...]
    drifted: int | None
    columns: int
    coverage: float | None
    checked_time: datetime | None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model at a glance.

    ``version`` is the champion's number; a model without one that has predictions ``is_served_elsewhere``.
    ``since_time`` is when the state began. ``headline`` is of the newest chunk with truth, else of training. ``alerts``
    are those that fire and are not silenced, worst first: they give the model its state, be it stale or not.
    """

    name: str
    title: str
    seed_id: str | None
    task: Task
    state: State
    since_time: datetime | None
    version: int | None
    is_served_elsewhere: bool
    story: Story | None
    headline: Headline | None
    glance: Glance
    last_prediction_time: datetime | None
    is_stale: bool
    alerts: tuple[AlertLine, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All models, worst first, how many are in which state, and the jobs, those that need a look first."""

    time: datetime
    stale_after_hours: float
    counts: Mapping[State, int]
    firing: int
    acknowledged: int
    models: tuple[ModelRow, ...]
    jobs: tuple[JobLine, ...]

    @property
    def stale(self) -> int:
        """How many models have had no prediction for too long, whatever else is wrong with them."""
        return sum(model.is_stale for model in self.models)

    def jobs_in(self, *states: str) -> tuple[JobLine, ...]:
        """Return the jobs that are in one of some states."""
        return tuple(job for job in self.jobs if job.state in states)

    @property
    def jobs_shown(self) -> tuple[JobLine, ...]:
        """The jobs that failed or fell silent, then the next of the others that have run at all."""
        return (*self.jobs_in("failed", "silent"), *self.jobs_in("running", "done")[:_NEXT_JOBS])


def read_overview(
    registry: Registry,
    lines: Sequence[AlertLine],
    known_jobs: Mapping[str, KnownJob],
    now: datetime,
    stale_after_hours: float,
) -> Overview:
    """Return all models, worst first, then by name; ``lines`` are the alerts, ``known_jobs`` those that are wanted.

    Raises ``StoreUnavailable``.
    """
    alerts = firing(lines)
    by_model: dict[str, list[AlertLine]] = {}
    for line in alerts:
        by_model.setdefault(line.model, []).append(line)
    summaries, newest = read_summaries(registry.store), registry.store.last_prediction_times()
    rows = [
        read_row(
            registry,
            model,
            by_model.get(model.name, ()),
            summaries.get(model.name),
            newest.get(model.name),
            now,
            stale_after_hours,
        )
        for model in registry.store.list_models()
    ]
    rows.sort(
        key=lambda row: (
            STATES.index(row.state),
            row.alerts[0].state == "acknowledged" if row.alerts else False,
            row.name,
        )
    )
    return Overview(
        now,
        stale_after_hours,
        {state: sum(row.state == state for row in rows) for state in STATES},
        sum(line.state == "firing" for line in alerts),
        sum(line.state == "acknowledged" for line in alerts),
        tuple(rows),
        read_jobs_page(registry.store, known_jobs, now).jobs,
    )


def read_row(
    registry: Registry,
    model: Model,
    alerts: Sequence[AlertLine],
    summary: Summary | None,
    last: datetime | None,
    now: datetime,
    stale_after_hours: float,
) -> ModelRow:
    """Return one model at a glance, whose newest prediction is of ``last``.

    ``alerts`` are its own that count for its state.
    """
    is_stale = last is not None and now - last > timedelta(hours=stale_after_hours)
    is_judged = summary is not None and summary.is_judged
    state = _state(alerts, model, last, is_stale=is_stale, is_judged=is_judged)
    glance = _glance(summary) if summary else _NOTHING
    since_time = alerts[0].since_time if alerts else last if state == "stale" else None
    return ModelRow(
        name=model.name,
        title=model.title,
        seed_id=model.seed_id,
        task=model.task,
        state=state,
        since_time=since_time,
        version=model.champion,
        is_served_elsewhere=model.champion is None and last is not None,
        story=tell(alerts, summary, now),
        headline=glance.headline or _of_training(registry, model),
        glance=glance,
        last_prediction_time=last,
        is_stale=is_stale,
        alerts=tuple(alerts),
    )


def _state(
    alerts: Sequence[AlertLine], model: Model, last: datetime | None, *, is_stale: bool, is_judged: bool
) -> State:
    if alerts:
        return alerts[0].severity  # the worst stands first
    if last is None:
        return "no data" if model.champion is not None else "no version"
    if is_stale:
        return "stale"
    # That nothing fires says nothing of a model that nothing was held against.
    return "ok" if is_judged else "not judged"


_NOTHING = Glance(None, None, (), None, 0, None, None)


@lru_cache(maxsize=512)
def _glance(summary: Summary) -> Glance:
    newest = summary.chunks[-1] if summary.chunks else None
    return Glance(
        headline=_realised(summary),
        estimate=newest.estimated if newest else None,
        trend=tuple(map(_trend_point, summary.chunks[-_TREND_CHUNKS:])),
        drifted=len(newest.drifted) if newest and newest.columns else None,
        columns=newest.columns if newest else 0,
        coverage=_coverage(summary.chunks[-_COVERED_CHUNKS:]),
        checked_time=summary.checked_time,
    )


def _realised(summary: Summary) -> Headline | None:
    if summary.metric is None:
        return None
    for chunk in reversed(summary.chunks):
        if chunk.realised is not None:
            return Headline(summary.metric, chunk.realised, chunk.start_time, False)
    return None


def _of_training(registry: Registry, model: Model) -> Headline | None:
    """Return the metric of the champion's held-out rows, for a model of which no check has measured it yet."""
    champion = registry.champion(model) if model.headline_metric else None
    value = champion.metrics.get(model.headline_metric or "") if champion else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Headline(model.headline_metric or "", float(value), None, True)


def _trend_point(chunk: ChunkSummary) -> TrendPoint:
    return TrendPoint(chunk.start_time, chunk.realised, chunk.estimated, chunk.state == "beyond")


def _coverage(chunks: Sequence[ChunkSummary]) -> float | None:
    rows = sum(chunk.rows for chunk in chunks)
    return sum(chunk.truths for chunk in chunks) / rows if rows else None
