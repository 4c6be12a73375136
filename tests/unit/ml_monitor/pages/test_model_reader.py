from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ml_core.clock import FixedClock
from ml_core.errors import ModelNotFound, StoreUnavailable
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_monitor.pages import traffic
from ml_monitor.pages.distribution import LabelDistribution, NumberDistribution
from ml_monitor.pages.queries import ModelPage, ModelSummary, Overview, read_model_page, read_overview
from ml_monitor.pages.ranges import parse_range
from ml_monitor.pages.verdicts import model_verdict, overview_verdict
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction, a_version

STALE_AFTER = 24.0


def overview(registry: Registry, now: datetime = NOON) -> Overview:
    return read_overview(registry, now, STALE_AFTER)


def summary(registry: Registry, name: str = "housing_price") -> ModelSummary:
    (found,) = (model for model in overview(registry).models if model.name == name)
    return found


def page(registry: Registry, model: str = "housing_price", **arguments: str) -> ModelPage:
    return read_model_page(registry, model, parse_range(arguments, NOON), NOON, STALE_AFTER)


def log(registry: Registry, model: str, *ages: timedelta, **changes: Any) -> None:
    rows = [a_prediction(NOON - age, **changes) for age in ages]
    registry.store.record_predictions(model, rows, new_ids=True)


def promoted(registry: Registry, name: str, **changes: Any) -> None:
    registry.add_model(a_model(name, **changes))
    version = registry.store.add_version(a_version(name, artifact=None))
    registry.promote(registry.find(name), version.number)


class TestOverview:
    def test_is_empty_for_an_empty_store(self, registry: Registry) -> None:
        found = overview(registry)
        assert found.models == ()
        assert overview_verdict(found) == "No model is registered yet."

    def test_shows_the_worst_first_then_by_name(self, registry: Registry) -> None:
        for name in ("b_ok", "a_ok", "waiting", "stopped"):
            promoted(registry, name)
        registry.add_model(a_model("bare"))
        for name in ("a_ok", "b_ok"):
            log(registry, name, timedelta(hours=23))
        log(registry, "stopped", timedelta(days=8))
        found = overview(registry)
        assert [(model.name, model.state) for model in found.models] == [
            ("stopped", "stale"),
            ("bare", "no version"),
            ("waiting", "no data"),
            ("a_ok", "ok"),
            ("b_ok", "ok"),
        ]
        assert overview_verdict(found) == (
            "stopped has had no prediction since 12 Nov 12:00 UTC. "
            "5 models: 2 ok, 1 without data yet (waiting), 1 without a version (bare), 1 stale."
        )

    def test_names_at_most_three_models_of_a_state(self, registry: Registry) -> None:
        for name in ("a", "b", "c", "d", "e"):
            registry.add_model(a_model(name))
        assert overview_verdict(overview(registry)) == "5 models: 5 without a version (a, b, c and 2 more)."

    def test_counts_the_predictions_of_exactly_a_day(self, registry: Registry, clock: FixedClock) -> None:
        promoted(registry, "housing_price")
        moment = timedelta(microseconds=1)
        log(registry, "housing_price", timedelta(days=1), timedelta(days=1) + moment, timedelta(hours=3), timedelta(0))
        found = summary(registry)
        assert found.predictions_last_day == 3
        assert len(found.hourly_counts) == 25
        assert (found.hourly_counts[0], found.hourly_counts[21], found.hourly_counts[24]) == (1, 1, 1)
        assert found.last_prediction_time == NOON

    def test_shows_the_headline_metric_of_the_champion_and_not_of_a_newer_challenger(self, registry: Registry) -> None:
        promoted(registry, "housing_price")
        registry.store.add_version(a_version("housing_price", metrics={"r2_score": 0.99}))
        found = summary(registry)
        assert found.version == 1
        assert found.headline is not None
        assert (found.headline.name, found.headline.value) == ("r2_score", 0.9)

    @pytest.mark.parametrize("metrics", [{}, {"r2_score": None}, {"r2_score": "high"}, {"r2_score": [[1, 2]]}])
    def test_shows_no_headline_where_there_is_no_number(self, registry: Registry, metrics: dict[str, Any]) -> None:
        registry.add_model(a_model())
        version = registry.store.add_version(a_version(metrics=metrics))
        registry.promote(registry.find("housing_price"), version.number)
        assert summary(registry).headline is None

    def test_a_model_with_predictions_and_no_champion_is_served_elsewhere(self, registry: Registry) -> None:
        registry.add_model(a_model("elsewhere"))
        assert not summary(registry, "elsewhere").is_served_elsewhere
        log(registry, "elsewhere", timedelta(minutes=1), version=None)
        found = summary(registry, "elsewhere")
        assert found.is_served_elsewhere
        assert (found.state, found.version) == ("ok", None)

    def test_becomes_stale_when_the_setting_says(self, registry: Registry) -> None:
        promoted(registry, "housing_price")
        log(registry, "housing_price", timedelta(hours=2))
        assert read_overview(registry, NOON, 2.0).models[0].state == "ok"
        assert read_overview(registry, NOON, 1.99).models[0].state == "stale"


