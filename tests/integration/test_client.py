"""The client beside a monitor that dies and comes back, in a process that is killed, and on a disk that is full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import requests

from ml_core.client import MonitorClient
from ml_core.clock import Clock
from ml_core.config import project_root
from ml_core.processes import free_port
from ml_core.store.json_store import JsonStore
from tests.processes import eventually, own_folders, start_app

FRAME = pd.DataFrame({"age": [41.0, 29.0, 55.0], "country": ["PT", "ES", None]})
CALLER = """
import sys
from ml_core.client import MonitorClient
client = MonitorClient(sys.argv[1], queue_folder=sys.argv[2])
while True:
    ids = client.log_predictions("churn", [{"age": 41}] * 50, [1] * 50)
    print(*ids, flush=True)
"""


def register(url: str) -> None:
    assert requests.post(f"{url}/models", json={"name": "churn", "task": "binary"}, timeout=10).status_code == 201


def stored_ids(tmp_path: Path) -> list[str]:
    now = Clock().now()
    with closing(JsonStore(tmp_path / "store")) as store:
        return list(store.predictions("churn", now - timedelta(days=1), now + timedelta(days=1))["prediction_id"])


def test_a_monitor_that_is_killed_and_comes_back_gets_every_row_once(tmp_path: Path) -> None:
    environment, port = own_folders(tmp_path), free_port()
    sent: list[str] = []
    with start_app("ml_monitor", environment, port) as app:
        register(app.url)
        with MonitorClient(app.url, queue_folder=tmp_path / "queue") as client:
            sent += client.log_predictions("churn", FRAME, [1, 0, 1])
            assert client.flush()
            os.kill(app.pid, signal.SIGKILL)
            for _ in range(50):
                sent += client.log_predictions("churn", FRAME, [1, 0, 1])
            eventually(lambda: client.status().trouble is not None)
            with start_app("ml_monitor", environment, port):
                for _ in range(50):
                    sent += client.log_predictions("churn", FRAME, [1, 0, 1])
                assert client.flush(60)
                status = client.status()
    assert (status.logged, status.accepted, status.not_queued, status.refused) == (303, 303, 0, 0)
    assert sorted(stored_ids(tmp_path)) == sorted(sent)


def test_what_a_killed_caller_had_queued_is_sent_by_the_next_one(tmp_path: Path) -> None:
    queue, port = tmp_path / "queue", free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = [sys.executable, "-c", CALLER, url, str(queue)]
    with subprocess.Popen(arguments, cwd=project_root(), stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        told = [caller.stdout.readline() for _ in range(41)]
        caller.kill()
        told += caller.stdout.read().splitlines()
    # Whatever it had told of when it was killed is on disk; the last line may have been cut in the telling.
    promised = {each for line in told[:-1] for each in line.split()}
    with start_app("ml_monitor", own_folders(tmp_path), port) as app:
        register(app.url)
        with MonitorClient(url, queue_folder=queue) as client:
            assert client.flush(60)
            assert client.status().accepted >= len(promised) >= 2000
    found = stored_ids(tmp_path)
    assert promised <= set(found)
    assert len(found) == len(set(found))
    assert [path for path in queue.rglob("*") if path.is_file()] == []


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "client-queue", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_rows_that_are_counted_and_what_was_queued_still_arrives(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with small_disk(tmp_path / "disk", 64), MonitorClient(url, queue_folder=tmp_path / "disk" / "queue") as client:
        batches = [client.log_predictions("churn", [{"note": "x" * 200}] * 20, [1] * 20) for _ in range(50)]
        status = client.status()
        assert status.logged + status.not_queued == 1000
        assert status.logged > 0
        assert status.not_queued > 0
        with start_app("ml_monitor", own_folders(tmp_path), port) as app:
            register(app.url)
            assert client.flush(60)
            batches.append(client.log_predictions("churn", [{"age": 41}] * 20, [1] * 20))
            assert client.flush(60)
            assert client.status().accepted == status.logged + 20
    known, found = {each for batch in batches for each in batch}, stored_ids(tmp_path)
    assert set(found) <= known
    assert set(batches[-1]) <= set(found)
    assert len(found) == len(set(found)) == status.logged + 20
