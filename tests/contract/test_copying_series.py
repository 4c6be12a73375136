"""What a copy keeps of metrics, series and documents, and what it says of those the target holds otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.store.base import Store
from ml_core.store.copying import copy_store
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import no_progress
from tests.factories import NOON, a_forecast, a_point, an_observation
from tests.snapshots import everything

SERIES = "cloudwatch/i-0abc/CPUUtilization"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """An empty embedded store beside the one under test."""
    with closing(JsonStore(tmp_path / "other")) as opened:
        yield opened


def test_an_observation_that_was_corrected_since_the_last_copy_is_corrected_there(store: Store, other: Store) -> None:
    store.record_observations(SERIES, [an_observation(value=1.0)])
    copy_store(store, other, no_progress)
    later = NOON + timedelta(hours=2)
    store.record_observations(SERIES, [an_observation(value=2.0, correct=True, received_time=later)])
    report = copy_store(store, other, no_progress)
    assert (report.copied["observations"], report.conflicts) == (1, ())
    assert everything(other) == everything(store)


def test_an_observation_with_another_history_is_a_conflict_and_stays(store: Store, other: Store) -> None:
    store.record_observations(SERIES, [an_observation(value=1.0)])
    other.record_observations(SERIES, [an_observation(value=5.0)])
    (conflict,) = copy_store(store, other, no_progress).conflicts
    assert (
        conflict
        == f"series {SERIES!r} at 2026-11-20 12:00:00 UTC: the target holds another history, with the values 5.0"
    )
    assert other.observations(SERIES, NOON, NOON + timedelta(hours=1))["value"].tolist() == [5.0]


def test_a_document_with_another_content_is_a_conflict_and_stays(store: Store, other: Store) -> None:
    store.put_document("alert_rules", "drift", {"budget": 1}, expected_revision=None)
    other.put_document("alert_rules", "drift", {"budget": 2}, expected_revision=None)
    (conflict,) = copy_store(store, other, no_progress).conflicts
    assert conflict == "the document 'drift' of kind 'alert_rules': the target holds another one"
    assert [each.content for each in other.list_documents("alert_rules")] == [{"budget": 2}]


def test_forecasts_and_points_that_were_computed_anew_take_the_place_of_the_old(store: Store, other: Store) -> None:
    other.put_forecast(a_forecast(series=SERIES, version=1))
    other.put_metric_points([a_point(count=3)])
    store.put_forecast(a_forecast(series=SERIES, version=2))
    store.put_metric_points([a_point(count=4)])
    assert copy_store(store, other, no_progress).conflicts == ()
    assert everything(other) == everything(store)


def test_kinds_of_documents_are_listed_while_they_have_any(store: Store) -> None:
    assert store.document_kinds() == []
    store.put_document("silences", "all", {}, expected_revision=None)
    store.put_document("alert_rules", "drift", {}, expected_revision=None)
    assert store.document_kinds() == ["alert_rules", "silences"]
    store.delete_document("silences", "all", expected_revision=1)
    assert store.document_kinds() == ["alert_rules"]
