"""Records: names, and the champion that follows from the stage changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.records import MODEL_NAME, Model, StageChange
from tests.factories import NOON, a_model


def promoted(*versions: int) -> Model:
    """Return a model on which versions were promoted in this order."""
    model = a_model()
    for version in versions:
        model = model.with_change(StageChange(NOON, "promote", version, model.champion))
    return model


def rolled_back(model: Model) -> Model:
    return model.with_change(StageChange(NOON, "roll_back", model.champions()[-2], model.champion))


# Names


@pytest.mark.parametrize("name", ["a", "9", "housing_price", "model-1.2", "A" * 64])
def test_a_name_is_letters_digits_and_three_signs(name: str) -> None:
    assert a_model(name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "A" * 65, "_a", ".", "..", ".a", "-a", "a b", "a/b", "../a", "a\n", "a\\b", "é", "a\x00", "\u0661"],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 64 letters"):
        a_model(name)


def test_the_refusal_of_a_name_shows_no_more_than_its_start() -> None:
    with pytest.raises(ValueError) as caught:
        a_model("x" * 10_000)
    assert len(str(caught.value)) < 250


@given(st.from_regex(MODEL_NAME, fullmatch=True))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    assert a_model(name).name == name
    assert "/" not in name
    assert not name.startswith(".")


# The champion


def test_a_model_without_stage_changes_has_no_champion() -> None:
    assert (a_model().champion, a_model().champions()) == (None, [])


def test_the_version_promoted_last_is_the_champion() -> None:
    assert promoted(1, 2, 5).champion == 5
    assert promoted(1, 2, 5).champions() == [1, 2, 5]


def test_rolling_back_goes_to_the_champion_before_and_on_to_the_one_before_that() -> None:
    model = promoted(1, 2, 3)
    model = rolled_back(model)
    assert model.champion == 2
    model = rolled_back(model)
    assert model.champion == 1


def test_a_version_that_was_rolled_back_may_be_promoted_again() -> None:
    model = rolled_back(promoted(1, 2)).with_change(StageChange(NOON, "promote", 2, 1))
    assert model.champions() == [1, 2]
    assert rolled_back(model).champion == 1


def test_after_a_roll_back_and_a_promotion_the_way_back_leaves_out_the_bad_version() -> None:
    model = rolled_back(promoted(1, 2)).with_change(StageChange(NOON, "promote", 3, 1))
    assert rolled_back(model).champion == 1


@pytest.mark.parametrize(
    ("model", "version"), [(a_model(), 1), (promoted(1), 1), (promoted(1, 2, 3), 1), (promoted(1, 2, 3), 3)]
)
def test_a_roll_back_to_any_other_version_is_refused(model: Model, version: int) -> None:
    with pytest.raises(ValueError, match=f"version {version} is not the one promoted before"):
        model.with_change(StageChange(NOON, "roll_back", version, model.champion))


def test_a_change_leaves_the_model_it_was_made_from_as_it_was() -> None:
    before = promoted(1)
    after = before.with_change(StageChange(NOON, "promote", 2, 1))
    assert (before.champion, after.champion) == (1, 2)


def test_every_version_stands_in_one_stage() -> None:
    model = rolled_back(promoted(1, 2, 4))
    assert {number: model.stage_of(number) for number in range(1, 6)} == {
        1: "archived",
        2: "champion",
        3: "challenger",
        4: "archived",
        5: "challenger",
    }


@given(st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=30))
def test_promotions_and_roll_backs_behave_like_a_stack(steps: list[int | None]) -> None:
    model, stack = a_model(), []
    for version in steps:
        if version is not None:
            model = model.with_change(StageChange(NOON, "promote", version, model.champion))
            stack.append(version)
        elif len(stack) >= 2:
            model = rolled_back(model)
            stack.pop()
    assert model.champions() == stack
    assert model.champion == (stack[-1] if stack else None)


def test_records_do_not_change() -> None:
    model = a_model()
    with pytest.raises(FrozenInstanceError):
        model.title = "another"  # type: ignore[misc]
