"""Forecasts from the store to the API: a check measures them, and ``GET /models/<id>/performance`` tells by horizon."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.rules import DEFAULT_RULES
from ml_monitor.app import create_app
from ml_monitor.check import check_models
from tests.factories import NOON
from tests.forecast_world import HOUR, Series, add_forecaster, day_end


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    """A client of the monitor after a check of two series, of which one is forecast badly for two days."""
    model = add_forecaster(registry)
    for series, off in ((Series("web/cpu", hours_ahead=12), 0.0), (Series("db/cpu", seed=2), 9.0)):
        series.record(json_store)
        series.forecast(json_store, range(12, 14), off=off)
    then = Registry(json_store, registry.artifacts_root, FixedClock(day_end(13) + HOUR))
    summary = check_models(then, settings, [model], DEFAULT_RULES)
    assert (summary.failed, summary.chunks) == ({}, 2)
    return create_app(settings, json_store, clock).test_client()


def performance(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    span = {"from": "2026-01-01T00:00:00Z", "to": NOON.isoformat()}
    response = client.get("/models/arima/performance", query_string=span | query)
    assert response.status_code == 200
    chunks: list[dict[str, Any]] = response.get_json()["chunks"]
    return chunks


def test_each_horizon_of_each_series_is_told_nearest_first(client: FlaskClient) -> None:
    chunks = performance(client, segment_by="horizon", metric="mae")
    of_a_day = [each["segment"] for each in chunks if each["start_time"] == chunks[0]["start_time"]]
    near, far = ([f"{name} +{hour}h" for hour in range(1, last)] for name, last in (("db/cpu", 4), ("web/cpu", 13)))
    assert of_a_day == near + far
    assert {each["segment_by"] for each in chunks} == {"horizon"}


def test_a_series_has_all_metrics_with_errors_and_the_verdicts_of_its_rules(client: FlaskClient) -> None:
    chunk = performance(client, segment="db/cpu")[0]
    metrics = {each["name"]: each for each in chunk["metrics"]}
    assert set(metrics) >= {"mae", "rmse", "bias", "skill", "coverage_80", "coverage_95", "width_80", "width_95"}
    assert all(each["standard_error"] is not None for each in metrics.values() if each["group"] == "performance")
    assert metrics["coverage_80"]["verdicts"]["default-coverage"]["lower"] == 0.7
    assert metrics["mae"]["verdicts"]["default-forecast"]["state"] == "undefined"


def test_without_a_segment_only_what_needs_no_unit_has_a_value(client: FlaskClient) -> None:
    metrics = {each["name"]: each for each in performance(client)[0]["metrics"]}
    assert 0 < metrics["coverage_80"]["value"] < 1
    assert metrics["mae"]["value"] is None
    assert metrics["mae"]["undefined"].startswith("several series")


def test_the_series_that_is_forecast_badly_has_the_alert(client: FlaskClient) -> None:
    alerts = client.get("/alerts?state=firing").get_json()["alerts"]
    assert {(each["cause"], each["subject"], each["segment"]) for each in alerts} == {
        ("performance", "coverage_80", "db/cpu"),
        ("performance", "coverage_95", "db/cpu"),
    }


def test_one_segment_may_be_asked_for_by_what_it_was_cut_by(client: FlaskClient) -> None:
    assert performance(client, segment="db/cpu", segment_by="horizon") == []
    assert {each["segment"] for each in performance(client, segment_by="series")} == {"web/cpu", "db/cpu"}
    assert performance(client, segment_by="country") == []


def test_the_table_names_the_segment_too(client: FlaskClient) -> None:
    query = {"segment_by": "series", "metric": "mae", "format": "csv", "from": "2026-01-01T00:00:00Z"}
    text = client.get("/models/arima/performance", query_string=query).text
    assert "db/cpu" in text
