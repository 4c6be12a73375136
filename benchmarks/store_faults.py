"""Bits that flip in the segments of the JSON store, and a disk that fills up under it."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tinydb import TinyDB

from benchmarks.figures import MODEL, Figure, Sizes, a_batch, a_model, progress, quiet
from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth
from ml_core.store.json_segments import read_segment
from ml_core.store.json_store import JsonStore

_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_END = _NOON.replace(hour=23)
_ROUNDS = 3
_ROWS = 50
_REFUSALS = 30
_BALLAST_PARTS = 4
_FLIPPED_ROWS = 100
_SEED = 20261120


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of flipped bits and of a full disk, for which one must be allowed to mount a small one."""
    yield _bit_flips(sizes, folder)
    yield from _full_disk(sizes, folder)


class _Client:
    """Writes on three paths and remembers what was acknowledged."""

    def __init__(self, store: JsonStore) -> None:
        self.store = store
        self.predictions: set[str] = set()
        self.truths: set[str] = set()
        self.models: set[str] = set()
        self._number = 0

    @property
    def writes(self) -> list[Callable[[], None]]:
        """One write of each path."""
        return [self._predict, self._tell, self._put]

    def count(self) -> int:
        """Return how many rows were acknowledged."""
        return len(self.predictions) + len(self.truths) + len(self.models)

    def count_lost(self) -> int:
        """Return how many of them are not there."""
        known = set(self.store.predictions(MODEL, _NOON, _END)["prediction_id"])
        told = [GroundTruth(prediction_id, 1.0, _NOON) for prediction_id in sorted(self.truths)]
        truths = self.store.record_truths(MODEL, told).duplicates
        models = {model.name for model in self.store.list_models()}
        return len(self.predictions - known) + len(self.truths) - truths + len(self.models - models)

    def _predict(self) -> None:
        batch = a_batch(_NOON, _ROWS)
        self.store.record_predictions(MODEL, batch, new_ids=True)
        self.predictions.update(row.prediction_id for row in batch)

    def _tell(self) -> None:
        batch = [GroundTruth(row.prediction_id, 1.0, _NOON) for row in a_batch(_NOON, _ROWS)]
        self.store.record_truths(MODEL, batch)
        self.truths.update(row.prediction_id for row in batch)

    def _put(self) -> None:
        self._number += 1
        self.store.put_model(a_model(f"model-{self._number}"))
        self.models.add(f"model-{self._number}")


def _full_disk(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    progress(f"full disk: {_ROUNDS} rounds on {sizes.disk_kilobytes} kB")
    lost = acknowledged = refused = first_writes = stock_lost = stock_inserted = 0
    for number in range(_ROUNDS):
        with _small_disk(folder / f"disk-{number}", sizes.disk_kilobytes) as disk:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(sizes.disk_kilobytes * 1024 // _BALLAST_PARTS))
            client = _Client(JsonStore(disk / "store"))
            refused += _fill(client)
            lost += client.count_lost()
            ballast.unlink()
            for write in client.writes:
                write()
                first_writes += 1
            lost += client.count_lost()
            acknowledged += client.count()
        with _small_disk(folder / f"stock-{number}", sizes.disk_kilobytes // 8) as disk:
            inserted = _fill_tinydb(disk / "db.json")
            stock_inserted += inserted
            stock_lost += inserted - _count_tinydb(disk / "db.json")
    control = f"stock TinyDB lost {stock_lost:,} of {stock_inserted:,}"
    yield Figure(
        "full disk, acknowledged rows lost",
        f"{lost:,} of {acknowledged:,}; {control}",
        "0",
        lost == 0,
        stock_lost > 0 and refused > 0,
    )
    yield Figure(
        "full disk, writes refused as StoreUnavailable and first writes after space returned",
        f"{refused} refused, {first_writes} of {3 * _ROUNDS} then done",
        f"at least {_REFUSALS * _ROUNDS} and {3 * _ROUNDS}",
        refused >= _REFUSALS * _ROUNDS and first_writes == 3 * _ROUNDS,
    )


def _fill(client: _Client) -> int:
    """Write until every path was refused often; return the number of refusals. Any other error goes on its way."""
    refused = 0
    while refused < _REFUSALS:
        for write in client.writes:
            try:
                write()
            except StoreUnavailable:
                refused += 1
    return refused


def _fill_tinydb(path: Path) -> int:
    inserted = 0
    try:
        with TinyDB(path) as database:
            while True:
                database.insert({"name": f"model-{inserted}", "title": "x" * 200})
                inserted += 1
    except OSError:  # once from the insert, once more from closing the file
        return inserted


def _count_tinydb(path: Path) -> int:
    try:
        return len(json.loads(path.read_bytes())["_default"])
    except (json.JSONDecodeError, UnicodeDecodeError):
        return 0


@contextmanager
def _small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "bench-store", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _bit_flips(sizes: Sizes, folder: Path) -> Figure:
    progress(f"bit flips: {sizes.bit_flips:,}")
    store = JsonStore(folder / "store")
    batch = a_batch(_NOON, _FLIPPED_ROWS)
    store.record_predictions(MODEL, batch, new_ids=True)
    store.record_truths(MODEL, [GroundTruth(row.prediction_id, row.value, _NOON) for row in batch])
    segments = sorted((folder / "store" / "records").rglob("*.jsonl"))
    chance = random.Random(_SEED)
    silent = flagged = harmless = control = 0
    for number in range(sizes.bit_flips):
        path = segments[number % len(segments)]
        original = path.read_bytes()
        written, _ = read_segment(path)
        damaged = bytearray(original)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with quiet(read_segment.__module__) as said:
            rows, _ = read_segment(path)
        path.write_bytes(original)
        if said:
            flagged += 1
        elif rows == written:
            harmless += 1
        if _is_silently_wrong(rows, written, bool(said)):
            silent += 1
        if _is_silently_wrong(*_without_checksum(bytes(damaged), written)):
            control += 1
    value = (
        f"{silent} silently wrong, {flagged} flagged, {harmless} without harm; without the checksum {control} silent"
    )
    return Figure(f"{sizes.bit_flips:,} bit flips in segments", value, "0 silently wrong", silent == 0, control > 0)


def _is_silently_wrong(rows: list[Any], written: list[Any], flagged: bool) -> bool:
    """Whether a row came back that nobody wrote, or one is missing and nothing was said."""
    return any(row not in written for row in rows) or (len(rows) != len(written) and not flagged)


def _without_checksum(content: bytes, written: list[Any]) -> tuple[list[Any], list[Any], bool]:
    """Read the lines as plain JSON; a line that is none is flagged."""
    rows, flagged = [], False
    for line in content.split(b"\n"):
        try:
            row = json.loads(line) if line else None
        except (json.JSONDecodeError, UnicodeDecodeError):
            flagged = True
            continue
        if isinstance(row, dict):
            rows.append({key: value for key, value in row.items() if key != "crc"})
    return rows, written, flagged
