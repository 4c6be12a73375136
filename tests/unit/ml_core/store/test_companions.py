"""What belongs to a model lies under names that the store takes, whatever the model is called."""

from __future__ import annotations

import pytest

from ml_core.ids import new_id
from ml_core.records import MODEL_NAME
from ml_core.store.companions import shadow_name, shadow_range, shadows_among, tracked_ids, tracked_name
from tests.factories import NOON

NAMES = ["a", "housing_price", "a" * 45, "a" * 56, "a" * 57, "a" * 63 + "b", "a" * 64]
VERSIONS = (1, 9, 10, 123, 100_000)


def test_the_name_of_a_shadow_says_whose_it_is_and_of_which_version() -> None:
    assert shadow_name("housing_price", 12) == "housing_price.shadow.12"


def test_models_of_any_length_have_shadows_and_tracked_lines_of_their_own() -> None:
    names = {shadow_name(name, version) for name in NAMES for version in VERSIONS} | set(map(tracked_name, NAMES))
    assert len(names) == len(NAMES) * (len(VERSIONS) + 1)
    assert all(MODEL_NAME.fullmatch(name) for name in names)


@pytest.mark.parametrize("model", NAMES)
def test_the_shadows_of_a_model_are_told_from_all_other_names(model: str) -> None:
    mine = [shadow_name(model, version) for version in VERSIONS]
    others = [shadow_name(name, version) for name in NAMES if name != model for version in VERSIONS]
    unlike = [f"{model[:40]}.shadow.{end}" for end in ("", "0", "01", "x", "1x", "1.shadow", "1" * 40)]
    assert shadows_among([*others, *mine, *unlike, *NAMES, tracked_name(model)], model) == mine


@pytest.mark.parametrize("model", NAMES)
def test_all_shadows_of_a_model_lie_in_its_range_of_names(model: str) -> None:
    begin, end = shadow_range(model)
    assert all(begin <= shadow_name(model, version) < end for version in (*VERSIONS, 999_999_999))
    assert not begin <= model < end or len(model) > 40


def test_lines_of_a_whole_batch_tell_of_each_of_its_rows_if_the_suite_made_its_id() -> None:
    batch = new_id(NOON)
    assert tracked_ids(f"{batch}-12") == (f"{batch}-12", batch)
    for alone in (batch, "order-12", "order", "-1", f"{batch}-x", f"{batch}-1-2"):
        assert tracked_ids(alone) == (alone,)
