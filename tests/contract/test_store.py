"""What every store promises of models, versions and stages, and of being opened, checked and closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from ml_core.errors import ModelNotFound
from ml_core.records import FeatureSpec, Model, SpoolStatus, StageAction, StageChange
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from tests.factories import NOON, a_model, a_prediction, a_truth, a_version

MODEL = "housing_price"


def change(action: StageAction, version: int, previous: int | None, minutes: int = 0) -> StageChange:
    return StageChange(NOON + timedelta(minutes=minutes), action, version, previous)


def the_model(store: Store) -> Model:
    model = store.get_model(MODEL)
    assert model is not None
    return model


def test_a_store_of_few_records_has_nothing_to_tell(store: Store) -> None:
    assert store.notices() == []


# Models


def test_an_unknown_model_is_none(store: Store) -> None:
    assert store.get_model(MODEL) is None
    assert store.list_models() == []


def test_a_store_in_order_has_nothing_to_tell_an_operator(store: Store) -> None:
    store.check()
    assert store.notices() == []
    assert store.spool_status() in (None, SpoolStatus())


def test_a_model_comes_back_as_it_was_put(store: Store) -> None:
    model = a_model(seed_id="model1", title="Häuser 🏠", created_time=NOON.replace(microsecond=123456))
    assert store.put_model(model) is True
    assert store.get_model(MODEL) == model


def test_a_model_without_optional_fields_comes_back_with_none(store: Store) -> None:
    model = Model("plain", "Plain", "anomaly", NOON)
    store.put_model(model)
    assert store.get_model("plain") == model


def test_a_time_with_another_offset_comes_back_in_utc(store: Store) -> None:
    store.put_model(a_model(created_time=NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))))
    created_time = the_model(store).created_time
    assert created_time == NOON
    assert created_time.utcoffset() == timedelta(0)


def test_putting_a_known_model_again_updates_what_describes_it(store: Store) -> None:
    store.put_model(a_model())
    updated = a_model(title="New", task="binary", seed_id="model2", headline_metric=None)
    assert store.put_model(updated) is False
    assert the_model(store) == updated


def test_putting_a_known_model_unchanged_is_not_new(store: Store) -> None:
    store.put_model(a_model())
    assert store.put_model(a_model()) is False


def test_putting_a_known_model_again_keeps_its_created_time_and_stage_changes(store: Store) -> None:
    store.put_model(a_model())
    store.change_stage(MODEL, change("promote", 1, None))
    store.put_model(a_model(title="New", created_time=NOON, stage_changes=(change("promote", 9, None),)))
    model = the_model(store)
    assert model.title == "New"
    assert model.created_time == a_model().created_time
    assert model.stage_changes == (change("promote", 1, None),)


def test_a_model_put_with_stage_changes_has_its_champion(store: Store) -> None:
    store.put_model(a_model(stage_changes=(change("promote", 4, None),)))
    assert the_model(store).champion == 4
    assert store.change_stage(MODEL, change("promote", 5, 4)) is True


def test_models_are_listed_by_name(store: Store) -> None:
    for name in ("wine", "Iris", "housing_price", "iris"):
        store.put_model(a_model(name))
    assert [model.name for model in store.list_models()] == ["Iris", "housing_price", "iris", "wine"]


@pytest.mark.parametrize("other", ["Housing_Price", "housing_price ", "housing_pricé", "housing", "", "x" * 300])
def test_a_name_is_only_found_exactly(store: Store, other: str) -> None:
    store.put_model(a_model())
    assert store.get_model(other) is None


# Versions


def test_versions_are_numbered_from_1_in_each_model(store: Store) -> None:
    store.put_model(a_model())
    store.put_model(a_model("wine"))
    numbers = [store.add_version(a_version(model)).number for model in (MODEL, MODEL, "wine", MODEL)]
    assert numbers == [1, 2, 1, 3]


def test_a_version_comes_back_as_it_was_added(store: Store) -> None:
    store.put_model(a_model())
    version = a_version(
        created_time=NOON.replace(microsecond=1),
        metrics={"r2_score": 0.1 + 0.2, "by_class": {"größer": [1, None, True]}},
        features=(FeatureSpec("rooms", "number"), FeatureSpec("ländlich", "category")),
        parameters={},
        reference_rows=2**31 - 1,
    )
    added = store.add_version(version)
    assert added == replace(version, number=1)
    assert store.get_version(MODEL, 1) == added
    assert store.list_versions(MODEL) == [added]


def test_a_version_without_an_artifact_comes_back_with_none(store: Store) -> None:
    store.put_model(a_model())
    added = store.add_version(a_version(artifact=None, artifact_sha256=None, features=()))
    assert store.get_version(MODEL, 1) == added


def test_the_number_that_a_new_version_brings_does_not_count(store: Store) -> None:
    store.put_model(a_model())
    assert store.add_version(a_version(number=7)).number == 1


def test_versions_are_listed_oldest_first(store: Store) -> None:
    store.put_model(a_model())
    for number in range(1, 13):
        store.add_version(a_version(created_time=NOON - timedelta(days=number)))
    assert [version.number for version in store.list_versions(MODEL)] == list(range(1, 13))


def test_an_unknown_version_is_none_and_an_unknown_model_has_none(store: Store) -> None:
    store.put_model(a_model())
    assert store.get_version(MODEL, 1) is None
    assert store.list_versions(MODEL) == []
    assert store.list_versions("wine") == []


def test_a_version_of_an_unknown_model_is_refused(store: Store) -> None:
    with pytest.raises(ModelNotFound, match="wine"):
        store.add_version(a_version("wine"))
    store.put_model(a_model("wine"))
    assert store.list_versions("wine") == []


# Stages


def test_a_promoted_version_is_the_champion(store: Store) -> None:
    store.put_model(a_model())
    first = replace(change("promote", 1, None), time=NOON.replace(microsecond=999999))
    assert store.change_stage(MODEL, first) is True
    assert the_model(store).champion == 1
    assert the_model(store).stage_changes == (first,)


def test_a_stage_change_that_goes_by_another_champion_changes_nothing(store: Store) -> None:
    store.put_model(a_model())
    assert store.change_stage(MODEL, change("promote", 2, 1)) is False
    store.change_stage(MODEL, change("promote", 1, None))
    assert store.change_stage(MODEL, change("promote", 2, None)) is False
    assert the_model(store).stage_changes == (change("promote", 1, None),)


def test_a_roll_back_brings_the_version_promoted_before(store: Store) -> None:
    store.put_model(a_model())
    changes = (
        change("promote", 1, None, 1),
        change("promote", 3, 1, 2),
        change("promote", 2, 3, 3),
        change("roll_back", 3, 2, 4),
        change("roll_back", 1, 3, 5),
        change("promote", 2, 1, 6),
    )
    champions = []
    for each in changes:
        assert store.change_stage(MODEL, each) is True
        champions.append(the_model(store).champion)
    assert champions == [1, 3, 2, 3, 1, 2]
    assert the_model(store).stage_changes == changes


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_roll_back_to_another_version_than_the_one_before_is_refused(store: Store, version: int) -> None:
    promoted = (change("promote", 2, None), change("promote", 1, 2), change("promote", 3, 1))
    store.put_model(a_model(stage_changes=promoted))
    with pytest.raises(ValueError, match="promoted before"):
        store.change_stage(MODEL, change("roll_back", version, 3))
    assert the_model(store).stage_changes == promoted


@pytest.mark.parametrize("promoted", [(), (change("promote", 1, None),)])
def test_a_roll_back_without_a_version_before_is_refused(store: Store, promoted: tuple[StageChange, ...]) -> None:
    store.put_model(a_model(stage_changes=promoted))
    with pytest.raises(ValueError, match="promoted before"):
        store.change_stage(MODEL, change("roll_back", 1, the_model(store).champion))


def test_a_roll_back_that_goes_by_another_champion_changes_nothing(store: Store) -> None:
    store.put_model(a_model(stage_changes=(change("promote", 1, None), change("promote", 2, 1))))
    assert store.change_stage(MODEL, change("roll_back", 1, 3)) is False


def test_the_stage_of_an_unknown_model_cannot_be_changed(store: Store) -> None:
    with pytest.raises(ModelNotFound, match=MODEL):
        store.change_stage(MODEL, change("promote", 1, None))


# The store as a whole


def test_a_store_that_can_be_used_passes_its_check(store: Store) -> None:
    store.check()
    store.put_model(a_model())
    store.check()
    assert store.list_models() == [a_model()]


def test_two_stores_at_one_url_see_each_others_writes(store: Store, store_url: str) -> None:
    other = open_store(store_url)
    try:
        row = a_prediction()
        assert store.put_model(a_model()) is True
        assert other.put_model(a_model(title="Other")) is False
        assert the_model(store).title == "Other"
        assert store.add_version(a_version()).number == 1
        assert other.add_version(a_version()).number == 2
        assert other.change_stage(MODEL, change("promote", 2, None)) is True
        assert the_model(store).champion == 2
        assert store.record_predictions(MODEL, [row]).accepted == 1
        assert other.record_predictions(MODEL, [row]).duplicates == 1
        assert other.record_truths(MODEL, [a_truth(row.prediction_id, 1.0)]).accepted == 1
        assert store.record_truths(MODEL, [a_truth(row.prediction_id, 1.0)]).duplicates == 1
        for each in (store, other):
            assert each.last_prediction_time(MODEL) == NOON
            assert each.scored(MODEL, NOON, NOON + timedelta(hours=1))["truth"].to_list() == [1.0]
    finally:
        other.close()


def test_a_store_can_be_closed_twice_and_opened_again_with_all_it_held(store_url: str) -> None:
    first = open_store(store_url)
    first.put_model(a_model())
    first.record_predictions(MODEL, [a_prediction()])
    first.close()
    first.close()
    again = open_store(store_url)
    try:
        assert again.list_models() == [a_model()]
        assert again.last_prediction_time(MODEL) == NOON
    finally:
        again.close()


def test_a_store_that_was_never_used_can_be_closed(store_url: str) -> None:
    open_store(store_url).close()


def test_what_a_caller_does_to_its_own_mappings_does_not_reach_the_store(store: Store) -> None:
    metrics: dict[str, Any] = {"r2_score": 0.9}
    features: dict[str, Any] = {"rooms": 4.0}
    store.put_model(a_model())
    store.add_version(a_version(metrics=metrics))
    store.record_predictions(MODEL, [a_prediction(features=features)])
    metrics["r2_score"] = features["rooms"] = 0.0
    version = store.get_version(MODEL, 1)
    assert version is not None
    assert version.metrics == {"r2_score": 0.9}
    assert store.predictions(MODEL, NOON, NOON + timedelta(hours=1))["features"].to_list() == [{"rooms": 4.0}]
