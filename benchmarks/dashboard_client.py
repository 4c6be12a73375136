"""What ``watch(model)`` adds to the calls of a forest, and whether it loses anything while the monitor is down."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import requests
from sklearn.ensemble import RandomForestClassifier

from benchmarks.figures import Figure, Sizes, in_turns, milliseconds, progress, seconds_of
from ml_core.client import MonitorClient, watch
from ml_core.clock import Clock
from ml_core.processes import free_port
from ml_core.store.json_store import JsonStore
from tests.processes import own_folders, resident_megabytes, start_app

TREES, FEATURES = 100, 10
NAME = "forest"
_CALLS_A_SECOND = 5
_LOWEST = 19
_DAY = timedelta(days=1)


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of the client."""
    random = np.random.default_rng(1)
    rows = random.normal(size=(5 * sizes.rows_per_call, FEATURES))
    truth = (rows[:, 0] + random.normal(size=len(rows)) > 0).astype(int)
    forest = RandomForestClassifier(TREES, random_state=1).fit(rows, truth)
    batch = rows[: sizes.rows_per_call]
    yield _added(sizes, folder / "added", forest, batch)
    yield _lost(sizes, folder / "lost", forest, batch[:100])


def _added(sizes: Sizes, folder: Path, forest: Any, batch: Any) -> Figure:
    """Measure calls in turns; before each turn all is sent, so that the bare model bears nothing of the other's.

    The monitor runs at the lowest priority: it is what the client leaves, and on another machine would be, to others.
    """
    progress(f"client: {sizes.forest_calls} calls of a forest with and without being watched, in turns")
    with start_app("ml_monitor", own_folders(folder)) as app, _client(app.url, folder) as client:
        _step_back(app.pid)
        watched = watch(forest, NAME, client=client)

        def call(model: Any) -> float:
            assert client.flush(120)
            return seconds_of(lambda: [model.predict_proba(batch) for _ in range(sizes.forest_calls)])

        call(watched)
        pairs = in_turns(sizes.forest_rounds, lambda number: call(watched), lambda number: call(forest))
        client.flush(120)
        status = client.status()
    sent = (sizes.forest_rounds + 1) * sizes.forest_calls * len(batch)
    return Figure(
        f"time of a watched forest of {TREES} trees for batches of {len(batch):,} rows / of the forest alone",
        pairs.show(milliseconds),
        "at most 1.1",
        pairs.ratio <= 1.1,
        shown=status.accepted == sent,
    )


def _lost(sizes: Sizes, folder: Path, forest: Any, batch: Any) -> Figure:
    """Call a watched model all the time, with the monitor killed in between; the control posts each batch by itself."""
    progress(f"client: calls of a watched model while the monitor is down for {sizes.down_seconds:.0f} s")
    environment, port = own_folders(folder), free_port()
    predicted: list[str] = []
    control_lost = 0
    with _client(f"http://127.0.0.1:{port}", folder) as client:
        watched: Any = watch(forest, NAME, client=client)

        def call(seconds: float) -> None:
            nonlocal control_lost
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                watched.predict(batch)
                predicted.extend(watched.last_ids)
                control_lost += _post(client.url, len(batch))
                time.sleep(1 / _CALLS_A_SECOND)

        with start_app("ml_monitor", environment, port):
            call(1)
        call(sizes.down_seconds)
        with start_app("ml_monitor", environment, port):
            call(1)
            client.flush(120)
    with closing(JsonStore(folder / "store")) as store:
        now = Clock().now()
        stored = list(store.predictions(NAME, now - _DAY, now + _DAY)["prediction_id"])
    lost, twice = len(set(predicted) - set(stored)), len(stored) - len(set(stored))
    return Figure(
        f"predictions lost with the monitor down for {sizes.down_seconds:.0f} s",
        f"{lost} of {len(predicted):,}, {twice} stored twice; posting each batch at once lost {control_lost:,}",
        "0 lost, 0 twice",
        lost == 0 and twice == 0,
        shown=control_lost > 0,
    )


def _step_back(pid: int) -> None:
    for process in resident_megabytes(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), _LOWEST)


def _client(url: str, folder: Path) -> MonitorClient:
    return MonitorClient(url, queue_folder=folder / "queue")


def _post(url: str, rows: int) -> int:
    """Post a batch as the control does; return how many rows are lost by it."""
    items = [{"features": {"x0": 1.0}, "value": 1} for _ in range(rows)]
    try:
        answer = requests.post(f"{url}/predictions", json={"model": "control", "predictions": items}, timeout=10)
    except requests.ConnectionError:
        return rows
    return 0 if answer.status_code in (200, 404) else rows  # that nobody has registered it is not the point
