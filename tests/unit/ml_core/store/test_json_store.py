"""The embedded store as a whole: damage, and files that anyone can read."""

from __future__ import annotations

import json
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import Prediction, StageChange
from ml_core.store.json_formats import FORMAT
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_prediction, a_truth, a_version

MODEL = "housing_price"
HOUR = timedelta(hours=1)


def some_predictions(count: int) -> list[Prediction]:
    return [a_prediction(NOON + timedelta(milliseconds=number)) for number in range(count)]


def stored_ids(store: JsonStore) -> set[str]:
    return set(store.predictions(MODEL, NOON, NOON + HOUR)["prediction_id"])


# What lies on disk


def test_everything_in_the_store_is_json_that_any_program_can_read(json_store: JsonStore) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    json_store.add_version(a_version())
    predictions = some_predictions(3)
    json_store.record_predictions(MODEL, predictions)
    json_store.record_truths(MODEL, [a_truth(predictions[0].prediction_id, 5.0)])
    documents = {path.name: json.loads(path.read_text()) for path in json_store.folder.rglob("*.json")}
    assert documents["format.json"] == {"format": FORMAT}
    assert documents["models.json"]["_default"]["1"]["seed_id"] == "model1"
    assert documents["model_versions.json"]["_default"]["1"]["number"] == 1
    lines = [json.loads(line) for path in json_store.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(line["prediction_id"] for line in lines if "features" in line) == sorted(
        prediction.prediction_id for prediction in predictions
    )
    assert [line["value"] for line in lines if "received_time" in line] == [5.0]


def test_a_store_that_is_opened_again_holds_what_was_put_in(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.record_predictions(MODEL, some_predictions(3))
    json_store.close()
    again = JsonStore(json_store.folder)
    assert again.list_models() == json_store.list_models()
    assert stored_ids(again) == stored_ids(json_store)


@pytest.mark.parametrize("found", [FORMAT + 1, 0, "1", None])
def test_a_store_of_another_format_is_refused_and_left_alone(json_store: JsonStore, found: object) -> None:
    path = json_store.folder / "format.json"
    path.write_text(json.dumps({"format": found}))
    with pytest.raises(StoreUnavailable, match=f"has format {found}, this version of the suite reads {FORMAT}"):
        JsonStore(json_store.folder)
    assert json.loads(path.read_text()) == {"format": found}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "5", "null"])
def test_a_damaged_format_file_is_refused_with_its_path(json_store: JsonStore, content: str) -> None:
    path = json_store.folder / "format.json"
    path.write_text(content)
    with pytest.raises(StoreUnavailable) as caught:
        JsonStore(json_store.folder)
    assert caught.value.message.startswith(f"{path} is damaged")


# Trouble


def test_a_store_in_use_finds_itself_well(json_store: JsonStore) -> None:
    json_store.check()
    before = sorted(json_store.folder.rglob("*"))
    json_store.check()
    assert sorted(json_store.folder.rglob("*")) == before


def test_a_file_in_the_place_of_the_folder_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(StoreUnavailable, match=f"cannot write {tmp_path / 'store'}"):
        JsonStore(tmp_path / "store")


def test_a_store_whose_folder_was_replaced_by_a_file_is_unavailable_for_all_it_does(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.record_predictions(MODEL, some_predictions(1))
    shutil.rmtree(json_store.folder)
    json_store.folder.touch()
    for call in (
        json_store.check,
        json_store.list_models,
        lambda: json_store.get_model(MODEL),
        lambda: json_store.list_versions(MODEL),
        lambda: json_store.put_model(a_model()),
        lambda: json_store.add_version(a_version()),
        lambda: json_store.change_stage(MODEL, StageChange(NOON, "promote", 1, None)),
        lambda: json_store.record_predictions(MODEL, some_predictions(1)),
        lambda: json_store.record_truths(MODEL, [a_truth("order-1")]),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_store_whose_folder_is_gone_is_unavailable_and_not_made_anew(json_store: JsonStore) -> None:
    json_store.put_model(a_model())
    json_store.folder.rename(json_store.folder.with_name("moved"))
    for call in (json_store.check, json_store.list_models, lambda: json_store.put_model(a_model("another"))):
        with pytest.raises(StoreUnavailable):
            call()
    assert not json_store.folder.exists()


@pytest.mark.parametrize("name", ["models.json", "model_versions.json"])
def test_a_damaged_file_of_documents_is_told_with_its_path_and_mended_by_a_backup(
    json_store: JsonStore, name: str
) -> None:
    json_store.put_model(a_model())
    json_store.add_version(a_version())
    path = json_store.folder / "documents" / name
    backup = path.read_bytes()
    path.write_bytes(backup[: len(backup) // 2])
    with pytest.raises(StoreUnavailable) as caught:
        json_store.get_model(MODEL)
        json_store.list_versions(MODEL)
    assert caught.value.message == f"{path} is damaged (not JSON); restore it from a backup"
    path.write_bytes(backup)
    assert json_store.get_model(MODEL) == a_model()
    assert len(json_store.list_versions(MODEL)) == 1


def test_documents_that_are_json_but_no_models_are_never_another_error(json_store: JsonStore) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    for number, previous in ((1, None), (2, 1)):
        json_store.add_version(a_version())
        json_store.change_stage(MODEL, StageChange(NOON, "promote", number, previous))
    json_store.change_stage(MODEL, StageChange(NOON, "roll_back", 1, 2))
    chance, refused = random.Random(20261120), 0
    for name in ("models.json", "model_versions.json"):
        path = json_store.folder / "documents" / name
        good = path.read_text()
        for _ in range(100):
            documents = json.loads(good)
            _spoil(documents, chance)
            path.write_text(json.dumps(documents))
            for call in (
                json_store.list_models,
                lambda: json_store.get_version(MODEL, 1),
                lambda: json_store.put_model(a_model()),
                lambda: json_store.add_version(a_version()),
                lambda: json_store.change_stage(MODEL, StageChange(NOON, "promote", 2, 1)),
            ):
                try:
                    call()
                except StoreUnavailable as error:
                    assert str(path) in error.message
                    refused += 1
        path.write_text(good)
    assert refused > 100


def _spoil(documents: dict[str, dict[str, dict[str, object]]], chance: random.Random) -> None:
    """Replace or remove one value somewhere inside."""
    node: dict[str, object] | list[object] = documents["_default"]["1"]
    while True:
        key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]  # type: ignore[index, call-overload]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
            node = inner
        elif chance.random() < 0.3:
            del node[key]  # type: ignore[arg-type]
            return
        else:
            node[key] = chance.choice([None, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, True])  # type: ignore[index, call-overload]
            return
