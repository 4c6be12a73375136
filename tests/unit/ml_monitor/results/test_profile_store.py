from __future__ import annotations

from datetime import timedelta

from ml_core.store.json_store import JsonStore
from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.profiles.outcomes import Outcomes, outcomes_of
from ml_monitor.monitoring.profiles.profile import Profile, profile_of
from ml_monitor.results.profile_store import (
    REFERENCES,
    ReferenceProfiles,
    chunk_outcomes,
    keep_reference,
    outcomes_metric,
    profile_points,
    read_profiles,
    read_profiles_at,
    read_reference_profiles,
)
from ml_monitor.results.results_store import list_chunkings
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY

LONG = "a column whose name is longer than any store has room for " * 5
COLUMNS: dict[str, Profile] = {
    "age": profile_of(number_column([1.0, 2.0, None])),
    "age/2": profile_of(number_column([5.0])),
    "country": profile_of(category_column(["de", "fr"])),
    LONG: profile_of(number_column([9.0])),
}
OUTCOMES = outcomes_of("binary", [1, 0], [1, 1], [0.9, 0.8], "1")


def put(store: JsonStore, day: int) -> None:
    start = NOON + day * DAY
    store.put_metric_points(profile_points("fraud", start, start + DAY, COLUMNS, OUTCOMES))


def test_the_profiles_of_one_column_are_read_by_chunk(json_store: JsonStore) -> None:
    for day in (1, 0):
        put(json_store, day)
    found = read_profiles(json_store, "fraud", "age", NOON, NOON + 5 * DAY)
    assert [(each.start_time, each.end_time) for each in found] == [(NOON, NOON + DAY), (NOON + DAY, NOON + 2 * DAY)]
    assert found[0].profile == COLUMNS["age"]
    assert read_profiles(json_store, "fraud", LONG, NOON, NOON + DAY)[0].profile == COLUMNS[LONG]
    assert read_profiles(json_store, "fraud", "unknown", NOON, NOON + DAY) == []


def test_the_profiles_of_one_chunk_are_read_by_column(json_store: JsonStore) -> None:
    put(json_store, 0)
    assert read_profiles_at(json_store, "fraud", NOON) == COLUMNS
    assert read_profiles_at(json_store, "fraud", NOON + timedelta(hours=1)) == {}


def test_outcomes_are_told_from_other_points(json_store: JsonStore) -> None:
    put(json_store, 0)
    points = json_store.metric_points("fraud", ["day/"], NOON, NOON + DAY)
    assert [each.outcomes for each in chunk_outcomes(points)] == [OUTCOMES]
    assert outcomes_metric() in json_store.list_metrics("fraud")
    assert list_chunkings(json_store, "fraud") == []  # a profile is no result


def test_a_chunk_without_truth_has_no_point_for_outcomes() -> None:
    points = profile_points("fraud", NOON, NOON + DAY, {}, Outcomes())
    assert points == []


def test_the_profiles_of_a_reference_are_kept_with_their_version(json_store: JsonStore) -> None:
    reference = ReferenceProfiles(2, "0" * 64, COLUMNS, OUTCOMES, {"accuracy": 0.5})
    keep_reference(json_store, "fraud", reference)
    keep_reference(json_store, "fraud", reference)
    found = read_reference_profiles(json_store, "fraud", 2)
    assert found == reference
    assert list(found.columns) == list(COLUMNS)
    assert read_reference_profiles(json_store, "fraud", 1) is None
    assert read_reference_profiles(json_store, "fraud", None) is None
    assert [document.revision for document in json_store.list_documents(REFERENCES)] == [1]
    keep_reference(json_store, "fraud", ReferenceProfiles(2, "1" * 64, {}, Outcomes(), {}))
    assert json_store.list_documents(REFERENCES)[0].revision == 2
