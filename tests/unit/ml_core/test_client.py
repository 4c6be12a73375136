"""The client against the real app, served by a thread: what it queues, sends, sets apart, and what it never does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ml_core.client import MonitorClient, watch
from ml_core.clock import FixedClock
from ml_core.config import project_root
from ml_core.errors import ConfigurationError, DeliveryFailed, InvalidInput
from ml_core.lines import encode_line
from ml_core.outbox import courier
from ml_core.processes import free_port
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_model
from tests.processes import eventually
from tests.serving import serving

FRAME = pd.DataFrame({"age": [41.0, 29.0, 55.0], "country": ["PT", "ES", None]})
DAY = timedelta(days=1)
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def a_client(url: str, folder: Path, clock: FixedClock, **more: Any) -> Iterator[MonitorClient]:
    with MonitorClient(url, queue_folder=folder / "queue", clock=clock, timeout_seconds=5, **more) as client:
        yield client


@pytest.fixture
def url(settings: Settings, json_store: JsonStore, clock: FixedClock) -> Iterator[str]:
    with serving(create_app(settings, json_store, clock)) as served:
        yield served


@pytest.fixture
def client(url: str, tmp_path: Path, clock: FixedClock, registry: Registry) -> Iterator[MonitorClient]:
    registry.add_model(a_model("churn", task="binary"))
    with a_client(url, tmp_path, clock) as made:
        yield made


def scored(store: JsonStore) -> pd.DataFrame:
    return store.scored("churn", NOON - DAY, NOON + DAY)


def test_predictions_and_their_truths_arrive(client: MonitorClient, json_store: JsonStore) -> None:
    ids = client.log_predictions("churn", FRAME, [1, 0, 1], scores=np.array([0.8, 0.1, 0.6]))
    client.log_ground_truth("churn", ids[:2], [1, 1])
    assert client.flush()
    rows = scored(json_store)
    assert sorted(rows["prediction_id"]) == sorted(ids)
    by_id = rows.set_index("prediction_id").loc[ids]
    assert list(by_id["score"]) == [0.8, 0.1, 0.6]
    assert list(by_id["features"])[2] == {"age": 55.0, "country": None}
    assert list(by_id["truth"])[:2] == [1.0, 1.0]
    assert pd.isna(list(by_id["truth"])[2])
    assert set(by_id["time"]) == {pd.Timestamp(NOON)}
    status = client.status()
    assert (status.logged, status.accepted, status.duplicates, status.waiting_bytes) == (5, 5, 0, 0)


def test_own_ids_and_times_are_kept_and_a_resend_is_a_duplicate(client: MonitorClient, json_store: JsonStore) -> None:
    times = [NOON - timedelta(hours=hours) for hours in (3, 2, 1)]
    for _ in range(2):
        assert client.log_predictions("churn", FRAME, [1, 0, 1], ids=["a", "b", "c"], times=times) == ["a", "b", "c"]
    assert client.flush()
    assert [time.to_pydatetime() for time in scored(json_store)["time"]] == times
    assert (client.status().accepted, client.status().duplicates) == (3, 3)


def test_a_wrong_truth_is_corrected(client: MonitorClient, json_store: JsonStore) -> None:
    (prediction_id,) = client.log_predictions("churn", {"age": 41}, 1)
    client.log_ground_truth("churn", {prediction_id: 0})
    client.log_ground_truth("churn", {prediction_id: 1}, correct=True)
    assert client.flush()
    assert list(scored(json_store)["truth"]) == [1.0]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("churn", FRAME, [1, 0]), "values"),
        (("no name", FRAME, [1, 0, 1]), "model"),
        (("churn", 7, [1]), "features"),
    ],
)
def test_wrong_arguments_are_told_and_nothing_is_logged(client: MonitorClient, arguments: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        client.log_predictions(*arguments)
    with pytest.raises(InvalidInput, match=r"^ids: expected one for each of 3 rows"):
        client.log_predictions("churn", FRAME, [1, 0, 1], ids=["a"])
    assert client.status().logged == 0


def test_rows_that_are_refused_are_kept_with_the_reason_and_can_be_sent_again(
    client: MonitorClient, registry: Registry, json_store: JsonStore, caplog: pytest.LogCaptureFixture
) -> None:
    client.log_predictions("churn", FRAME, [1.0, np.nan, 0.0], ids=["a", "b", "c"], times=NOON)
    client.log_predictions("unknown", FRAME, [1, 0, 1], ids=["d", "e", "f"], times=NOON)
    assert client.flush()
    assert client.status().refused == 4
    refused = {row.item["prediction_id"]: row for row in client.refused()}
    assert refused["b"].reason == "value: expected a finite number or a label (text)"
    assert "no model 'unknown'" in refused["d"].reason
    assert "3 rows of unknown were refused" in caplog.text
    registry.add_model(a_model("unknown", task="binary"))
    assert client.send_refused_again() == 4
    assert client.flush()
    assert [row.item["prediction_id"] for row in client.refused()] == ["b"]
    assert set(json_store.predictions("unknown", NOON - DAY, NOON + DAY)["prediction_id"]) == {"d", "e", "f"}


def test_two_lines_watch_a_model_that_nobody_has_registered(
    url: str, tmp_path: Path, clock: FixedClock, json_store: JsonStore
) -> None:
    model = LogisticRegression().fit(FRAME[["age"]], [1, 0, 1])
    with a_client(url, tmp_path, clock) as client:
        watched = watch(model, "churn", client=client)
        answer = watched.predict_proba(FRAME[["age"]])
        client.log_ground_truth("churn", watched.last_ids, [1, 0, 1])  # type: ignore[attr-defined]
        assert client.flush()
    stored = scored(json_store)
    assert sorted(stored["score"]) == sorted(answer[:, 1])
    assert stored["truth"].notna().all()
    found = json_store.get_model("churn")
    assert found is not None
    assert found.task == "binary"


def test_a_model_is_registered_with_its_reference(url: str, tmp_path: Path, clock: FixedClock) -> None:
    with a_client(url, tmp_path, clock) as client:
        client.register_model("churn", "binary", title="Customers who leave", headline_metric="roc_auc")
        client.send_reference("churn", FRAME.assign(value=[1, 0, 1], truth=[1, 0, 0]))
        with pytest.raises(DeliveryFailed, match="404"):
            client.send_reference("unknown", FRAME)
    with a_client(NOWHERE, tmp_path, clock) as client, pytest.raises(DeliveryFailed, match="cannot be reached"):
        client.register_model("churn", "binary")


def test_rows_wait_while_the_monitor_is_away_and_the_next_client_sends_them(
    settings: Settings, tmp_path: Path, clock: FixedClock, json_store: JsonStore, registry: Registry
) -> None:
    registry.add_model(a_model("churn", task="binary"))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with a_client(address, tmp_path, clock) as client:
        ids = client.log_predictions("churn", FRAME, [1, 0, 1])
        assert not client.flush(0.3)
        assert "cannot be reached" in (client.status().trouble or "")
        assert client.status().waiting_bytes > 0
    with serving(create_app(settings, json_store, clock), port), a_client(address, tmp_path, clock) as client:
        more = client.log_predictions("churn", FRAME, [1, 0, 1])
        assert client.flush()
        assert client.status().trouble is None
    assert set(scored(json_store)["prediction_id"]) == {*ids, *more}
    assert list((tmp_path / "queue").rglob("*.jsonl")) == []


def test_rows_that_came_while_the_monitor_was_away_go_out_by_themselves(
    settings: Settings, tmp_path: Path, clock: FixedClock, json_store: JsonStore, registry: Registry
) -> None:
    registry.add_model(a_model("churn", task="binary"))
    port = free_port()
    with a_client(f"http://127.0.0.1:{port}", tmp_path, clock) as client:
        client.log_predictions("churn", FRAME, [1, 0, 1])
        eventually(lambda: client.status().trouble is not None)
        with serving(create_app(settings, json_store, clock), port):
            eventually(lambda: client.status().accepted == 3)


def test_a_full_queue_keeps_the_oldest_rows_counts_the_others_and_says_so_once(
    tmp_path: Path, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), a_client(NOWHERE, tmp_path, clock, max_queue_bytes=2000) as client:
        for _ in range(20):
            client.log_predictions("churn", FRAME, [1, 0, 1])
        status = client.status()
    assert status.logged + status.not_queued == 60
    assert 0 < status.logged < 60
    assert status.waiting_bytes <= 2000
    assert sum("rows are lost" in record.getMessage() for record in caplog.records) == 1


def test_a_file_in_the_place_of_the_folder_costs_rows_but_no_call(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "queue").write_text("in the way")
    with a_client(NOWHERE, tmp_path, clock) as client:
        assert len(client.log_predictions("churn", FRAME, [1, 0, 1])) == 3
        assert client.status().not_queued == 3
    (tmp_path / "queue").unlink()


def test_a_line_that_another_program_has_written_is_set_apart_and_the_rest_goes_on(
    client: MonitorClient, json_store: JsonStore
) -> None:
    client._queue.append(encode_line({"kind": "letters"}) + encode_line({"kind": "predictions", "rows": 3}))
    broken = {"kind": "predictions", "model": "churn", "version": None, "task": None, "rows": 2, "ids": ["a"]}
    client._queue.append(encode_line(broken | {"first": 0, "columns": {"value": [1, 2, 3]}, "features": {}}))
    client.log_predictions("churn", FRAME, [1, 0, 1])
    assert client.flush()
    assert len(scored(json_store)) == 3
    assert [set(row.item) for row in client.refused()] == [{"line"}] * 3
    assert client.send_refused_again() == 0


def test_a_disk_that_fails_does_not_end_the_sending(
    client: MonitorClient, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise OSError(5, "Input/output error")

    def is_noted() -> bool:
        client.log_predictions("churn", FRAME, [1, 0, 1])
        return "Input/output error" in (client.status().trouble or "")

    with monkeypatch.context() as patch:
        patch.setattr(client._queue, "sync", fails)
        eventually(is_noted)
    assert client.flush()
    assert len(scored(json_store)) == client.status().logged


def test_the_sender_rests_unless_somebody_waits(
    client: MonitorClient, monkeypatch: pytest.MonkeyPatch, json_store: JsonStore
) -> None:
    for share in ("SHARE_OF_A_CORE", "IDLE_SHARE"):
        monkeypatch.setattr(courier, share, 1e-9)  # it rests for years after its first request
    monkeypatch.setattr(courier, "ROWS_PER_REQUEST", 1)
    for number in range(4):
        client.log_predictions("churn", {"age": 41}, 1, ids=[f"order-{number}"], times=NOON)
    eventually(lambda: client.status().accepted > 0)
    assert client.status().accepted < 4
    assert client.flush()
    assert client.status().accepted == 4


def test_rows_that_come_close_together_travel_together(
    client: MonitorClient, json_store: JsonStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            client.log_predictions("churn", {"age": 41}, 1)
        eventually(lambda: client.status().accepted == 20)
    posts = sum("POST /predictions 200" in record.getMessage() for record in caplog.records)
    assert posts < 10


def test_many_threads_may_use_a_client(client: MonitorClient, json_store: JsonStore) -> None:
    def log() -> None:
        for _ in range(20):
            client.log_predictions("churn", FRAME, [1, 0, 1])

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush()
    assert len(scored(json_store)) == client.status().accepted == 240


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_a_queue_of_its_own(
    url: str, client: MonitorClient, json_store: JsonStore, tmp_path: Path
) -> None:
    client.log_predictions("churn", FRAME, [1, 0, 1])
    child = os.fork()
    if not child:
        code = 1
        try:
            client.log_predictions("churn", FRAME, [1, 0, 1])
            code = 0 if client.flush() else 1
            client.close()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    client.log_predictions("churn", FRAME, [1, 0, 1])
    assert client.flush()
    assert len(scored(json_store)) == 9
    assert client.status().accepted == 6


def test_a_closed_client_takes_nothing_more(client: MonitorClient) -> None:
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.log_predictions("churn", FRAME, [1, 0, 1])


def test_the_end_of_a_process_sends_what_waits(url: str, tmp_path: Path, json_store: JsonStore) -> None:
    code = """
