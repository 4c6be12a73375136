"""What a check keeps for the pages: profiles, outcomes, and the summary of its model."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.rules import DEFAULT_RULES
from ml_monitor.evaluation.model_evaluator import ModelEvaluator
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.monitoring.profiles.profile import NumberProfile
from ml_monitor.results.profile_store import chunk_outcomes, read_profiles, read_profiles_at, read_reference_profiles
from ml_monitor.results.summaries import Summary, read_summary
from tests.factories import a_model
from tests.price_world import add_world, draw_prices, record_frame
from tests.worlds import DAY, FIRST_DAY, World, add_fraud, record_day


def check(registry: Registry, model: str, days: int) -> Summary:
    ModelEvaluator(registry, registry.find(model), DEFAULT_RULES, FIRST_DAY + days * DAY).evaluate()
    found = read_summary(registry.store, model)
    assert found is not None
    return found


@pytest.fixture
def fraud(registry: Registry) -> Registry:
    """Three good days, then two of which the feature amount has moved."""
    add_fraud(registry)
    for day in range(5):
        record_day(registry, day, World(shift=2.0 if day >= 3 else 0.0))
    return registry


def test_the_summary_holds_each_day_with_its_metric_and_what_drifted(fraud: Registry) -> None:
    found = check(fraud, "fraud", 5)
    assert (found.model, found.metric, found.checked_time) == ("fraud", "roc_auc", FIRST_DAY + 5 * DAY)
    assert found.reference == pytest.approx(0.82, abs=0.02)
    # Truth comes after an hour: that of the last day's last hour is not there yet.
    assert [(chunk.rows, chunk.truths) for chunk in found.chunks] == [*[(400, 400)] * 4, (400, 384)]
    assert all(chunk.realised and chunk.estimated and chunk.columns == 5 for chunk in found.chunks)
    assert [("amount" in chunk.drifted) for chunk in found.chunks] == [False, False, False, True, True]
    assert found.drifting_since("amount") == FIRST_DAY + 3 * DAY


def test_the_summary_says_how_a_column_changed(fraud: Registry) -> None:
    newest = check(fraud, "fraud", 5).chunks[-1]
    worst = newest.changes[0]
    assert worst.column == "amount"
    assert worst.distance > 0.5
    assert worst.change == Change("median", pytest.approx(0.0, abs=0.1), pytest.approx(2.0, abs=0.3))


def test_the_profiles_of_each_day_and_of_the_reference_are_kept(fraud: Registry, json_store: JsonStore) -> None:
    check(fraud, "fraud", 5)
    days = read_profiles(json_store, "fraud", "amount", FIRST_DAY, FIRST_DAY + 5 * DAY)
    medians = [day.profile.quantile(0.5) for day in days if isinstance(day.profile, NumberProfile)]
    assert [round(median / 2) for median in medians] == [0, 0, 0, 1, 1]
    assert sorted(read_profiles_at(json_store, "fraud", FIRST_DAY)) == [
        *("age", "amount", "country", "score", "truth", "value")
    ]
    reference = read_reference_profiles(json_store, "fraud", 1)
    assert reference is not None
    assert reference.columns["amount"].rows == 5000
    assert reference.performance["roc_auc"] == pytest.approx(0.82, abs=0.02)
    assert reference.outcomes.calibration is not None


def test_outcomes_are_kept_of_rows_with_truth(fraud: Registry, json_store: JsonStore) -> None:
    record_day(fraud, 5, World(), truth_after=None)
    check(fraud, "fraud", 6)
    points = json_store.metric_points("fraud", ["day/outcomes"], FIRST_DAY, FIRST_DAY + 6 * DAY)
    found = chunk_outcomes(points)
    assert len(found) == 5
    for day in found:
        assert day.outcomes.confusion is not None
        assert sum(day.outcomes.confusion.counts.values()) == 400


def test_a_day_is_summarised_anew_when_its_truth_has_come(registry: Registry) -> None:
    add_fraud(registry)
    record_day(registry, 0, World(), truth_after=timedelta(days=2))
    early = check(registry, "fraud", 1).chunks[0]
    assert (early.truths, early.realised) == (0, None)
    assert early.estimated is not None
    late = check(registry, "fraud", 3).chunks[0]
    assert (late.truths, late.realised is None) == (400, False)


def test_a_regression_keeps_residuals_and_missing_cells_are_told(registry: Registry, json_store: JsonStore) -> None:
    add_world(registry, "regression", draw_prices(3000, 1))
    frame = draw_prices(400, 2)
    frame["area"] = frame["area"].astype(object).where(frame.index % 2 == 0, None)
    record_frame(registry, 0, frame)
    found = check(registry, "prices", 1).chunks[0]
    assert (found.changes[0].column, found.changes[0].change) == ("area", Change("missing", 0.0, pytest.approx(0.5)))
    points = json_store.metric_points("prices", ["day/outcomes"], FIRST_DAY, FIRST_DAY + DAY)
    residuals = chunk_outcomes(points)[0].outcomes.residuals
    assert residuals is not None
    assert residuals.known == 384  # as above
    assert residuals.quantile(0.5) == pytest.approx(0.0, abs=2.0)


def test_a_model_without_reference_has_a_summary_without_columns(registry: Registry, json_store: JsonStore) -> None:
    registry.add_model(a_model("prices"))
    record_frame(registry, 0, draw_prices(100, 2))
    found = check(registry, "prices", 1)
    assert (found.reference, found.chunks[0].columns, found.chunks[0].changes) == (None, 0, ())
    assert found.chunks[0].realised is not None
    assert read_profiles_at(json_store, "prices", FIRST_DAY) == {}
