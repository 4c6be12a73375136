"""The registry, on a real embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from ml_core.artifacts.folders import load_artifact, read_reference
from ml_core.clock import FixedClock
from ml_core.errors import Conflict, InvalidInput, ModelNotFound, NotFound, StoreUnavailable, VersionNotFound
from ml_core.records import FeatureSpec, Model, ModelVersion
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_version

ROOMS = pd.DataFrame({"rooms": [1.0, 2.0, 3.0]})
PRICES = [10.0, 20.0, 30.0]


@pytest.fixture
def other_process(tmp_path: Path, clock: FixedClock) -> Iterator[Registry]:
    """A second registry on the same folders, as another process would have it."""
    store = JsonStore(tmp_path / "store")
    yield Registry(store, tmp_path / "artifacts", clock)
    store.close()


@pytest.fixture
def model(registry: Registry) -> Model:
    """A registered model with three versions, none promoted."""
    registry.add_model(a_model(seed_id="model1"))
    for _ in range(3):
        registry.store.add_version(a_version())
    return registry.find("housing_price")


def train(registry: Registry, model: Model) -> ModelVersion:
    """Register a version with real files."""
    return registry.add_version(
        model,
        LinearRegression().fit(ROOMS, PRICES),
        "skops",
        metrics={"r2_score": 1.0},
        features=(FeatureSpec("rooms", "number"),),
        parameters={"test_size": 0.4},
        lineage={"data_sha256": "0" * 64},
        reference=ROOMS.assign(value=PRICES),
    )


# Models


def test_a_model_is_new_once_and_updated_after_that(registry: Registry) -> None:
    assert registry.add_model(a_model(title="Houses"))
    assert not registry.add_model(a_model(title="Homes"))
    assert registry.find("housing_price").title == "Homes"


def test_a_model_is_found_by_name_and_by_seed_id(registry: Registry, model: Model) -> None:
    assert registry.find("housing_price") == model
    assert registry.find("model1") == model


@pytest.mark.parametrize("model_id", ["model2", "", "HOUSING_PRICE", "../store", "housing_price\x00", "None"])
def test_a_model_that_is_not_registered_is_not_found(registry: Registry, model: Model, model_id: str) -> None:
    registry.add_model(a_model("without_seed_id"))
    with pytest.raises(ModelNotFound) as caught:
        registry.find(model_id)
    assert caught.value.model == model_id


@pytest.mark.parametrize(
    "clashing",
    [
        a_model("another", seed_id="model1"),
        a_model("model1"),
        a_model("another", seed_id="housing_price"),
    ],
    ids=["seed id taken", "name is a seed id", "seed id is a name"],
)
def test_a_model_is_refused_whose_name_or_seed_id_means_another_already(
    registry: Registry, model: Model, clashing: Model
) -> None:
    with pytest.raises(Conflict, match="model 'housing_price' is known by the same id"):
        registry.add_model(clashing)
    assert registry.store.list_models() == [model]


def test_models_without_seed_ids_do_not_clash(registry: Registry) -> None:
    assert registry.add_model(a_model("one"))
    assert registry.add_model(a_model("two"))


def test_a_models_own_seed_id_may_be_its_name(registry: Registry) -> None:
    assert registry.add_model(a_model(seed_id="housing_price"))
    assert not registry.add_model(a_model(seed_id="housing_price"))


# Versions


def test_a_version_comes_with_files_that_can_be_served(registry: Registry, clock: FixedClock) -> None:
    registry.add_model(a_model())
    version = train(registry, registry.find("housing_price"))
    assert (version.number, version.created_time, version.reference_rows) == (1, NOON, 3)
    folder = registry.artifact_folder(version)
    assert folder.parent == registry.artifacts_root / "housing_price"
    sha256 = version.artifact_sha256 or ""
    assert load_artifact(folder, sha256).predict(ROOMS).values == pytest.approx(PRICES)
    assert read_reference(folder, sha256)["value"].tolist() == PRICES
    assert registry.store.get_version("housing_price", 1) == version


def test_a_version_of_a_model_served_elsewhere_has_its_reference_alone(registry: Registry) -> None:
    registry.add_model(a_model())
    features, sample = (FeatureSpec("rooms", "number"),), ROOMS.assign(value=PRICES)
    version = registry.add_reference(registry.find("housing_price"), sample, features=features, lineage={"of": "me"})
    assert registry.store.get_version("housing_price", 1) == version
    assert (version.features, version.lineage, version.reference_rows) == (features, {"of": "me"}, 3)
    assert read_reference(registry.artifact_folder(version), version.artifact_sha256 or "").equals(sample)
    with pytest.raises(NotFound, match="has no files to serve"):
        load_artifact(registry.artifact_folder(version), version.artifact_sha256 or "")


def test_a_new_version_is_a_challenger(registry: Registry) -> None:
    registry.add_model(a_model())
    train(registry, registry.find("housing_price"))
    found = registry.find("housing_price")
    assert found.stage_of(1) == "challenger"
    assert registry.champion(found) is None


def test_versions_that_cannot_be_written_are_not_registered(registry: Registry) -> None:
    registry.add_model(a_model())
    registry.artifacts_root.touch()  # a file where the folder should be
    with pytest.raises(StoreUnavailable, match="artifacts"):
        train(registry, registry.find("housing_price"))
    assert registry.store.list_versions("housing_price") == []


def test_a_version_is_found_by_its_number(registry: Registry, model: Model) -> None:
    assert registry.version(model, 2).number == 2
    for number in (0, 4, -1):
        with pytest.raises(VersionNotFound, match=f"no version {number}"):
            registry.version(model, number)


def test_a_version_served_elsewhere_has_no_files(registry: Registry) -> None:
    with pytest.raises(NotFound, match="has no files here"):
        registry.artifact_folder(a_version(number=1, artifact=None, artifact_sha256=None))


# Champions


def test_a_promoted_version_is_the_champion_for_every_process(
    registry: Registry, other_process: Registry, model: Model
) -> None:
    promoted = registry.promote(model, 2)
    assert promoted.champion == 2
    assert other_process.find("model1") == promoted
    champion = other_process.champion(promoted)
    assert champion is not None
    assert champion.number == 2


def test_promoting_the_champion_changes_nothing(registry: Registry, model: Model) -> None:
    promoted = registry.promote(model, 2)
    assert registry.promote(promoted, 2) == promoted
    assert len(registry.find("model1").stage_changes) == 1


def test_a_version_that_does_not_exist_is_not_promoted(registry: Registry, model: Model) -> None:
    with pytest.raises(VersionNotFound):
        registry.promote(model, 4)
    assert registry.find("model1").stage_changes == ()


def test_rolling_back_returns_to_the_champion_before(registry: Registry, model: Model) -> None:
    for number in (1, 3, 2):
        model = registry.promote(model, number)
    model = registry.roll_back(model)
    assert model.champion == 3
    model = registry.roll_back(model)
    assert model.champion == 1
    assert registry.find("model1") == model


def test_every_change_is_kept_with_its_time(registry: Registry, model: Model, clock: FixedClock) -> None:
    model = registry.promote(model, 1)
    clock.advance(timedelta(hours=1))
    model = registry.roll_back(registry.promote(model, 2))
    kept = [(change.action, change.version, change.previous) for change in registry.find("model1").stage_changes]
    assert kept == [("promote", 1, None), ("promote", 2, 1), ("roll_back", 1, 2)]
    times = [change.time for change in registry.find("model1").stage_changes]
    assert times == [NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=1)]


@pytest.mark.parametrize("promotions", [0, 1])
def test_without_an_earlier_champion_there_is_no_way_back(registry: Registry, model: Model, promotions: int) -> None:
    for number in range(1, promotions + 1):
        model = registry.promote(model, number)
    with pytest.raises(InvalidInput, match="no earlier champion") as caught:
        registry.roll_back(model)
    assert [detail.field for detail in caught.value.details] == ["model"]


def test_of_two_processes_that_promote_at_once_the_second_gets_a_conflict(
    registry: Registry, other_process: Registry, model: Model
) -> None:
    read_by_both = model
    registry.promote(read_by_both, 1)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        other_process.promote(read_by_both, 2)
    assert registry.find("model1").champion == 1


def test_a_roll_back_of_a_champion_that_is_no_longer_one_is_a_conflict(
    registry: Registry, other_process: Registry, model: Model
) -> None:
    read_by_both = registry.promote(registry.promote(model, 1), 2)
    other_process.roll_back(read_by_both)
    with pytest.raises(Conflict):
        registry.roll_back(read_by_both)
    assert registry.find("model1").champion == 1


def test_a_roll_back_is_a_conflict_when_the_champion_is_the_same_but_the_one_before_is_another(
    registry: Registry, other_process: Registry, model: Model
) -> None:
    stale = registry.promote(registry.promote(model, 1), 2)
    for number in (3, 2):
        other_process.promote(other_process.find("model1"), number)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        registry.roll_back(stale)
    assert registry.find("model1").champions() == [1, 2, 3, 2]
    assert registry.roll_back(registry.find("model1")).champion == 3
