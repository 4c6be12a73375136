"""A replay of link traffic: its history rolls through served forecasts, labels, checks and retraining once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from forecasting_jobs.kept_process import KeptProcesses, kept_processes
from forecasting_jobs.link_traffic.check_model import check_model
from forecasting_jobs.link_traffic.files import write_table
from forecasting_jobs.link_traffic.get_predictions import Roll
from forecasting_jobs.link_traffic.link_series import LinkSeries, table_of
from forecasting_jobs.link_traffic.models_client import client_of
from forecasting_jobs.link_traffic.train import model_name
from forecasting_jobs.replay.owners import has_work
from forecasting_jobs.replay.scratch import Scratch, copy_model, copy_rules, serving
from forecasting_jobs.replay.timeline import Timeline
from ml_core.registry import Registry

Told = Callable[[str], None]
_METRIC = "rmse"


def replay_traffic(
    world: Scratch,
    real: Registry,
    step: str,
    links: Sequence[LinkSeries],
    start: datetime,
    end: datetime,
    *,
    train_options: Sequence[str] = (),
    told: Told,
) -> Timeline:
    """Replay the traffic of links from ``start`` to ``end``; return what would have happened.

    It begins with the champion that served at ``start`` or, where there was none, with one that is trained then on what
    lies before. Raises what the commands raise.
    """
    model = model_name(step)
    timeline = Timeline(model, start, end, _METRIC)
    world.set_time(start)
    copy_rules(world)
    known = {each.name for each in real.store.list_models()}
    if model not in known or copy_model(real, world.parts.registry, model, start) is None:
        _train(world, step, links, start, train_options, told)
    with serving(world), kept_processes(world.environ) as processes:
        roll = Roll(client_of(world.parts.settings, model), links, world.parts.settings.link_traffic)
        jobs = _Jobs(world, timeline, processes, told)
        times = list(roll.issue_times(start, end - roll.step))
        for number, issue_time in enumerate(times, start=1):
            world.set_time(issue_time + roll.step)
            roll.run(issue_time, issue_time + roll.step, served_since=start - timedelta(days=1), checked=jobs)
            jobs.retrain()
            told(f"{number} of {len(times)}: {issue_time:%Y-%m-%d %H:%M}")
    timeline.finish(world.parts)
    return timeline


class _Jobs:
    """What follows: the check after each window, and at each issue time the owner's job, where there is work for it."""

    def __init__(self, world: Scratch, timeline: Timeline, processes: KeptProcesses, told: Told) -> None:
        self.world = world
        self.processes = processes
        self.timeline = timeline
        self.told = told

    def __call__(self, issue_time: datetime) -> None:
        model, now = self.timeline.model, self.world.parts.clock.now()
        verdict = check_model(self.world.parts, model, lambda command: self.processes.run(*command))
        self.timeline.add_check(now, "\n".join(verdict.moves))
        self.told(verdict.told())

    def retrain(self) -> None:
        """Run the job retrain_model as if it were its hour, if somebody has asked for it or a version is on trial."""
        if has_work(self.world.parts.store, self.timeline.model):
            self.told(self.processes.run("forecasting_jobs", "link-traffic", "retrain").strip())


def _train(
    world: Scratch, step: str, links: Sequence[LinkSeries], start: datetime, options: Sequence[str], told: Told
) -> None:
    """Train in the world on what was known at ``start``, and on nothing else: the file holds no more."""
    table = table_of(links)
    file = world.folder / "history.csv"
    write_table(file, table[table["time"] + links[0].step <= start])
    told(world.run("forecasting_jobs", "link-traffic", "train", "--step", step, "--input", str(file), *options).strip())
