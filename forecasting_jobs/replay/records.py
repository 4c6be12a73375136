"""A replay of any model whose predictions are in the store: they and their truths come once more, each at its time.

A truth comes when it came (``received_time``), with the value that it had then, so a check of the replay knows no more
than a check of that day. As long as the champion of the replay is the one that served, what it said is taken as it was
said; after a promotion the new champion is asked, on the same features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from forecasting_jobs.replay.owners import has_work, owner_command
from forecasting_jobs.replay.scratch import Scratch, champions_at, copy_model, copy_rules
from forecasting_jobs.replay.timeline import Timeline
from ml_core.artifacts.folders import load_artifact
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.records import GroundTruth, Model, ModelVersion, Prediction
from ml_core.registry import Registry
from ml_core.retraining.shadows import as_predictions

Told = Callable[[str], None]
_BATCH_ROWS = 1_000


def replayable(real: Registry, name: str, start: datetime, end: datetime) -> Model:
    """Return the model of a name or seed id, if there is something of it to replay.

    Raises ``ModelNotFound``, and ``InvalidInput`` if no version served at ``start`` or nothing was predicted.
    """
    model = real.find(name)
    if not champions_at(real, name, start):
        raise _refused(f"no version of {name} served at {format_time(start)}: begin later")
    if not real.store.count_predictions(model.name, start, end, timedelta(days=1)):
        raise _refused(f"nothing was predicted by {name} from {format_time(start)} to {format_time(end)}")
    return model


def replay_records(
    world: Scratch, real: Registry, name: str, start: datetime, end: datetime, every: timedelta, *, told: Told
) -> Timeline:
    """Replay a model's predictions of ``start <= time < end``, checked each ``every``; return what would have happened.

    Raises as ``replayable`` does, and what the commands raise.
    """
    model = replayable(real, name, start, end)
    world.set_time(start)
    copy_rules(world)
    copy_model(real, world.parts.registry, model.name, start)
    copied = frozenset(version.number for version in world.parts.store.list_versions(model.name))
    timeline = Timeline(model.name, start, end, model.headline_metric or _metric_of(model.task))
    truths = _Truths(real, model.name, start, end)
    command, stretches = owner_command(model.name), list(_stretches(start, end, every))
    for number, (begin, stop) in enumerate(stretches, start=1):
        world.set_time(stop)
        rows = as_predictions(real.store.predictions(model.name, begin, stop))
        said = _as_served(world, model.name, rows, copied)
        for first in range(0, len(said), _BATCH_ROWS):
            world.parts.store.record_predictions(model.name, said[first : first + _BATCH_ROWS])
        due = truths.until(stop)
        for first in range(0, len(due), _BATCH_ROWS):
            world.parts.store.record_truths(model.name, due[first : first + _BATCH_ROWS])
        timeline.add_check(stop, world.run("ml_monitor", "check", "--model", model.name))
        told(f"{number} of {len(stretches)}: {format_time(stop)}, {len(said)} predictions, {len(due)} truths")
        if command and has_work(world.parts.store, model.name):
            told(world.run(*command).strip())
    timeline.finish(world.parts)
    return timeline


def _refused(message: str) -> InvalidInput:
    return InvalidInput(f"--from: {message}", [FieldError("--from", message)])


class _Truths:
    """The truths of what was predicted in a range of time, each value once, when it came."""

    def __init__(self, real: Registry, model: str, start: datetime, end: datetime) -> None:
        ids = real.store.predictions(model, start, end)["prediction_id"].tolist()
        found = real.store.truth_history(model, ids) if ids else iter(())
        self._waiting = sorted(found, key=lambda truth: truth.received_time, reverse=True)

    def until(self, time: datetime) -> list[GroundTruth]:
        """Return those that came up to ``time`` and were not returned before, in order."""
        due = []
        while self._waiting and self._waiting[-1].received_time <= time:
            due.append(self._waiting.pop())
        return due


def _as_served(world: Scratch, model: str, rows: Sequence[Prediction], copied: Collection[int]) -> list[Prediction]:
    """Return what the champion of the replay would have said: what was said, if that is of its version.

    A version that the replay trained itself is another than that of its number outside.
    """
    champion = world.parts.registry.champion(world.parts.registry.find(model))
    if champion is None or champion.artifact is None:
        return list(rows)
    own_versions = {champion.number, None} if champion.number in copied else frozenset[int | None]()
    own = [row for row in rows if row.version in own_versions]
    others = [row for row in rows if row.version not in own_versions]
    return own + _asked(world, champion, others)


def _asked(world: Scratch, champion: ModelVersion, rows: Sequence[Prediction]) -> list[Prediction]:
    names = [feature.name for feature in champion.features]
    whole = [row for row in rows if all(row.features.get(name) is not None for name in names)]
    if not whole:
        return []
    loaded = load_artifact(world.parts.registry.artifact_folder(champion), champion.artifact_sha256 or "")
    outputs = loaded.predict(pd.DataFrame([[row.features[name] for name in names] for row in whole], columns=names))
    return [
        replace(
            row,
            value=outputs.values[index],
            score=None if outputs.scores is None or math.isnan(outputs.scores[index]) else float(outputs.scores[index]),
            scores=None,
            version=champion.number,
        )
        for index, row in enumerate(whole)
    ]


def _stretches(start: datetime, end: datetime, every: timedelta) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        stop = min(start + every, end)
        yield start, stop
        start = stop


def _metric_of(task: str) -> str:
    return "roc_auc" if task == "binary" else "rmse" if task in ("regression", "forecast") else "accuracy"
