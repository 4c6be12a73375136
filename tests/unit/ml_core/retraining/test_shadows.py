"""What a hidden version said comes back as it was kept."""

from __future__ import annotations

from ml_core.records import Prediction
from ml_core.retraining.shadows import each_shadow, record_shadows
from ml_core.store.json_store import JsonStore
from tests.factories import NOON
from tests.retraining_world import HOUR


def test_more_than_a_batch_comes_back_as_it_was_kept_and_once(json_store: JsonStore) -> None:
    rows = [Prediction(f"id-{number:04}", NOON, {}, 1.5 * number, 0.25, 3, {"a": 1.0}) for number in range(1_100)]
    assert record_shadows(json_store, "m", 3, rows) == 1_100
    assert record_shadows(json_store, "m", 3, rows) == 0
    assert each_shadow(json_store, "m", 3, NOON, NOON + HOUR) == rows
    assert each_shadow(json_store, "m", 4, NOON, NOON + HOUR) == []
