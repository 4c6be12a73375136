"""The anomaly app as processes: what a kill loses, what a stop loses, and a champion that changes while it answers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from anomaly_api.train import run
from ml_core.clock import Clock
from ml_core.processes import free_port
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from tests.processes import RunningApp, eventually, own_folders, start_app

LOSS_WINDOW = timedelta(seconds=1)
ROW = {"feature_vector": [150.0, 60.0], "score": True}


def a_table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({"mean": random.lognormal(5, 2.5, rows), "sd": random.lognormal(4, 2.5, rows)})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with one trained version."""
    store = JsonStore(tmp_path / "store")
    registry = Registry(store, tmp_path / "artifacts", Clock())
    a_table(300, 1).to_csv(tmp_path / "windows.csv", index=False)
    run(registry, tmp_path / "windows.csv")
    yield registry
    store.close()


class Client:
    """A connection that stays open, as a load balancer's does; it goes to one worker."""

    def __init__(self, url: str, port: int | None = None) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", port or parts.port, timeout=10)

    def post(self, body: Mapping[str, Any], path: str = "/prediction") -> dict[str, Any]:
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        with self.connection.getresponse() as answer:
            content: dict[str, Any] = json.loads(answer.read())
            assert answer.status == 200, content
            return content

    def close(self) -> None:
        self.connection.close()

    def get(self, path: str) -> str:
        self.connection.request("GET", path)
        with self.connection.getresponse() as answer:
            return answer.read().decode()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Make clients, which are closed at the end."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(closing(Client(*arguments)))


def predict_until_it_is_killed(app: RunningApp) -> list[tuple[str, datetime]]:
    """Predict on four connections, kill the app and its workers after a while; return what was answered, and when."""
    answered: list[tuple[str, datetime]] = []

    def predict() -> None:
        with closing(Client(app.url)) as client, suppress(OSError, http.client.HTTPException):  # it is killed
            while True:
                answer = client.post(ROW)
                answered.append((answer["prediction_id"], datetime.now(UTC)))

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(2.5)
    os.kill(app.pid, signal.SIGKILL)  # its workers are killed when it ends
    for thread in threads:
        thread.join()
    return answered


def stored_ids(registry: Registry) -> set[str]:
    now = datetime.now(UTC)
    rows = registry.store.predictions("anomaly_detector", now - timedelta(hours=1), now + timedelta(hours=1))
    return set(rows["prediction_id"])


def test_a_kill_loses_at_most_the_answers_of_the_last_second(registry: Registry, tmp_path: Path) -> None:
    with start_app("anomaly_api", own_folders(tmp_path)) as app:
        answered = predict_until_it_is_killed(app)
        end = max(time for _, time in answered)
        kept = stored_ids(registry)
    lost = [time for prediction_id, time in answered if prediction_id not in kept]
    assert len(answered) > 100
    assert all(end - time <= LOSS_WINDOW for time in lost)
    assert len(lost) < len(answered)


def test_a_kill_loses_nothing_with_synchronous_logging(registry: Registry, tmp_path: Path) -> None:
    with start_app("anomaly_api", {**own_folders(tmp_path), "ML_ANOMALY__LOG_MODE": "sync"}) as app:
        answered = predict_until_it_is_killed(app)
        assert {prediction_id for prediction_id, _ in answered} <= stored_ids(registry)
    assert len(answered) > 10


def test_a_stop_loses_nothing(registry: Registry, tmp_path: Path, connect: Callable[..., Client]) -> None:
    with start_app("anomaly_api", own_folders(tmp_path)) as app:
        clients = [connect(app.url) for _ in range(4)]
        answered = {client.post(ROW)["prediction_id"] for client in clients for _ in range(25)}
    assert answered == stored_ids(registry)


def test_a_new_champion_is_served_by_all_workers_without_a_restart(
    registry: Registry, tmp_path: Path, connect: Callable[..., Client]
) -> None:
    with start_app("anomaly_api", own_folders(tmp_path)) as app:
        clients = [connect(app.url) for _ in range(12)]
        before = {client.post(ROW)["anomaly_score"] for client in clients}
        assert len(before) == 1
        a_table(300, 2).to_csv(tmp_path / "other.csv", index=False)
        run(registry, tmp_path / "other.csv", "auto")
        eventually(lambda: before.isdisjoint(client.post(ROW)["anomaly_score"] for client in clients), seconds=10)
        assert len({client.post(ROW)["anomaly_score"] for client in clients}) == 1
        assert 'anomaly_model_info{model="anomaly_detector",version="2"} 1.0' in clients[0].get("/metrics")


def test_metrics_are_those_of_all_workers_and_a_refusal_skews_none(
    registry: Registry, tmp_path: Path, connect: Callable[..., Client]
) -> None:
    with start_app("anomaly_api", own_folders(tmp_path)) as app:
        for client in [connect(app.url) for _ in range(6)]:
            client.post(ROW)
            client.post({"feature_vectors": [[1, 2], [3, 4]]}, "/predictions")
            with pytest.raises(AssertionError, match="feature_vector"):
                client.post({"feature_vector": ["1", 2]})
        shown = connect(app.url).get("/metrics").splitlines()
    assert "num_prediction_requests_total 6.0" in shown
    assert "anomaly_prediction_score_count 18.0" in shown
    assert 'http_requests_total{method="POST",route="/prediction",status="422"} 6.0' in shown


def test_it_answers_on_a_second_port_until_it_ends(
    registry: Registry, tmp_path: Path, connect: Callable[..., Client]
) -> None:
    port = free_port()
    with start_app("anomaly_api", {**own_folders(tmp_path), "ML_ANOMALY__ALSO_PORT": str(port)}) as app:

        def answers() -> bool:
            with closing(Client(app.url, port)) as client:
                try:
                    return bool(client.post(ROW)["prediction_id"])
                except OSError:
                    return False

        eventually(answers)
        big = {"feature_vectors": [[1.5, 2.5]] * 5_000, "score": True}
        assert len(connect(app.url, port).post(big, "/predictions")["anomaly_score"]) == 5_000
        os.kill(app.pid, signal.SIGKILL)
        eventually(lambda: not answers())