class TestModelPage:
    def test_is_found_by_name_and_by_seed_id(self, registry: Registry) -> None:
        registry.add_model(a_model(seed_id="model1"))
        assert page(registry, "model1").model.name == page(registry, "housing_price").model.name == "housing_price"
        with pytest.raises(ModelNotFound):
            page(registry, "nope")

    def test_lists_versions_newest_first_with_their_stages_and_numbers(self, registry: Registry) -> None:
        registry.add_model(a_model())
        for _ in range(3):
            registry.store.add_version(a_version(metrics={"r2_score": 0.9, "confusion_matrix": [[1, 2], [3, 4]]}))
        for number in (1, 2):
            registry.promote(registry.find("housing_price"), number)
        found = page(registry)
        assert [(version.number, version.stage) for version in found.versions] == [
            (3, "challenger"),
            (2, "champion"),
            (1, "archived"),
        ]
        assert found.versions[0].metrics == {"r2_score": 0.9}
        assert found.champion is not None
        assert found.champion.confusion == ((1, 2), (3, 4))
        assert found.class_labels == ("0", "1")

    def test_shows_the_newest_versions_of_many(self, registry: Registry) -> None:
        registry.add_model(a_model())
        for _ in range(53):
            registry.store.add_version(a_version())
        found = page(registry)
        assert (len(found.versions), found.versions_total, found.versions[0].number) == (50, 53, 53)

    def test_compares_values_with_the_reference_sample(self, registry: Registry) -> None:
        registry.add_model(a_model())
        add_champion(registry, "housing_price", pd.DataFrame({"rooms": [3, 4, 9], "value": [1.0, 2.0, 3.0]}))
        log(registry, "housing_price", *(timedelta(minutes=minute) for minute in range(1, 61)), value=5.0)
        found = page(registry, range="6h")
        assert isinstance(found.distribution, NumberDistribution)
        assert found.distribution.reference is not None
        assert found.distribution.reference.p50 == 2.0
        assert found.example == {"rooms": 4}
        assert found.trouble == ()
        assert model_verdict(found) == (
            "60 predictions in the last day, the newest at 20 Nov 11:59 UTC. "
            "Median value in the last 6h: 5; in the reference sample: 2."
        )

    def test_compares_the_rarer_of_two_classes_with_the_reference_sample(self, registry: Registry) -> None:
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
        assert found.class_labels == ("bad", "ok")
        assert found.example == {"country": "NL", "amount": 1.0}
        assert model_verdict(found).endswith("Label bad in the last 24h: 10.0 %; in the reference sample: 25.0 %.")

    def test_goes_without_a_reference_sample_that_cannot_be_read_and_says_so(self, registry: Registry) -> None:
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

    @pytest.mark.parametrize("reference", [{"rooms": [1]}, {"rooms": [], "value": []}])
    def test_goes_without_a_reference_sample_that_holds_no_values(
        self, registry: Registry, reference: dict[str, Any]
    ) -> None:
        registry.add_model(a_model())
        version = add_champion(registry, "housing_price", pd.DataFrame(reference))
        found = page(registry)
        assert len(found.trouble) == (1 if version.reference_rows else 0)
        assert found.example == {"rooms": 1.0}

    def test_counts_each_window_and_keeps_those_without_predictions(self, registry: Registry) -> None:
        registry.add_model(a_model())
        log(registry, "housing_price", timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=5))
        volume = page(registry, range="6h").volume
        assert volume.total == 3
        assert [window.count for window in volume.windows if window.count] == [1, 2]
        assert len(volume.windows) == 121

    def test_counts_a_given_range_to_the_microsecond(self, registry: Registry) -> None:
        registry.add_model(a_model())
        log(registry, "housing_price", timedelta(minutes=7), timedelta(minutes=3), timedelta(minutes=3, microseconds=1))
        found = page(registry, **{"from": "2026-11-20T11:53:00Z", "to": "2026-11-20T11:57:00Z"})
        assert found.volume.total == 2
        assert found.volume.windows[0].start == found.range.start
        assert sum(window.count for window in found.distribution.windows) == 2  # type: ignore[union-attr]

    def test_shows_the_newest_twenty_of_the_range(self, registry: Registry) -> None:
        registry.add_model(a_model("elsewhere"))
        log(registry, "elsewhere", *(timedelta(minutes=minute) for minute in range(1, 31)), version=None, score=0.5)
        newest = page(registry, "elsewhere").newest
        assert len(newest) == 20
        assert newest[0].time == NOON - timedelta(minutes=1)
        assert (newest[0].version, newest[0].score, newest[0].features) == (None, 0.5, {"rooms": 4.0})

    def test_reads_many_predictions_in_parts_and_refuses_too_many(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
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
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.add_model(a_model("mixed", task="multiclass"))
        log(registry, "mixed", timedelta(hours=20), value=1.0)
        log(registry, "mixed", timedelta(hours=1), value="two")
        monkeypatch.setattr(traffic, "_ROWS_AT_ONCE", 1)
        found = page(registry, "mixed").distribution
        assert isinstance(found, LabelDistribution)
        assert found.labels == ("1", "two")

    def test_lets_a_store_that_is_away_be_told(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        registry.add_model(a_model())

        def away(*_: object) -> None:
            raise StoreUnavailable("the store is away")

        monkeypatch.setattr(registry.store, "count_predictions", away)
        with pytest.raises(StoreUnavailable):
            page(registry)

    @pytest.mark.parametrize(
        ("ages", "has_version", "verdict"),
        [
            ([], False, "No version is promoted and no prediction has been logged yet."),
            ([], True, "Version 1 is the champion; no prediction has been logged yet."),
            (
                [timedelta(days=8)],
                True,
                "No prediction since 12 Nov 12:00 UTC, 8 days ago; at least one is expected within 1 day.",
            ),
            ([timedelta(minutes=1)], True, "1 prediction in the last day, the newest at 20 Nov 11:59 UTC."),
        ],
    )
    def test_opens_with_a_verdict(
        self, registry: Registry, ages: list[timedelta], has_version: bool, verdict: str
    ) -> None:
        if has_version:
            promoted(registry, "housing_price")
        else:
            registry.add_model(a_model())
        log(registry, "housing_price", *ages)
        assert model_verdict(page(registry)) == verdict
