"""What is remembered of models: only what the database has said, by all processes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import StageChange
from ml_core.store.model_memory import ModelMemory
from tests.factories import NOON, a_model, a_version

CHAMPION = a_model(seed_id="model1", stage_changes=(StageChange(NOON, "promote", 1, None),))
VERSION = a_version(number=1, metrics={"r2_score": 0.9, "confusion_matrix": [[1, 2], [3, 4]]})


@contextmanager
def unlocked() -> Iterator[None]:
    yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.json"


@pytest.fixture
def memory(path: Path) -> ModelMemory:
    return ModelMemory(path, unlocked)


def test_answers_are_given_again_also_by_another_process(memory: ModelMemory, path: Path) -> None:
    memory.learn_models([CHAMPION, a_model("churn")])
    memory.learn_versions("housing_price", [VERSION])
    memory.learn_version(replace(VERSION, model="churn", number=7))
    for each in (memory, ModelMemory(path, unlocked)):
        assert each.models() == [a_model("churn"), CHAMPION]
        assert each.model("housing_price") == CHAMPION
        assert each.versions("housing_price") == [VERSION]
        assert each.version("housing_price", 1) == VERSION
        assert each.version("churn", 7).number == 7


def test_what_was_never_asked_is_not_known(memory: ModelMemory) -> None:
    memory.learn_model("housing_price", CHAMPION)
    memory.learn_version(VERSION)
    assert memory.model("housing_price") == CHAMPION
    for ask in (
        memory.models,
        lambda: memory.model("churn"),
        lambda: memory.model("model1"),
        lambda: memory.versions("housing_price"),
        lambda: memory.version("housing_price", 2),
        lambda: memory.version("churn", 1),
    ):
        with pytest.raises(LookupError):
            ask()


def test_a_seed_id_is_known_to_be_no_name(memory: ModelMemory) -> None:
    memory.learn_models([CHAMPION])
    assert memory.model("model1") is None
    with pytest.raises(LookupError):
        memory.model("model2")


def test_no_answer_is_no_knowledge(memory: ModelMemory, path: Path) -> None:
    memory.learn_model("churn", None)
    memory.learn_version(None)
    assert not path.exists()


def test_newer_answers_take_the_place_of_older_ones(memory: ModelMemory) -> None:
    memory.learn_models([CHAMPION, a_model("churn")])
    memory.learn_models([a_model("churn", title="Churn")])
    assert [model.title for model in memory.models()] == ["Churn"]
    with pytest.raises(LookupError):
        memory.model("housing_price")


def test_two_processes_learn_side_by_side(memory: ModelMemory, path: Path) -> None:
    other = ModelMemory(path, unlocked)
    memory.learn_models([CHAMPION])
    other.learn_version(VERSION)
    memory.learn_model("churn", a_model("churn"))
    assert other.model("churn") == memory.model("churn") == a_model("churn")
    assert memory.version("housing_price", 1) == VERSION


def test_the_same_answer_writes_nothing(memory: ModelMemory, path: Path) -> None:
    memory.learn_models([CHAMPION])
    memory.learn_versions("housing_price", [VERSION])
    before = path.stat()
    memory.learn_models([CHAMPION])
    memory.learn_model("housing_price", CHAMPION)
    memory.learn_versions("housing_price", [VERSION])
    memory.learn_version(VERSION)
    assert path.stat().st_ino == before.st_ino


def test_a_disk_that_takes_nothing_does_not_keep_an_answer_from_its_asker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def refused() -> Iterator[None]:
        raise StoreUnavailable("cannot write")
        yield

    for memory in (ModelMemory(tmp_path / "gone" / "models.json", unlocked), ModelMemory(tmp_path / "m.json", refused)):
        memory.learn_models([CHAMPION])
        assert memory.models() == [CHAMPION]
    assert len(caplog.records) == 2


def test_a_damaged_file_is_told_and_learnt_anew(
    memory: ModelMemory, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text('{"models": 3')
    with pytest.raises(LookupError):
        memory.models()
    assert "cannot be read" in caplog.text
    memory.learn_models([CHAMPION])
    assert ModelMemory(path, unlocked).models() == [CHAMPION]
