from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.records import SpoolStatus
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_spool
from ml_core.store.poison import poisoned
from ml_monitor.app import create_app
from ml_monitor.pages import store_reader
from ml_monitor.pages.store_reader import show_bytes, without_password
from tests.factories import NOON, a_model, a_prediction
from tests.pages import HOSTILE, text_of

URL = "mysql+pymysql://suite:s3cret@db.example:3306/ml"


def test_an_empty_store_names_the_commands_that_fill_it(client: FlaskClient) -> None:
    shown = text_of(client.get("/ui/store"))
    assert "JSON files with 0 records in" in shown
    assert "make run-platform" in shown
    assert "predictions, ground_truths 90 days" in shown


def test_records_are_counted_by_kind_and_model(client: FlaskClient, json_store: JsonStore) -> None:
    json_store.put_model(a_model(HOSTILE[1:4]))
    json_store.record_predictions("m", [a_prediction(prediction_id=str(number)) for number in range(12)])
    json_store.put_document("things", "one", {}, expected_revision=None)
    found = client.get("/ui/store?format=json").get_json()
    assert found["counts"] == [{"kind": "predictions", "name": "m", "records": 12}]
    assert (found["models"], found["documents"], found["spool"]) == (1, {"things": 1}, None)
    assert found["size_bytes"] > 1000
    assert client.get("/ui/store?format=csv").text == "kind,model_or_series,records\npredictions,m,12\n"


def test_a_large_store_is_counted_when_asked(
    client: FlaskClient, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_store.record_predictions("m", [a_prediction()])
    monkeypatch.setattr(store_reader, "COUNTED_BYTES", 10)
    assert client.get("/ui/store?format=json").get_json()["counts"] is None
    assert "Count them now" in text_of(client.get("/ui/store"))
    assert len(client.get("/ui/store?format=json&count=all").get_json()["counts"]) == 1


def test_what_the_database_did_not_take_is_listed_with_the_reason(
    settings: Settings, json_store: JsonStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"store_url": type(settings.store_url)(URL)})
    row = {"prediction_id": "order-1", "value": HOSTILE}
    open_spool(URL, settings.spool).set_apart([poisoned("predictions", "churn", row, f"refused {HOSTILE}", NOON)])
    status = SpoolStatus(3, 1200, NOON - timedelta(minutes=5), 1)
    monkeypatch.setattr(json_store, "spool_status", lambda: status)
    client = create_app(settings, json_store, clock).test_client()
    page = client.get("/ui/store")
    assert "1 record was not taken by the database and set apart" in text_of(page)
    assert "predictions churn order-1 refused" in text_of(page)
    assert "<img" not in page.text
    assert "s3cret" not in page.text + client.get("/ui/store?format=json").text
    assert "churn,order-1" in client.get("/ui/store?format=csv&chart=poisoned").text


def test_a_password_is_never_part_of_an_address() -> None:
    assert without_password(URL) == "mysql+pymysql://suite:hidden@db.example:3306/ml"
    assert without_password("json:///var/store") == "json:///var/store"
    assert without_password("mysql+pymysql://u:p@[::1]/x") == "mysql+pymysql://u:hidden@[::1]/x"


@pytest.mark.parametrize(("size", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (4_200, "4.2 kB"), (123e9, "123 GB")])
def test_sizes_are_short(size: float, shown: str) -> None:
    assert show_bytes(int(size)) == shown
