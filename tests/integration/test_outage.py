"""Both apps on a MariaDB that goes away and comes back: what clients and operators see of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.config import resolve_path
from ml_core.registry import Registry
from ml_core.settings import Settings, SpoolSettings
from ml_core.store.opening import open_spool, open_store
from ml_core.store.spool import Spool
from ml_models.app import create_app as create_models
from ml_monitor.app import create_app as create_monitor
from tests.champions import add_champion
from tests.factories import NOON, a_model
from tests.mariadb import MariaDbServer, new_server
from tests.processes import eventually, own_folders, start_app

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PREDICTION = {"prediction_id": "order-1", "time": "2026-11-20T11:00:00Z", "features": {"rooms": 4}, "value": 2.5}
POSTED = {"model": "model1", "predictions": [PREDICTION]}
TRUTH = {"model": "model1", "ground_truths": [{"prediction_id": "order-1", "value": 3.0}]}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def on_mariadb(server: MariaDbServer, settings: Settings, clock: FixedClock) -> Iterator[Settings]:
    """The settings of a store that holds one model with a champion; its server runs again afterwards."""
    changed = settings.model_copy(update={"store_url": type(settings.store_url)(server.new_database())})
    with closing(open_store(changed.store_url.get_secret_value())) as store:
        registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
        registry.add_model(a_model(seed_id="model1"))
        add_champion(registry, "housing_price", pd.DataFrame({"rooms": [3.0, 4.0], "value": [3.0, 4.0]}))
    yield changed
    server.stop()
    server.start()


@pytest.fixture
def spool(on_mariadb: Settings) -> Spool:
    return open_spool(on_mariadb.store_url.get_secret_value(), on_mariadb.spool)


@pytest.fixture
def monitor(on_mariadb: Settings, clock: FixedClock) -> Iterator[FlaskClient]:
    app = create_monitor(on_mariadb, clock=clock)
    yield app.test_client()
    app.extensions["registry"].store.close()


@pytest.fixture
def models(on_mariadb: Settings, clock: FixedClock) -> Iterator[FlaskClient]:
    app = create_models(on_mariadb, clock=clock)
    yield app.test_client()
    app.extensions["worker"].close()
    app.extensions["registry"].store.close()


def metric(client: FlaskClient, name: str) -> float:
    (line,) = (line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def stored(settings: Settings) -> Any:
    with closing(open_store(settings.store_url.get_secret_value())) as store:
        return store.scored("housing_price", NOON.replace(year=2000), NOON.replace(year=2100))


def test_the_monitor_takes_records_tells_operators_and_stores_them_afterwards(
    server: MariaDbServer, monitor: FlaskClient, on_mariadb: Settings, spool: Spool
) -> None:
    assert monitor.get("/").status_code == 200
    assert monitor.get("/readyz").json["notices"] == []
    server.stop()
    receipt = {"accepted": 1, "duplicates": 0, "spooled": 1, "rejected": []}
    answer = monitor.post("/predictions", json=POSTED)
    assert (answer.status_code, answer.json) == (200, {**receipt, "prediction_ids": ["order-1"]})
    answer = monitor.post("/ground-truth", json=TRUTH)
    assert (answer.status_code, answer.json) == (200, receipt)
    ready = monitor.get("/readyz")
    assert (ready.status_code, ready.json["checks"]) == (200, {"store": "ok"})
    (notice,) = ready.json["notices"]
    assert "is away since 2026-11-20T12:00:00Z: 2 records wait in the spool" in notice
    assert (metric(monitor, "ml_store_up"), metric(monitor, "ml_spool_records")) == (0, 2)
    assert metric(monitor, "ml_spool_bytes") == spool.status().bytes > 0
    assert metric(monitor, "ml_spool_oldest_timestamp_seconds") == NOON.timestamp()
    assert metric(monitor, "ml_poisoned_records") == 0
    refused = monitor.post("/models", json={"name": "churn", "task": "binary"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    page = monitor.get("/", headers=BROWSER)
    assert page.status_code == 503
    assert "2 records wait in the spool" in page.text
    assert server.password not in page.text + ready.text

    server.start()
    eventually(lambda: not spool.holds_records())
    (row,) = stored(on_mariadb).itertuples()
    assert (row.prediction_id, row.value, row.truth) == ("order-1", 2.5, 3.0)
    assert monitor.get("/").status_code == 200
    eventually(lambda: monitor.get("/readyz").json["notices"] == [])
    assert (metric(monitor, "ml_store_up"), metric(monitor, "ml_spool_records")) == (1, 0)
    assert monitor.post("/predictions", json=POSTED).json["duplicates"] == 1


def test_a_model_is_served_during_an_outage_and_its_answers_are_logged_afterwards(
    server: MariaDbServer, models: FlaskClient, on_mariadb: Settings, spool: Spool
) -> None:
    address, body = "/models/model1/predictions", {"features": [{"rooms": 4.0}, {"rooms": 5.0}]}
    assert models.post(address, json=body).status_code == 200
    server.stop()
    answer = models.post(address, json=body)
    assert answer.status_code == 200
    assert models.get("/readyz").status_code == 200
    assert models.get("/models").json["data"]["model1"]["metrics"] == {"r2_score": 0.9}
    unknown = models.post("/models/never_seen/predictions", json=body)
    assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "5")
    server.start()
    eventually(lambda: not spool.holds_records())
    predicted = [each["prediction_id"] for each in answer.json["predictions"]]
    assert set(predicted) < set(stored(on_mariadb)["prediction_id"])
    assert len(stored(on_mariadb)) == 4


def test_with_the_spool_full_records_are_refused_and_the_app_is_not_ready(
    server: MariaDbServer, on_mariadb: Settings, clock: FixedClock
) -> None:
    full = on_mariadb.model_copy(update={"spool": SpoolSettings(folder=on_mariadb.spool.folder, max_megabytes=1)})
    app = create_monitor(full, clock=clock)
    client = app.test_client()
    assert client.get("/").status_code == 200
    server.stop()
    long = {"model": "model1", "predictions": [{"features": {"note": "x" * 60_000}, "value": 1}] * 16}
    assert client.post("/predictions", json=long).status_code == 200
    refused = client.post("/predictions", json=long)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "ML_SPOOL__MAX_MEGABYTES" in refused.json["error"]["message"]
    while client.post("/predictions", json=POSTED | {"predictions": [PREDICTION] * 100}).status_code == 200:
        pass
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (503, "not ready")
    assert "ML_SPOOL__MAX_MEGABYTES" in ready.json["checks"]["store"]
    app.extensions["registry"].store.close()


def test_notices_stand_on_every_page_and_are_escaped(on_mariadb: Settings, tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "<b>file").touch()
    app = create_monitor(on_mariadb.model_copy(update={"spool": SpoolSettings(folder=str(tmp_path / "<b>file"))}))
    client = app.test_client()
    ready = client.get("/readyz")
    assert ready.status_code == 200  # the database is there
    assert "<b>file" in ready.json["notices"][0]
    for address in ("/", "/ui/models/housing_price", "/ui/models/unknown"):
        page = client.get(address, headers=BROWSER)
        assert 'aria-label="Notices for operators"' in page.text, address
        assert "</svg>notice</span>" in page.text
        assert "&lt;b&gt;file" in page.text
        assert "<b>file" not in page.text
    app.extensions["registry"].store.close()


def test_a_served_app_ends_at_once_while_it_waits_for_the_database(
    server: MariaDbServer, on_mariadb: Settings, tmp_path: Path
) -> None:
    environment = own_folders(tmp_path / "app") | {
        "ML_STORE_URL": on_mariadb.store_url.get_secret_value(),
        "ML_SPOOL__FOLDER": on_mariadb.spool.folder,
        "ML_ARTIFACTS_FOLDER": on_mariadb.artifacts_folder,
    }
    with requests.Session() as session:
        session.trust_env = False
        with start_app("ml_monitor", environment) as app:
            assert session.get(f"{app.url}/", timeout=10).status_code == 200
            server.stop()
            for _ in range(3):
                assert session.post(f"{app.url}/predictions", json=POSTED, timeout=10).json()["spooled"] == 1
            time.sleep(0.5)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        with start_app("ml_monitor", environment) as app:  # started during the outage: ready, and it knows the model
            assert session.post(f"{app.url}/ground-truth", json=TRUTH, timeout=10).json()["spooled"] == 1
            server.start()
            eventually(lambda: session.get(f"{app.url}/readyz", timeout=10).json()["notices"] == [])
    (row,) = stored(on_mariadb).itertuples()
    assert (row.prediction_id, row.truth) == ("order-1", 3.0)
