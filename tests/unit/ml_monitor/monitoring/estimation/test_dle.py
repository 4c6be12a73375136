from __future__ import annotations

import math

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.estimation.dle import METRICS, Dle, fit_dle
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.monitoring.results import Undefined
from tests.unit.ml_monitor.monitoring.estimation.worlds import Regressed, regression_rows


@pytest.fixture(scope="module")
def estimator() -> Dle:
    return fit_dle(*regression_rows(np.random.default_rng(100), 8_000))


def realised(chunk: Regressed) -> dict[str, float]:
    errors = chunk.truths - chunk.predictions
    squared = float(np.mean(errors**2))
    return {"mae": float(np.mean(np.abs(errors))), "mse": squared, "rmse": math.sqrt(squared)}


@pytest.mark.parametrize("noisy", [0.5, 0.1, 0.9], ids=["as the reference", "calmer", "wilder"])
def test_the_realised_error_lies_in_the_stated_band(estimator: Dle, noisy: float) -> None:
    generator = np.random.default_rng(3)
    found: dict[str, list[float]] = {metric.name: [] for metric in METRICS}
    for _ in range(60):
        chunk = regression_rows(generator, 500, noisy=noisy)
        estimate = estimator.estimate(chunk.features, chunk.predictions)
        for name, value in realised(chunk).items():
            measured = estimate.metrics[name]
            assert isinstance(measured.value, float)
            assert measured.standard_error
            found[name].append(abs(value - measured.value) / measured.standard_error)
    for name, errors in found.items():
        assert 0.88 <= np.mean(np.array(errors) < 2) <= 1.0, name
        assert 0.5 <= np.mean(np.array(errors) < 1) <= 0.9, name


def test_the_estimate_follows_the_inputs(estimator: Dle) -> None:
    generator = np.random.default_rng(4)
    for noisy in (0.0, 1.0):
        chunk = regression_rows(generator, 5_000, noisy=noisy)
        found = estimator.estimate(chunk.features, chunk.predictions)
        assert found.metrics["mae"].value == pytest.approx(realised(chunk)["mae"], rel=0.06)
        assert found.metrics["rmse"].value == pytest.approx(realised(chunk)["rmse"], rel=0.06)


def test_concept_drift_is_not_seen_and_the_note_says_so(estimator: Dle) -> None:
    chunk = regression_rows(np.random.default_rng(5), 2_000, drift=20_000.0)
    found = estimator.estimate(chunk.features, chunk.predictions)
    mae = found.metrics["mae"]
    assert isinstance(mae.value, float)
    assert mae.standard_error
    assert realised(chunk)["mae"] > mae.value + 20 * mae.standard_error
    assert found.note == CONCEPT_DRIFT_NOTE
    assert found.basis == "DLE on 8,000 reference rows"


def test_fitting_again_gives_the_same(estimator: Dle) -> None:
    again = fit_dle(*regression_rows(np.random.default_rng(100), 8_000))
    chunk = regression_rows(np.random.default_rng(6), 100)
    assert again.estimate(chunk.features, chunk.predictions) == estimator.estimate(chunk.features, chunk.predictions)


def test_missing_strange_and_unseen_features_do_not_stop_an_estimate(estimator: Dle) -> None:
    chunk = regression_rows(np.random.default_rng(7), 6)
    features = {
        "district": np.array(["north", None, "west", "south", float("nan"), "north"], dtype=object),
        "area": np.array([100.0, None, "wide", np.inf, 80.0, 90.0], dtype=object),
        "unknown": np.arange(6),
    }
    found = estimator.estimate(features, chunk.predictions).metrics["mae"]
    assert found.rows == 6
    assert isinstance(found.value, float)
    assert found.value > 0


def test_rows_without_a_prediction_do_not_count(estimator: Dle) -> None:
    chunk = regression_rows(np.random.default_rng(8), 100)
    half = {name: column[:50] for name, column in chunk.features.items()}
    predictions = np.where(np.arange(100) < 50, chunk.predictions, np.nan)
    assert estimator.estimate(chunk.features, predictions) == estimator.estimate(half, chunk.predictions[:50])


def test_an_empty_chunk_is_undefined(estimator: Dle) -> None:
    found = estimator.estimate({"district": [], "area": []}, []).metrics
    assert {measured.value for measured in found.values()} == {Undefined("no rows")}


def test_a_perfect_reference_promises_perfection() -> None:
    rows = regression_rows(np.random.default_rng(9), 200)
    found = fit_dle(rows.features, rows.predictions, rows.predictions).estimate(rows.features, rows.predictions).metrics
    assert [(each.value, each.standard_error) for each in found.values()] == [(0.0, 0.0)] * 3


def test_a_column_of_very_many_categories_can_be_learnt_from() -> None:
    generator = np.random.default_rng(10)
    rows = regression_rows(generator, 2_000)
    features = {"street": np.array([f"street-{number}" for number in generator.integers(0, 900, 2_000)], dtype=object)}
    found = fit_dle(features, rows.predictions, rows.truths).estimate(features, rows.predictions).metrics["mae"]
    assert found.value == pytest.approx(realised(rows)["mae"], rel=0.05)


def test_numbers_with_gaps_are_numbers() -> None:
    rows = regression_rows(np.random.default_rng(11), 400)
    area = np.array([None if row % 9 == 0 else value for row, value in enumerate(rows.features["area"])], dtype=object)
    fitted = fit_dle({"area": area}, rows.predictions, rows.truths)
    assert fitted.columns[0].categories is None


@pytest.mark.parametrize(
    ("field", "features", "predictions"),
    [
        ("features.area", {"district": ["north"]}, [1.0]),
        ("features.area", {"district": ["north"], "area": [1.0, 2.0]}, [1.0]),
        ("predictions", {"district": ["north"], "area": [1.0]}, ["dear"]),
    ],
)
def test_what_is_no_chunk_is_refused_by_name(
    estimator: Dle, field: str, features: dict[str, list[object]], predictions: list[object]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        estimator.estimate(features, predictions)  # type: ignore[arg-type]
    assert caught.value.details[0].field == field


def test_a_reference_too_small_or_ragged_is_refused() -> None:
    rows = regression_rows(np.random.default_rng(12), 150)
    with pytest.raises(InvalidInput, match="at least 100 rows with a prediction and a truth, not 99"):
        fit_dle(rows.features, rows.predictions, np.where(np.arange(150) < 99, rows.truths, np.nan))
    with pytest.raises(InvalidInput, match="truths: expected as many values"):
        fit_dle(rows.features, rows.predictions, rows.truths[:-1])
    with pytest.raises(InvalidInput, match=r"features\.area: expected as many values"):
        fit_dle({"area": rows.features["area"][:-1]}, rows.predictions, rows.truths)