import sys
from ml_core.client import MonitorClient, watch
from ml_core.clock import FixedClock, parse_time
client = MonitorClient(sys.argv[1], queue_folder=sys.argv[2], clock=FixedClock(parse_time("2026-11-20T12:00:00Z")))
class Model:
    def predict(self, rows): return [1.0 for row in rows]
watch(Model(), "prices", client=client, task="regression").predict([{"age": 41}, {"age": 29}])
heavy = {"pandas", "flask", "sqlalchemy", "sklearn", "pydantic", "tinydb"} & set(sys.modules)
assert not heavy, heavy
"""
    arguments = [sys.executable, "-c", code, url, str(tmp_path / "queue")]
    result = subprocess.run(arguments, cwd=project_root(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json_store.count_records()["predictions"] == {"prices": 2}


@pytest.mark.parametrize("address", ["localhost:5001", "ftp://localhost", "http://", ""])
def test_what_is_no_address_is_refused_at_once(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^url: expected an address such as http"):
        MonitorClient(address, queue_folder=tmp_path)


def test_a_password_does_not_belong_into_the_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give the token as token") as raised:
        MonitorClient("http://me:secret@localhost:5001", queue_folder=tmp_path)
    assert "secret" not in raised.value.message


def test_the_queue_lies_in_the_home_of_the_user_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with MonitorClient(NOWHERE) as client:
        assert client.folder.is_relative_to(tmp_path / ".local" / "state" / "ml-monitor")
        assert not client.folder.exists()  # nothing is made before something waits
