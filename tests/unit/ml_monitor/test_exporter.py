from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_monitor.exporter import StoreExporter
from tests.factories import NOON, a_model, a_prediction, a_version


def scraped(registry: Registry, clock: FixedClock) -> CollectorRegistry:
    collected = CollectorRegistry()
    collected.register(StoreExporter(registry, clock))
    return collected


def test_champion_metrics_and_predictions_are_read_from_the_store(registry: Registry, clock: FixedClock) -> None:
    store = registry.store
    registry.add_model(a_model())
    store.add_version(a_version(metrics={"r2_score": 0.9, "confusion_matrix": [[1]]}))
    registry.promote(registry.find("housing_price"), 1)
    times = [NOON, NOON - timedelta(hours=23), NOON - timedelta(hours=25)]
    store.record_predictions("housing_price", [a_prediction(time) for time in times])
    samples = scraped(registry, clock)
    model = {"model": "housing_price"}
    assert samples.get_sample_value("ml_store_up") == 1
    assert samples.get_sample_value("ml_model_champion_version", model) == 1
    assert samples.get_sample_value("ml_model_training_metric", {**model, "metric": "r2_score"}) == 0.9
    assert samples.get_sample_value("ml_model_training_metric", {**model, "metric": "confusion_matrix"}) is None
    assert samples.get_sample_value("ml_model_predictions_last_day", model) == 2
    assert samples.get_sample_value("ml_model_last_prediction_timestamp_seconds", model) == NOON.timestamp()


def test_each_scrape_reads_anew(registry: Registry, clock: FixedClock) -> None:
    registry.add_model(a_model())
    collected = scraped(registry, clock)
    assert collected.get_sample_value("ml_model_predictions_last_day", {"model": "housing_price"}) == 0
    registry.store.record_predictions("housing_price", [a_prediction()])
    assert collected.get_sample_value("ml_model_predictions_last_day", {"model": "housing_price"}) == 1


def test_a_store_that_is_away_is_reported_and_breaks_nothing(
    registry: Registry, clock: FixedClock, tmp_path: Path
) -> None:
    registry.add_model(a_model())
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").write_text("not a folder any more")
    collected = scraped(registry, clock)
    assert collected.get_sample_value("ml_store_up") == 0
    assert collected.get_sample_value("ml_model_predictions_last_day", {"model": "housing_price"}) is None


def test_a_store_without_a_spool_has_nothing_that_waits(registry: Registry, clock: FixedClock) -> None:
    collected = scraped(registry, clock)
    for name in ("ml_spool_records", "ml_spool_bytes", "ml_poisoned_records"):
        assert collected.get_sample_value(name) == 0
    assert collected.get_sample_value("ml_spool_oldest_timestamp_seconds") is None
