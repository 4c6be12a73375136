from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_monitor.pages import traffic
from ml_monitor.pages.distribution import LabelDistribution, NumberDistribution
from ml_monitor.pages.predictions_reader import PredictionsPage, read_predictions_page
from ml_monitor.pages.ranges import parse_range
from ml_monitor.pages.verdicts import predictions_verdict
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction


def page(registry: Registry, model: str = "housing_price", **arguments: str) -> PredictionsPage:
    return read_predictions_page(registry, model, parse_range(arguments, NOON), NOON)


def log(registry: Registry, model: str, *ages: timedelta, **changes: Any) -> None:
    rows = [a_prediction(NOON - age, **changes) for age in ages]
    registry.store.record_predictions(model, rows, new_ids=True)


def test_compares_values_with_the_reference_sample(registry: Registry) -> None:
    registry.add_model(a_model())
    add_champion(registry, "housing_price", pd.DataFrame({"rooms": [3, 4, 9], "value": [1.0, 2.0, 3.0]}))
    log(registry, "housing_price", *(timedelta(minutes=minute) for minute in range(1, 61)), value=5.0)
    found = page(registry, range="6h")
    assert isinstance(found.distribution, NumberDistribution)
    assert found.distribution.reference is not None
    assert found.distribution.reference.p50 == 2.0
    assert found.trouble == ()
    assert predictions_verdict(found) == (
        "60 predictions in the last 6h; the newest of all is of 20 Nov 11:59 UTC. "
        "Median value in the last 6h: 5; in the reference sample: 2."
    )


def test_compares_the_rarer_of_two_classes_with_the_reference_sample(registry: Registry) -> None:
    registry.add_model(a_model("fraud", task="binary"))
    values = ["ok", "ok", "ok", "bad"]
    add_champion(
        registry,
        "fraud",
        pd.DataFrame({"country": ["NL", "DE", "NL", None], "value": values, "truth": values}),
        features=(FeatureSpec("country", "category"), FeatureSpec("amount", "number")),
        metrics={"confusion_matrix": [[1, 0], [0, 3]]},
    )
    log(registry, "fraud", *(timedelta(minutes=minute) for minute in range(1, 10)), value="ok")
    log(registry, "fraud", timedelta(minutes=30), value="bad")
    found = page(registry, "fraud")
    assert isinstance(found.distribution, LabelDistribution)
    assert predictions_verdict(found).endswith("Label bad in the last 24h: 10.0 %; in the reference sample: 25.0 %.")


def test_goes_without_a_reference_sample_that_cannot_be_read_and_says_so(registry: Registry) -> None:
    registry.add_model(a_model())
    version = add_champion(registry, "housing_price", pd.DataFrame({"rooms": [31], "value": [7.25]}))
    assert version.artifact is not None
    (registry.artifacts_root / version.artifact / "reference.csv").write_text("rooms,value\n1,1\n")
    log(registry, "housing_price", timedelta(minutes=5))
    found = page(registry)
    assert isinstance(found.distribution, NumberDistribution)
    assert found.distribution.reference is None
    (trouble,) = found.trouble
    assert trouble.startswith("The reference sample of version 1 cannot be read: ")
    assert "reference.csv was changed after it was registered" in trouble


def test_counts_each_window_and_keeps_those_without_predictions(registry: Registry) -> None:
    registry.add_model(a_model())
    log(registry, "housing_price", timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=5))
    volume = page(registry, range="6h").volume
    assert volume.total == 3
    assert [window.count for window in volume.windows if window.count] == [1, 2]
    assert len(volume.windows) == 121


def test_counts_a_given_range_to_the_microsecond(registry: Registry) -> None:
    registry.add_model(a_model())
    log(registry, "housing_price", timedelta(minutes=7), timedelta(minutes=3), timedelta(minutes=3, microseconds=1))
    found = page(registry, **{"from": "2026-11-20T11:53:00Z", "to": "2026-11-20T11:57:00Z"})
    assert found.volume.total == 2
    assert found.volume.windows[0].start == found.range.start
    assert sum(window.count for window in found.distribution.windows) == 2  # type: ignore[union-attr]


def test_shows_the_newest_twenty_of_the_range(registry: Registry) -> None:
    registry.add_model(a_model("elsewhere"))
    log(registry, "elsewhere", *(timedelta(minutes=minute) for minute in range(1, 31)), version=None, score=0.5)
    newest = page(registry, "elsewhere").newest
    assert len(newest) == 20
    assert newest[0].time == NOON - timedelta(minutes=1)
    assert (newest[0].version, newest[0].score, newest[0].features) == (None, 0.5, {"rooms": 4.0})


def test_reads_many_predictions_in_parts_and_refuses_too_many(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add_model(a_model())
    ages = [timedelta(minutes=minute) for minute in range(1, 601)]
    log(registry, "housing_price", *ages[:300], value=1.0)
    log(registry, "housing_price", *ages[300:], value=2.0)
    whole = page(registry).distribution
    monkeypatch.setattr(traffic, "_ROWS_AT_ONCE", 100)
    assert page(registry).distribution == whole
    monkeypatch.setattr(traffic, "MOST_ROWS", 599)
    found = page(registry)
    assert found.distribution is None
    assert found.volume.total == 600
    assert found.trouble[0].startswith("600 predictions are too many to draw")


def test_numbers_in_one_part_and_labels_in_another_stay_what_they_are(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add_model(a_model("mixed", task="multiclass"))
    log(registry, "mixed", timedelta(hours=20), value=1.0)
    log(registry, "mixed", timedelta(hours=1), value="two")
    monkeypatch.setattr(traffic, "_ROWS_AT_ONCE", 1)
    found = page(registry, "mixed").distribution
    assert isinstance(found, LabelDistribution)
    assert found.labels == ("1", "two")


def test_lets_a_store_that_is_away_be_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.add_model(a_model())
