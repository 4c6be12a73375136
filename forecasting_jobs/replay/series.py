"""A replay of a model that forecasts a series: each value comes when it became known, and production goes on from it.

The jobs that forecast and train are called when the suite's schedule calls them, checks each ``every``. What is not
known yet is not in the store that they work on, so nothing of the future can reach a forecast. A job that fails is told
and does not stop the replay, as it would not stop production; only the first forecast must succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge

from forecasting_jobs.kept_process import KeptProcesses, kept_processes
from forecasting_jobs.replay.arrivals import Arrivals
from forecasting_jobs.replay.forecast_plans import ForecastPlan
from forecasting_jobs.replay.owners import has_work
from forecasting_jobs.replay.scratch import Scratch, copy_forecasts, copy_model, copy_rules
from forecasting_jobs.replay.timeline import Happening, Timeline
from forecasting_jobs.suite_process import CommandFailed
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput, SuiteError
from ml_core.jobs.known_jobs import KnownJob
from ml_core.registry import Registry

Told = Callable[[str], None]
Call = Callable[[], None]
_METRIC = "mae"
_BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Course:
    """From when to when a replay goes, and what it calls how often: a check each ``every``, jobs by the schedule.

    With ``forecast_every`` forecasts are issued no more often than that; without ``with_training`` the training on
    schedule is left out.
    """

    start: datetime
    end: datetime
    every: timedelta
    forecast_every: timedelta | None = None
    with_training: bool = True


def arrivals_of(real: Registry, plan: ForecastPlan, start: datetime, known_after: timedelta | None = None) -> Arrivals:
    """Return the values of a plan's series; raise ``InvalidInput`` if none of its own was known at ``start``."""
    arrivals = Arrivals(real.store, plan.sources, known_after)
    first = arrivals.first_time(plan.series)
    if first is None or first > start:
        came = "" if first is None else f", the first value came at {format_time(first)}"
        message = (
            f"nothing of {plan.series} was known at {format_time(start)}{came}: begin later, or say by --known-after "
            "how soon values count as known"
        )
        raise InvalidInput(f"--from: {message}", [FieldError("--from", message)])
    return arrivals


def replay_series(
    world: Scratch,
    real: Registry,
    plan: ForecastPlan,
    arrivals: Arrivals,
    course: Course,
    *,
    told: Told,
) -> Timeline:
    """Replay a model's series on its course; return what would have happened.

    It begins with the champion that served at the start or, where there was none, with what the first forecast trains.
    Raises what the first forecast and the checks raise, and ``SuiteError`` if no forecast was due.
    """
    start = course.start
    world.set_time(start)
    copy_rules(world)
    if plan.model in {model.name for model in real.store.list_models()}:
        copied = copy_model(real, world.parts.registry, plan.model, start)
        if copied is not None:
            copy_forecasts(real.store, world.parts.store, plan.series, copied, start)
    with kept_processes(world.environ) as processes:
        production = _Production(world, plan, Timeline(plan.model, start, course.end, _METRIC), processes, told)
        for time, _, call in _agenda(production, course):
            world.set_time(time)
            production.learn(arrivals, time)
            call()
    if not production.has_forecast:
        raise SuiteError(f"--to: {plan.forecasting.name} is not called before {format_time(course.end)}: end later")
    production.timeline.add_warnings(world.parts.store, plan.warning, plan.probability)
    production.timeline.finish(world.parts)
    return production.timeline


def _agenda(production: _Production, course: Course) -> Iterator[tuple[datetime, int, Call]]:
    """Yield what is called when: of what is called at the same time a forecast comes first, and a check last."""
    forecasts = _times(production.plan.forecasting, course, course.forecast_every)
    called = [((time, 1, production.forecast) for time in forecasts)]
    if course.with_training and production.plan.training is not None:
        called.append((time, 2, production.train) for time in _times(production.plan.training, course))
    return merge(*called, ((time, 3, production.check) for time in _checks(course)))


def _times(job: KnownJob, course: Course, apart: timedelta | None = None) -> Iterator[datetime]:
    last, time = None, job.times.next_after(course.start, UTC)
    while time is not None and time <= course.end:
        if last is None or apart is None or time - last >= apart:
            yield (last := time)
        time = job.times.next_after(time, UTC)


def _checks(course: Course) -> Iterator[datetime]:
    time = course.start
    while time < course.end:
        time = min(time + course.every, course.end)
        yield time


class _Production:
    """What production does for one model, in a world: each method is one call of a command."""

    def __init__(
        self, world: Scratch, plan: ForecastPlan, timeline: Timeline, processes: KeptProcesses, told: Told
    ) -> None:
        self.world, self.plan, self.timeline = world, plan, timeline
        self.has_forecast = False
        self._processes, self._told = processes, told
        self._is_news = True
        self._failures: dict[str, str] = {}

    def learn(self, arrivals: Arrivals, time: datetime) -> None:
        """Let the world know what became known up to now."""
        for series, rows in arrivals.until(time).items():
            self._is_news |= series == self.plan.series
            for first in range(0, len(rows), _BATCH_ROWS):
                self.world.parts.store.record_observations(series, rows[first : first + _BATCH_ROWS])

    def forecast(self) -> None:
        """Call the job that forecasts, unless it would find nothing new."""
        if not self._is_news and self.plan.needs_news:
            return
        self._is_news = self._call(self.plan.forecasting, self._processes.run) is None
        self.has_forecast = True

    def train(self) -> None:
        """Call the job that trains on schedule, in a process of its own: what its libraries hold goes with it."""
        if self.plan.training is not None:
            self._call(self.plan.training, self.world.run)

    def check(self) -> None:
        """Have the model checked, and trained anew where there is something for its owner to do."""
        model, now = self.plan.model, self.world.parts.clock.now()
        if not self.has_forecast:
            return
        said = self._processes.run("ml_monitor", "check", "--model", model)
        self.timeline.add_check(now, said)
        self._told(f"{format_time(now)}: {said.splitlines()[0]}")
        if has_work(self.world.parts.store, model):
            self._told((self._call(self.plan.retraining, self.world.run) or "failed").strip())

    def _call(self, job: KnownJob, run: Callable[..., str]) -> str | None:
        """Return what a job wrote, or None if it failed. A failure is told once, until it is another or over."""
        now = self.world.parts.clock.now()
        try:
            output = run(job.module, *job.arguments)
        except CommandFailed as error:
            runs = self.world.parts.store.list_runs(job.name, newest=1)
            message = (runs[-1].message if runs and runs[-1].state == "failed" else None) or error.message
            if not self.has_forecast:
                raise CommandFailed(f"{job.name} failed at {format_time(now)}: {message}") from None
            if self._failures.get(job.name) != message:
                self.timeline.happenings.append(Happening(now, "failure", f"{job.name}: {message}"))
            self._failures[job.name] = message
            return None
        self._failures.pop(job.name, None)
        return output
