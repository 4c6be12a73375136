"""What a reference teaches: typed columns, the positive class by names or scores, and no trouble from what it lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.records import FeatureSpec, Task
from ml_monitor.evaluation.baseline import Baseline, given, make_baseline
from ml_monitor.monitoring.columns import CategoryColumn, Kind, NumberColumn
from ml_monitor.monitoring.estimation.cbpe import Cbpe
from ml_monitor.monitoring.estimation.cbpe_multiclass import CbpeMulticlass
from ml_monitor.monitoring.estimation.dle import Dle
from tests.factories import a_model
from tests.price_world import FEATURES, draw_kinds, draw_prices
from tests.worlds import FEATURES as FRAUD_FEATURES
from tests.worlds import World

AMOUNT = FeatureSpec("amount", "number")
CITY = FeatureSpec("city", "category")


def a_baseline(task: Task = "binary", specs: tuple[FeatureSpec, ...] = (), **columns: Any) -> Baseline:
    return make_baseline(a_model("fraud", task=task), 1, pd.DataFrame(columns), specs)


@pytest.mark.parametrize(
    ("values", "scores", "positive"),
    [
        ([0.0, 1.0, 1.0], None, "1"),
        ([1.0, 1.0, 1.0], [0.9, 0.1, 0.2], "1"),
        (["no", "yes", "no"], None, "yes"),
        ([True, False, True], None, "1"),
        (["fraud", "honest", "honest"], [0.9, 0.2, 0.3], "fraud"),
        (["spam", "ham", "ham"], [0.9, 0.2, 0.3], "spam"),
        (["spam", "ham", "ham"], [0.1, 0.7, 0.8], "ham"),
        (["fraud", "honest", "honest"], [0.9, None, 0.3], "fraud"),
        (["fraud", "honest", None], [0.9, 0.2, 0.99], "fraud"),
        (["fraud", "honest", "honest"], None, None),
        (["fraud", "honest", "honest"], [None, None, None], None),
        (["fraud", "honest", "honest"], [0.9, None, None], None),
        (["fraud", "honest", "honest"], [0.5, 0.5, 0.5], None),
        (["honest", "honest", "honest"], [0.9, 0.2, 0.3], None),
        (["a", "b", "c"], [0.9, 0.2, 0.3], None),
        ([None, None, None], [0.9, 0.2, 0.3], "1"),
    ],
)
def test_the_positive_class_is_told_by_names_or_by_scores_that_are_higher(
    values: list[Any], scores: list[Any] | None, positive: str | None
) -> None:
    columns = {"value": values} if scores is None else {"value": values, "score": scores}
    assert a_baseline(**columns).positive == positive


def test_a_class_that_only_truth_knows_counts_among_the_names() -> None:
    assert a_baseline(value=["honest"] * 3, truth=["honest", "fraud", None], score=[0.1, 0.8, 0.1]).positive is None
    assert a_baseline(value=[0.0, 0.0], truth=[1.0, 0.0]).positive == "1"


@pytest.mark.parametrize("task", ["regression", "multiclass", "forecast", "anomaly"])
def test_other_tasks_have_no_positive_class(task: Task) -> None:
    assert a_baseline(task, value=[0.0, 1.0]).positive is None


def test_labels_become_flags_of_the_positive_class() -> None:
    baseline = a_baseline(value=["fraud", "honest"], score=[0.9, 0.1])
    flags = baseline.as_flags(["fraud", "honest", None, float("nan"), "other"])
    np.testing.assert_array_equal(flags, [1.0, 0.0, np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(a_baseline(value=[0.0, 1.0]).as_flags([1, "1", 1.0, True, 0]), [1, 1, 1, 1, 0])
    assert len(baseline.as_flags([])) == 0


def test_features_are_typed_by_their_spec_and_those_that_the_reference_lacks_are_left_out() -> None:
    baseline = a_baseline(
        specs=(AMOUNT, CITY, FeatureSpec("age", "number")), amount=[1, 2], city=["a", "b"], value=[0, 1]
    )
    assert list(baseline.features) == ["amount", "city"]
    assert isinstance(baseline.features["amount"], NumberColumn)
    assert isinstance(baseline.features["city"], CategoryColumn)
    assert baseline.rows == 2


@pytest.mark.parametrize(("task", "kind"), [("binary", CategoryColumn), ("regression", NumberColumn)])
def test_outcomes_are_numbers_where_they_are_counted_and_categories_where_they_are_classes(
    task: Task, kind: type
) -> None:
    baseline = a_baseline(task, value=[0.0, 1.0], score=[0.2, 0.8])
    assert list(baseline.outcomes) == ["value", "score"]
    assert isinstance(baseline.outcomes["value"], kind)
    assert isinstance(baseline.outcomes["score"], NumberColumn)


def test_a_feature_named_as_an_outcome_hides_it() -> None:
    baseline = a_baseline(specs=(FeatureSpec("value", "number"),), value=[0.0, 1.0])
    assert isinstance(baseline.columns["value"], NumberColumn)
    assert isinstance(baseline.outcomes["value"], CategoryColumn)


def test_an_empty_text_of_a_file_is_a_missing_cell() -> None:
    baseline = a_baseline(specs=(AMOUNT, CITY), amount=["1.5", ""], city=["", "ulm"], score=["", ""], value=["", "a"])
    np.testing.assert_array_equal(baseline.features["amount"].kinds, [Kind.NUMBER, Kind.MISSING])
    np.testing.assert_array_equal(baseline.features["city"].kinds, [Kind.MISSING, Kind.TEXT])
    assert baseline.frame["score"].isna().all()
    assert list(baseline.frame["value"].isna()) == [True, False]
    assert list(given(["", "a", None, 0])) == [None, "a", None, 0]


def test_a_text_among_numbers_stays_what_it_is() -> None:
    column = a_baseline(specs=(AMOUNT,), amount=["1.5", "much", ""], value=[0, 1, 0]).features["amount"]
    np.testing.assert_array_equal(column.kinds, [Kind.NUMBER, Kind.TEXT, Kind.MISSING])


def test_the_frame_that_was_handed_in_is_not_changed() -> None:
    frame = pd.DataFrame({"city": ["", "ulm"], "value": [0.0, 1.0]})
    before = frame.copy()
    make_baseline(a_model("fraud", task="binary"), 1, frame, (CITY,))
    pd.testing.assert_frame_equal(frame, before)


def test_each_column_has_a_test_and_a_distance_and_its_checks_of_quality() -> None:
    baseline = make_baseline(a_model("fraud", task="binary"), 1, World().draw(200), FRAUD_FEATURES)
    drift = set(baseline.drift_statistics)
    assert {("kolmogorov_smirnov", "amount"), ("chi_squared", "country"), ("chi_squared", "value")} <= drift
    assert ("pca_reconstruction", "") in drift
    quality = set(baseline.quality_statistics)
    assert {("missing", "amount"), ("unseen_categories", "country"), ("out_of_range", "age")} <= quality
    assert not {name for _, name in quality} & {"value", "score", "truth"}


def test_without_features_there_is_nothing_of_all_columns() -> None:
    baseline = a_baseline(value=[0.0, 1.0])
    assert {name for _, name in baseline.drift_statistics} == {"value"}
    assert baseline.quality_statistics == {}
    assert baseline.segments("amount") is None


def test_the_estimator_suits_the_task() -> None:
    binary = make_baseline(a_model("m", task="binary"), 1, World().draw(500), FRAUD_FEATURES)
    regression = make_baseline(a_model("m", task="regression"), 1, draw_prices(500, 1), FEATURES)
    kinds = draw_kinds(500, 1)
    shares = {f"score:{name}": (kinds["value"] == name) * 0.8 + 0.1 for name in ("small", "middling", "large")}
    multiclass = make_baseline(a_model("m", task="multiclass"), 1, kinds.assign(**shares), FEATURES)
    assert isinstance(binary.estimator, Cbpe)
    assert isinstance(regression.estimator, Dle)
    assert isinstance(multiclass.estimator, CbpeMulticlass)
    assert make_baseline(a_model("m", task="multiclass"), 1, kinds, FEATURES).estimator is None


@pytest.mark.parametrize(
    "frame",
    [
        World().draw(500).drop(columns="truth"),
        World().draw(500).drop(columns="score"),
        World().draw(500).drop(columns="value"),
        World().draw(500).assign(truth=np.nan),
        World().draw(500).assign(value="a", truth="b"),
        World().draw(500).iloc[:0],
    ],
    ids=["no truth", "no score", "no value", "truth never came", "no known positive class", "no rows"],
)
def test_a_reference_that_lacks_what_it_takes_gives_no_estimates(frame: pd.DataFrame) -> None:
    assert make_baseline(a_model("m", task="binary"), 1, frame, FRAUD_FEATURES).estimator is None


def test_segments_are_of_features_that_have_a_value() -> None:
    frame = World().draw(200).assign(age=np.nan)
    baseline = make_baseline(a_model("m", task="binary"), 1, frame, FRAUD_FEATURES)
    country = baseline.segments("country")
    assert country is not None
    assert country.names[:3] == ("country=de", "country=fr", "country=ch")
    assert baseline.segments("age") is None
    assert baseline.segments("value") is None
