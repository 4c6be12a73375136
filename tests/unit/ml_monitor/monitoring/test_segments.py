"""Segments: rows by the value of a feature, as the reference had it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import InvalidInput
from ml_core.records import FeatureSpec
from ml_monitor.monitoring.segments import Segments, learn_segments

DISTRICT = FeatureSpec("district", "category")
AREA = FeatureSpec("area", "number")


def positions(segments: Segments, values: Any) -> dict[str, list[int]]:
    return {name: rows.tolist() for name, rows in segments.split(values).items()}


def test_the_most_frequent_categories_get_a_segment_each_and_the_rest_share_one() -> None:
    segments = learn_segments(["b", "a", "b", "c", "d", "a", "b"], DISTRICT, most=2)
    assert positions(segments, ["a", "b", "c", "d", "b"]) == {
        "district=b": [1, 4],
        "district=a": [0],
        "district: other": [2, 3],
    }


def test_of_equally_frequent_categories_the_first_by_name_comes_first() -> None:
    assert learn_segments(["b", "c", "a"], DISTRICT, most=2).categories == ("a", "b")


def test_an_unseen_category_and_a_missing_value_are_segments_of_their_own() -> None:
    segments = learn_segments(["a", "b", None], DISTRICT)
    assert positions(segments, ["a", "z", None, float("nan"), "y"]) == {
        "district=a": [0],
        "district: missing": [2, 3],
        "district: unseen": [1, 4],
    }


def test_a_category_named_as_a_rest_is_not_mistaken_for_it() -> None:
    segments = learn_segments(["missing", "other", "unseen"], DISTRICT, most=2)
    assert positions(segments, ["missing", None, "other", "nowhere", "unseen"]) == {
        "district=missing": [0],
        "district=other": [2],
        "district: missing": [1],
        "district: unseen": [3],
        "district: other": [4],
    }
    assert len(set(segments.names)) == len(segments.names)


def test_categories_that_are_numbers_are_the_same_as_text_and_as_float() -> None:
    segments = learn_segments(pd.Series([1, 2, 2]), DISTRICT)
    assert positions(segments, [2.0, "1", 2, True]) == {"district=2": [0, 2], "district=1": [1, 3]}


def test_numbers_are_cut_into_bins_of_about_equal_count_at_numbers_that_occurred() -> None:
    segments = learn_segments(np.arange(1, 101), AREA, bins=4)
    assert segments.edges == (26.0, 51.0, 76.0)
    found = positions(segments, np.arange(1, 101))
    assert {name: len(rows) for name, rows in found.items()} == {
        "area<26": 25,
        "26<=area<51": 25,
        "51<=area<76": 25,
        "area>=76": 25,
    }


def test_numbers_outside_the_reference_are_in_the_outer_bins() -> None:
    segments = learn_segments(np.arange(1, 101), AREA, bins=2)
    assert positions(segments, [-1e9, 1e9]) == {"area<51": [0], "area>=51": [1]}


def test_what_is_no_finite_number_is_unseen_and_none_is_missing() -> None:
    segments = learn_segments([1.0, 2.0, float("inf")], AREA, bins=2)
    assert positions(segments, [1.0, float("inf"), "many", None]) == {
        "area<2": [0],
        "area: missing": [3],
        "area: unseen": [1, 2],
    }


def test_a_constant_number_is_one_segment() -> None:
    assert positions(learn_segments([3.0] * 10, AREA), [1.0, 3.0]) == {"area=any number": [0, 1]}


def test_names_of_bins_differ_also_where_edges_are_close() -> None:
    reference = [1.0, 1.0000001, 1.0000002, 1.0000003]
    names = learn_segments(reference, AREA, bins=4).names
    assert len(set(names)) == len(names)
    assert names[0] == "area<1.0000001"


@given(
    st.lists(st.sampled_from(["a", "b", "c", 1, 2.5, None, True]), min_size=1).filter(
        lambda values: any(value is not None for value in values)
    ),
    st.lists(st.one_of(st.none(), st.text(max_size=2), st.floats(), st.integers(), st.booleans())),
)
def test_every_row_is_in_exactly_one_segment(reference: list[Any], values: list[Any]) -> None:
    for spec in (DISTRICT, AREA):
        known = reference if spec is DISTRICT else [*reference, 1.0, 2.0]
        segments = learn_segments(known, spec, most=2)
        found = segments.split(values)
        assert sorted(np.concatenate([*found.values(), np.empty(0)])) == list(range(len(values)))
        assert set(found) <= set(segments.names)


@pytest.mark.parametrize("spec", [DISTRICT, AREA])
def test_a_reference_without_values_is_refused_by_the_feature_s_name(spec: FeatureSpec) -> None:
    with pytest.raises(InvalidInput, match=f"{spec.name}: expected a reference with"):
        learn_segments([None, float("nan")], spec)


def test_counts_below_one_are_refused() -> None:
    with pytest.raises(InvalidInput, match="most: expected at least 1"):
        learn_segments(["a"], DISTRICT, most=0)
    with pytest.raises(InvalidInput, match="bins: expected at least 1"):
        learn_segments([1.0], AREA, bins=0)
