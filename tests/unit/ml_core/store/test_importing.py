"""Taking over what the first systems kept in JSON files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import Conflict, InvalidInput, StoreUnavailable, SuiteError
from ml_core.records import Forecast, ForecastStep, StageChange
from ml_core.store.importing import ImportedModel, import_models, is_forecast_file, read_forecast
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_version
from tests.snapshots import everything

HOUSING = {"mean_squared_error": 1.04e10, "mean_absolute_error": 81257.6, "r2_score": 0.91}
FRAUD = {"accuracy_score": 1.0, "confusion_matrix": [[15000, 0], [0, 200]], "log_loss": 0.1, "precision_score": 1}
DB = {
    "model1": {"name": "Housing Price Prediction", "metrics": HOUSING},
    "model2": {"name": "Payment Fraud Detection", "metrics": FRAUD},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "db.json"


def write(file: Path, content: Any) -> Path:
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=4))
    return file


def test_the_models_of_the_first_system_become_champions_with_their_metrics(json_store: JsonStore, file: Path) -> None:
    assert import_models(json_store, write(file, DB), NOON) == [
        ImportedModel("housing_price", 1, True, True),
        ImportedModel("payment_fraud", 1, True, True),
    ]
    housing, fraud = json_store.list_models()
    assert (housing.seed_id, housing.title, housing.task) == ("model1", "Housing Price Prediction", "regression")
    assert (fraud.seed_id, fraud.task, fraud.headline_metric) == ("model2", "binary", "accuracy_score")
    version = json_store.get_version("payment_fraud", 1)
    assert version is not None
    assert (version.metrics, version.artifact, version.created_time) == (FRAUD, None, NOON)
    assert housing.champion == fraud.champion == 1


def test_a_second_import_adds_nothing(json_store: JsonStore, file: Path) -> None:
    import_models(json_store, write(file, DB), NOON)
    before = everything(json_store)
    again = import_models(json_store, file, NOON + timedelta(days=1))
    assert [each.is_new for each in again] == [False, False]
    assert everything(json_store) == before


def test_an_import_that_was_interrupted_is_finished_by_another(json_store: JsonStore, file: Path) -> None:
    json_store.put_model(a_model(seed_id="model1"))
    json_store.add_version(a_version(metrics=HOUSING, artifact=None))
    imported = import_models(json_store, write(file, DB), NOON)
    assert imported[0] == ImportedModel("housing_price", 1, False, True)
    assert len(json_store.list_versions("housing_price")) == 1


def test_metrics_that_changed_become_the_next_champion(json_store: JsonStore, file: Path) -> None:
    import_models(json_store, write(file, DB), NOON)
    write(file, {"model1": {"name": "Housing Price Prediction", "metrics": HOUSING | {"r2_score": 0.95}}})
    assert import_models(json_store, file, NOON) == [ImportedModel("housing_price", 2, True, True)]


def test_a_champion_that_has_files_stays_the_champion(json_store: JsonStore, file: Path) -> None:
    json_store.put_model(a_model("price", seed_id="model1"))
    json_store.add_version(a_version("price"))
    json_store.change_stage("price", StageChange(NOON, "promote", 1, None))
    assert import_models(json_store, write(file, DB), NOON)[0] == ImportedModel("price", 2, True, False)


def test_an_empty_file_of_the_first_system_holds_no_models(json_store: JsonStore, file: Path) -> None:
    assert import_models(json_store, write(file, "{}"), NOON) == []


@pytest.mark.parametrize(
    ("metrics", "task"),
    [
        ({"root_mean_squared_error": 1}, "regression"),
        ({"recall_score": 1}, "binary"),
        ({"confusion_matrix": [[1, 0], [0, 1]]}, "binary"),
        ({"confusion_matrix": [[1, 0, 0]] * 3, "accuracy_score": 1}, "multiclass"),
    ],
)
def test_the_task_follows_from_the_metrics(json_store: JsonStore, file: Path, metrics: Any, task: str) -> None:
    import_models(json_store, write(file, {"m": {"name": "Any Model (v2)", "metrics": metrics}}), NOON)
    (model,) = json_store.list_models()
    assert (model.name, model.task) == ("any_model_v2", task)


def test_the_task_may_be_said(json_store: JsonStore, file: Path) -> None:
    write(file, {"m": {"name": "X", "metrics": {"silhouette": 0.5}}})
    with pytest.raises(InvalidInput, match=r"m\.metrics: the task does not follow .*\(silhouette\); use --task"):
        import_models(json_store, file, NOON)
    import_models(json_store, file, NOON, task="anomaly")
    assert json_store.list_models()[0].task == "anomaly"


GOOD = DB["model1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON: "),
        ('{"model1": ', "not JSON: "),
        ("[1]", 'expected {"model1": '),
        ({"model1": GOOD, "model2": []}, 'model2: expected {"model1": {"name": "...", "metrics": {...}}, ...}'),
        ({"model1": GOOD, "model2": {"name": "X"}}, 'model2: expected {"model1": '),
        ({"model1": GOOD, "m": {"name": 7, "metrics": HOUSING}}, "m.name: expected a title, not 7"),
        ({"model1": GOOD, "m": {"name": " ", "metrics": HOUSING}}, "m.name: expected a title, not ' '"),
        ({"model1": GOOD, "m": {"name": "?!", "metrics": HOUSING}}, "m.name: expected a title with letters or digits"),
        ({"model1": GOOD, "m": {"name": "X", "metrics": [1]}}, "m.metrics: expected metrics by name, not [1]"),
        (
            {"model1": GOOD, "m": {"name": "X", "metrics": {"r2_score": "0.9"}}},
            "m.metrics.r2_score: expected a number or lists of numbers, not '0.9'",
        ),
        ({"model1": GOOD, "m": {"name": "X", "metrics": {"a": [[1], [None]]}}}, "m.metrics.a: expected a number or"),
        (
            {"model1": GOOD, "m": {"name": "X", "metrics": {}}},
            "m.metrics: the task does not follow from its names (none)",
        ),
        ({"model1": GOOD, "m": {"name": "Housing-Price", "metrics": HOUSING}}, "two of its models would get the same"),
        ('{"m": {"name": "X", "metrics": {"r2_score": NaN}}}', "not JSON: "),
    ],
)
def test_a_file_of_another_form_is_refused_by_name_and_key_and_nothing_is_imported(
    json_store: JsonStore, file: Path, content: Any, message: str
) -> None:
    with pytest.raises(SuiteError) as refused:
        import_models(json_store, write(file, content), NOON)
    assert f"{file}: {message}" in refused.value.message
    assert refused.value.message.endswith("; nothing was imported")
    assert json_store.list_models() == []


@pytest.mark.parametrize("there", [a_model(), a_model("model2")], ids=["its name", "its seed id"])
def test_a_name_that_another_model_has_is_refused(json_store: JsonStore, file: Path, there: Any) -> None:
    json_store.put_model(there)
    with pytest.raises(Conflict, match="nothing was imported"):
        import_models(json_store, write(file, DB), NOON)
    assert json_store.list_models() == [there]


def test_a_file_that_cannot_be_read_is_named(json_store: JsonStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot read .*none\.json: No such file"):
        import_models(json_store, tmp_path / "none.json", NOON)


# Forecasts


def forecast(file: Path, **changes: Any) -> Forecast:
    step = timedelta(minutes=5)
    return read_forecast(file, **{"series": "cpu", "model": "lstm", "issue_time": NOON, "step": step} | changes)


def test_the_two_kinds_of_file_are_told_apart(file: Path) -> None:
    assert not is_forecast_file(write(file, DB))
    assert not is_forecast_file(write(file, {}))
    assert is_forecast_file(write(file, {"prediction": [0.5]}))


def test_a_forecast_begins_one_step_after_it_was_made(file: Path) -> None:
    write(file, {"prediction": [0.25, 1, 0.5]})
    assert forecast(file) == Forecast(
        "cpu",
        "lstm",
        NOON,
        tuple(ForecastStep(NOON + timedelta(minutes=m), value) for m, value in ((5, 0.25), (10, 1.0), (15, 0.5))),
    )


def test_scaled_values_are_brought_back_to_the_unit_of_the_series(file: Path) -> None:
    write(file, {"prediction": [0, 0.25, 1]})
    assert [step.value for step in forecast(file, bounds=(20.0, 60.0)).steps] == [20.0, 30.0, 60.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"prediction": []}, "prediction: expected {"),
        ({"prediction": 0.5}, 'prediction: expected {"prediction": [numbers]}'),
        ({"prediction": [0.5, "x"]}, "prediction[1]: expected a finite number, not 'x'"),
        ({"prediction": [[0.5]]}, "prediction[0]: expected a finite number, not [0.5]"),
        ({"prediction": [True]}, "prediction[0]: expected a finite number, not True"),
    ],
)
def test_a_forecast_of_another_form_is_refused(file: Path, content: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        forecast(write(file, content))
    assert refused.value.message.startswith(f"{file}: {message}")
