"""A replay of a model that forecasts a series: each value comes when it became known, and production goes on from it.

The jobs that forecast and train are called when the suite's schedule calls them, checks each ``every``. What is not
known yet is not in the store that they work on, so nothing of the future can reach a forecast. A job that fails is told
and does not stop the replay, as it would not stop production; only the first forecast must succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge

from forecasting_jobs.kept_process import KeptProcesses, kept_processes
from forecasting_jobs.replay.arrivals import Arrivals
from forecasting_jobs.replay.forecast_plans import ForecastPlan
from forecasting_jobs.replay.owners import has_work, owner_command
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
    start: datetime,
    end: datetime,
    every: timedelta,
    *,
    with_training: bool = True,
    told: Told,
) -> Timeline:
    """Replay a model's series from ``start`` to ``end``; return what would have happened.

    It begins with the champion that served at ``start`` or, where there was none, with what the first forecast trains.
    Without ``with_training`` the training on schedule is left out. Raises what the first forecast and the checks raise.
    """
    world.set_time(start)
    copy_rules(world)
    if plan.model in {model.name for model in real.store.list_models()}:
        copied = copy_model(real, world.parts.registry, plan.model, start)
        if copied is not None:
            copy_forecasts(real.store, world.parts.store, plan.series, copied, start)
    with kept_processes(world.environ) as processes:
        production = _Production(world, plan, Timeline(plan.model, start, end, _METRIC), processes, told)
        for time, _, call in _agenda(production, start, end, every, with_training=with_training):
            world.set_time(time)
            production.learn(arrivals, time)
            call()
    if not production.has_forecast:
        raise SuiteError(f"--to: {plan.forecasting.name} is not called before {format_time(end)}: end later")
    production.timeline.add_warnings(world.parts.store, plan.warning, plan.probability)
    production.timeline.finish(world.parts)
    return production.timeline


def _agenda(
    production: _Production, start: datetime, end: datetime, every: timedelta, *, with_training: bool
) -> Iterator[tuple[datetime, int, Call]]:
    """Yield what is called when: of what is called at the same time a forecast comes first, and a check last."""
    plan = production.plan
    called = [((time, 1, production.forecast) for time in _times(plan.forecasting, start, end))]
    if with_training:
        called.append((time, 2, production.train) for time in _times(plan.training, start, end))
    return merge(*called, ((time, 3, production.check) for time in _checks(start, end, every)))


def _times(job: KnownJob, start: datetime, end: datetime) -> Iterator[datetime]:
    time = job.times.next_after(start, UTC)
    while time is not None and time <= end:
        yield time
        time = job.times.next_after(time, UTC)


def _checks(start: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    while start < end:
        start = min(start + every, end)
        yield start


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
        self._is_news = not self._call(self.plan.forecasting, self._processes.run)
        self.has_forecast = True

    def train(self) -> None:
        """Call the job that trains on schedule, in a process of its own: what its libraries hold goes with it."""
        self._call(self.plan.training, self.world.run)

    def check(self) -> None:
        """Have the model checked, and trained anew where there is something for its owner to do."""
        model, now = self.plan.model, self.world.parts.clock.now()
        if not self.has_forecast:
            return
        said = self._processes.run("ml_monitor", "check", "--model", model)
        self.timeline.add_check(now, said)
        self._told(f"{format_time(now)}: {said.splitlines()[0]}")
        command = owner_command(model)
        if command and has_work(self.world.parts.store, model):
            self._told(self.world.run(*command).strip())

    def _call(self, job: KnownJob, run: Callable[..., str]) -> bool:
        """Call a job; return whether it did its work. A failure is told once, until it is another or over."""
        now = self.world.parts.clock.now()
        try:
            run(job.module, *job.arguments)
        except CommandFailed as error:
            runs = self.world.parts.store.list_runs(job.name, newest=1)
            message = (runs[-1].message if runs and runs[-1].state == "failed" else None) or error.message
            if not self.has_forecast:
                raise CommandFailed(f"{job.name} failed at {format_time(now)}: {message}") from None
            if self._failures.get(job.name) != message:
                self.timeline.happenings.append(Happening(now, "failure", f"{job.name}: {message}"))
            self._failures[job.name] = message
            return False
        self._failures.pop(job.name, None)
        return True
