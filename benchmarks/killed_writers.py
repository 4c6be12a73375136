"""The writers that are killed: each writes on one path without end, and notes what the store has acknowledged.

A note is one line in one write, so that a kill leaves it whole or not there.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from benchmarks.figures import a_batch, a_model
from ml_core.ids import new_id
from ml_core.records import GroundTruth, ModelVersion, StageChange
from ml_core.store.json_store import JsonStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY_FILE = f"{NOON:%Y-%m-%d}.jsonl"
JOB_FILE = f"{NOON:%Y-%m}.jsonl"
PADDING = 2000
_TRUTHS = 200
_ERASED, _KEPT = 25, 50
_HOUR = timedelta(hours=1)
_LONG = timedelta(days=1)

Note = Callable[[str], None]


def write(path: str, folder: Path, acknowledged: Path, rows: int) -> None:
    """Write on a path until killed."""
    logging.getLogger("ml_core.lines").setLevel(logging.ERROR)  # it tells of each tail that it cuts
    store = JsonStore(folder)
    descriptor = os.open(acknowledged, os.O_WRONLY | os.O_APPEND)

    def note(text: str) -> None:
        os.write(descriptor, f"{path}\t{text}\n".encode())

    if path == "predictions":
        _predictions(store, note, rows)
    elif path == "truths":
        _truths(store, note)
    elif path == "documents":
        _documents(store, note)
    elif path == "job runs":
        _job_runs(store, note)
    else:
        _erasures(store, note)


def _predictions(store: JsonStore, note: Note, rows: int) -> None:
    while True:
        batch = a_batch(NOON, rows, PADDING)
        assert store.record_predictions("killed", batch, new_ids=True).accepted == rows
        note(f"{batch[0].prediction_id[:36]}\t{rows}")


def _truths(store: JsonStore, note: Note) -> None:
    while True:
        first = new_id(NOON)
        assert store.record_truths("killed", _truth_batch(first)).accepted == _TRUTHS
        note(first)


def _truth_batch(first: str) -> list[GroundTruth]:
    return [GroundTruth(f"{first}-{row}", float(row), NOON) for row in range(_TRUTHS)]


def _documents(store: JsonStore, note: Note) -> None:
    while True:
        name = f"model-{new_id(NOON)}"
        store.put_model(a_model(name))
        note(f"{name}\t0")
        store.add_version(ModelVersion(name, NOON))
        note(f"{name}\t1")
        assert store.change_stage(name, StageChange(NOON, "promote", 1, None))
        note(f"{name}\t2")


def _job_runs(store: JsonStore, note: Note) -> None:
    taken = store.list_runs("nightly", newest=1)
    for number in count(round((taken[0].slot - NOON) / _HOUR * 3600) + 1 if taken else 0):
        slot = NOON + timedelta(seconds=number)
        lease = store.claim_run("nightly", slot, now=NOON, lease=_LONG, holder="a writer")
        assert lease is not None
        note(f"{slot.isoformat()}\trunning")
        assert store.finish_run(lease, now=NOON, state="done", log_tail="all went well\n" * 20)
        note(f"{slot.isoformat()}\tdone")


def _erasures(store: JsonStore, note: Note) -> None:
    while True:
        batch = a_batch(NOON, _KEPT)
        first = batch[0].prediction_id[:36]
        assert store.record_predictions("erased", batch, new_ids=True).accepted == _KEPT
        note(f"{first}\trecorded")
        store.erase("erased", [row.prediction_id for row in batch[:_ERASED]])
        note(f"{first}\terased")


@dataclass
class Acknowledged:
    """What the writers have noted, by path; of the same key the last note counts."""

    notes: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def read(cls, path: Path) -> Acknowledged:
        """Read the notes."""
        found = cls()
        for line in path.read_text().splitlines():
            kind, key, *value = line.split("\t")
            found.notes[kind][key] = value[0] if value else ""
        return found

    @property
    def count(self) -> int:
        """The number of rows acknowledged."""
        predictions = sum(int(rows) for rows in self.notes["predictions"].values())
        others = len(self.notes["documents"]) + len(self.notes["job runs"])
        return predictions + _TRUTHS * len(self.notes["truths"]) + others + _KEPT * len(self.notes["erasures"])

    def count_lost(self, store: JsonStore) -> int:
        """Return how many acknowledged rows are not there as they were written."""
        checks = (self._predictions, self._truths, self._documents, self._job_runs, self._erasures)
        return sum(sum(check(store)) for check in checks)

    def _predictions(self, store: JsonStore) -> Iterator[int]:
        values = _values(store, "killed")
        for first, rows in self.notes["predictions"].items():
            yield sum(values.get(f"{first}-{row}") != row for row in range(int(rows)))

    def _truths(self, store: JsonStore) -> Iterator[int]:
        for first in self.notes["truths"]:
            yield _TRUTHS - store.record_truths("killed", _truth_batch(first)).duplicates

    def _documents(self, store: JsonStore) -> Iterator[int]:
        models = {model.name: model for model in store.list_models()}
        for name, step in self.notes["documents"].items():
            done = [name in models, len(store.list_versions(name)) == 1, name in models and models[name].champion == 1]
            yield 0 if all(done[: int(step) + 1]) else 1

    def _job_runs(self, store: JsonStore) -> Iterator[int]:
        runs = {run.slot.isoformat(): run.state for run in store.list_runs("nightly", newest=1_000_000)}
        for slot, state in self.notes["job runs"].items():
            yield 0 if runs.get(slot) in (state, "done") else 1

    def _erasures(self, store: JsonStore) -> Iterator[int]:
        values = _values(store, "erased")
        for first, state in self.notes["erasures"].items():
            kept = sum(values.get(f"{first}-{row}") == row for row in range(_ERASED, _KEPT))
            back = sum(f"{first}-{row}" in values for row in range(_ERASED)) if state == "erased" else 0
            yield _KEPT - _ERASED - kept + back


def _values(store: JsonStore, model: str) -> dict[str, object]:
    frame = store.predictions(model, NOON, NOON + _HOUR)
    return dict(zip(frame["prediction_id"], frame["value"], strict=True))
