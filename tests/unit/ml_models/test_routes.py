from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient
from sklearn.linear_model import LogisticRegression

from ml_core.clock import FixedClock
from ml_core.ids import id_time
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_core.retraining.history import list_events
from ml_core.settings import LimitSettings, Settings, WorkerSettings
from ml_core.store.json_store import JsonStore
from ml_core.worker.client import Worker
from ml_models.app import create_app
from ml_models.generators.fraud import generate_fraud
from ml_models.generators.housing import generate_housing
from ml_models.run_model import run
from tests.factories import NOON, a_model

PAYMENT = {"accountAgeDays": 1, "numItems": 4, "localTime": 9.5, "paymentMethodAgeDays": 0}
HONEST = {"accountAgeDays": 1500, "numItems": 1, "localTime": 20, "paymentMethodAgeDays": 400}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and artifacts: a first version of both models, trained on small tables. To be copied."""
    folder = tmp_path_factory.mktemp("kept")
    files = {"housing_price": folder / "housing.csv", "payment_fraud": folder / "fraud.csv"}
    generate_housing(300).to_csv(files["housing_price"], index=False)
    generate_fraud(2_000).to_csv(files["payment_fraud"], index=False)
    with closing(JsonStore(folder / "store")) as store:
        run(Registry(store, folder / "artifacts", FixedClock(NOON)), files, promote=True)
    return folder


@pytest.fixture
def json_store(kept: Path, tmp_path: Path) -> Iterator[JsonStore]:
    """A store of the test's own, in which both models are trained."""
    for name in ("store", "artifacts"):
        shutil.copytree(kept / name, tmp_path / name)
    with closing(JsonStore(tmp_path / "store")) as store:
        yield store


@pytest.fixture
def trained(registry: Registry) -> Registry:
    """A registry with a first version of both models."""
    return registry


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker for the apps of all tests."""
    with closing(Worker(WorkerSettings())) as shared:
        yield shared


@pytest.fixture
def client(settings: Settings, trained: Registry, clock: FixedClock, worker: Worker) -> Iterator[FlaskClient]:
    app = create_app(settings.model_copy(update={"limits": LimitSettings(batch_rows=50)}), trained.store, clock)
    app.extensions["server"].worker = worker  # instead of its own, which would load the libraries in each test
    yield app.test_client()
    app.extensions["worker"].close()


def logged(registry: Registry, model: str = "payment_fraud") -> Any:
    return registry.store.predictions(model, NOON.replace(year=2000), NOON.replace(year=2100))


def test_the_root_answers_with_the_apps_name(client: FlaskClient) -> None:
    assert client.get("/").text == "ML-Models"


def test_one_row_is_predicted_and_logged_under_the_id_in_the_answer(client: FlaskClient, trained: Registry) -> None:
    answer = client.post("/models/model2/predictions", json={"features": PAYMENT}).get_json()
    assert (answer["model"], answer["version"]) == ("payment_fraud", 1)
    (prediction,) = answer["predictions"]
    assert prediction["value"] == 1
    assert 0.5 < prediction["score"] <= 1
    (row,) = logged(trained).itertuples()
    assert row.prediction_id == prediction["prediction_id"]
    assert (row.value, row.score, row.version) == (1.0, prediction["score"], 1)
    assert row.features == PAYMENT
    assert row.time.to_pydatetime() == NOON
    assert id_time(row.prediction_id) == NOON


def test_a_classifier_of_several_classes_answers_and_logs_the_probability_of_each(
    client: FlaskClient, trained: Registry
) -> None:
    rows = pd.DataFrame({"x": [0.0, 0.1, 1.0, 1.1, 2.0, 2.1]})
    estimator = LogisticRegression().fit(rows, ["low", "low", "mid", "mid", "top", "top"])
    trained.add_model(a_model("levels", task="multiclass"))
    model = trained.find("levels")
    version = trained.add_version(
        model,
        estimator,
        "skops",
        features=(FeatureSpec("x", "number"),),
        reference=rows.assign(value="low"),
        metrics={},
        parameters={},
        lineage={},
    )
    trained.promote(model, version.number)
    answer = client.post("/models/levels/predictions", json={"features": [{"x": 0.05}, {"x": 2.05}]}).get_json()
    first, last = answer["predictions"]
    assert (first["value"], last["value"], first["score"]) == ("low", "top", None)
    assert list(first["scores"]) == ["low", "mid", "top"]
    assert sum(first["scores"].values()) == pytest.approx(1)
    assert max(last["scores"], key=last["scores"].get) == "top"
    assert list(logged(trained, "levels")["scores"]) == [first["scores"], last["scores"]]


def test_a_masked_feature_is_used_by_the_model_and_not_stored(
    settings: Settings, trained: Registry, clock: FixedClock, client: FlaskClient
) -> None:
    app = create_app(settings.model_copy(update={"masked_features": ("*.accountAgeDays",)}), trained.store, clock)
    answers = [
        each.post("/models/model2/predictions", json={"features": HONEST}).get_json()["predictions"][0]["score"]
        for each in (client, app.test_client())
    ]
    app.extensions["worker"].close()
    assert answers[0] == answers[1]
    assert [row.features["accountAgeDays"] for row in logged(trained).itertuples()].count(None) == 1


def test_many_rows_are_predicted_in_their_order(client: FlaskClient, trained: Registry) -> None:
    rows = [PAYMENT, HONEST, PAYMENT]
    answer = client.post("/models/payment_fraud/predictions", json={"features": rows}).get_json()
    assert [prediction["value"] for prediction in answer["predictions"]] == [1, 0, 1]
    ids = [prediction["prediction_id"] for prediction in answer["predictions"]]
    assert len(set(ids)) == 3
    assert sorted(ids) == sorted(logged(trained)["prediction_id"])


def test_the_answer_does_not_depend_on_the_order_of_the_features(client: FlaskClient) -> None:
    turned = dict(reversed(PAYMENT.items()))
    one, other = (
        client.post("/models/model2/predictions", json={"features": row}).get_json()["predictions"][0]["score"]
        for row in (PAYMENT, turned)
    )
    assert one == other


def test_a_regression_has_no_score(client: FlaskClient) -> None:
    features = {
        "Avg. Area Income": 68_000, "Avg. Area House Age": 6, "Avg. Area Number of Rooms": 7,
        "Avg. Area Number of Bedrooms": 4, "Area Population": 34_000,
    }  # fmt: skip
    (prediction,) = client.post("/models/model1/predictions", json={"features": features}).get_json()["predictions"]
    assert prediction["score"] is None
    assert 1_000_000 < prediction["value"] < 1_700_000


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ('{"features": {"accountAgeDays": NaN}}', 400, None),
        ('{"features": {"accountAgeDays": 1e400}}', 400, None),
        ('{"features": {"accountAgeDays": Infinity}}', 400, None),
        ('{"features": ', 400, None),
        ("", 400, None),
        ("[]", 422, "body"),
        ('{"rows": []}', 422, "features"),
        ('{"features": []}', 422, "features"),
        ('{"features": 3}', 422, "features"),
        ('{"features": [3]}', 422, "features"),
        ('{"features": {"accountAgeDays": {"a": 1}}}', 422, "features"),
        ('{"features": {}}', 422, "features.accountAgeDays"),
        ('{"features": {"accountAgeDays": "1"}}', 422, "features.accountAgeDays"),
        ('{"features": {"accountAgeDays": true}}', 422, "features.accountAgeDays"),
        ('{"features": {"accountAgeDays": null}}', 422, "features.accountAgeDays"),
        ('{"features": {"accountAgeDays": 1}}', 422, "features.numItems"),
        ('{"features": {"colour": 1}}', 422, "features.colour"),
        ('{"features": [{}, {}]}', 422, "features[1].numItems"),
        ('{"features": {}, "model": "x"}', 422, "model"),
    ],
)
def test_wrong_input_is_refused_with_the_field_and_nothing_is_logged(
    client: FlaskClient, trained: Registry, body: str, status: int, field: str | None
) -> None:
    response = client.post("/models/model2/predictions", data=body, content_type="application/json")
    assert response.status_code == status
    error = response.get_json()["error"]
    assert error["request_id"] == response.headers["X-Request-ID"]
    if field is not None:
        assert field in [detail["field"] for detail in error["details"]]
    assert logged(trained).empty


def test_a_row_whose_answer_is_no_finite_number_is_refused(client: FlaskClient, trained: Registry) -> None:
    features = {
        "Avg. Area Income": 1.7e308, "Avg. Area House Age": 1.7e308, "Avg. Area Number of Rooms": 1.7e308,
        "Avg. Area Number of Bedrooms": 4, "Area Population": 1.7e308,
    }  # fmt: skip
    response = client.post("/models/model1/predictions", json={"features": features})
    assert response.status_code == 422
    assert logged(trained, "housing_price").empty


def test_too_many_rows_are_refused(client: FlaskClient) -> None:
    response = client.post("/models/model2/predictions", json={"features": [PAYMENT] * 51})
    assert response.status_code == 413
    assert "at most 50" in response.get_json()["error"]["message"]


def test_an_unknown_model_is_404(client: FlaskClient) -> None:
    for response in (
        client.post("/models/model3/predictions", json={"features": PAYMENT}),
        client.get("/models/model3/versions"),
        client.post("/models/model3/promotions", json={"version": 1}),
        client.post("/models/model3/rollbacks"),
    ):
        assert response.status_code == 404
        assert "'model3'" in response.get_json()["error"]["message"]


def test_a_model_without_a_champion_is_a_conflict_that_says_what_to_do(client: FlaskClient, registry: Registry) -> None:
    registry.add_model(a_model("waiting"))
    response = client.post("/models/waiting/predictions", json={"features": {"a": 1}})
    assert response.status_code == 409
    assert "promote one of its versions" in response.get_json()["error"]["message"]


def test_a_version_trained_while_the_app_runs_is_served_without_a_restart(
    client: FlaskClient, trained: Registry, tmp_path: Path
) -> None:
    def price() -> tuple[int, float]:
        row = generate_housing(1, seed=9).drop(columns=["Price", "Address"]).iloc[0].to_dict()
        answer = client.post("/models/model1/predictions", json={"features": row}).get_json()
        return answer["version"], answer["predictions"][0]["value"]

    before = price()
    # As another process would: through a store object of its own.
    other = Registry(JsonStore(tmp_path / "store"), trained.artifacts_root, trained.clock)
    table = generate_housing(300, seed=3)
    table["Price"] *= 2
    table.to_csv(tmp_path / "dearer.csv", index=False)
    run(other, {"housing_price": tmp_path / "dearer.csv"}, promote=True)
    after = price()
    assert (before[0], after[0]) == (1, 2)
    assert after[1] > 1.5 * before[1]
    client.post("/models/model1/rollbacks")
    assert price() == before


def test_versions_are_listed_newest_first_with_their_stages(client: FlaskClient, trained: Registry) -> None:
    run(trained, {}, promote=False)
    listed = client.get("/models/model2/versions").get_json()
    assert (listed["model"], listed["seed_id"], listed["champion"]) == ("payment_fraud", "model2", 1)
    assert [(version["version"], version["stage"]) for version in listed["versions"]] == [
        (2, "challenger"),
        (1, "champion"),
    ]
    newest = listed["versions"][0]
    assert newest["features"][0] == {"name": "accountAgeDays", "kind": "number"}
    assert newest["lineage"]["data_source"] == "a generated table"


def test_promoting_and_rolling_back_move_the_champion(client: FlaskClient, trained: Registry) -> None:
    run(trained, {}, promote=False)
    assert client.post("/models/model1/promotions", json={"version": 2}).get_json()["champion"] == 2
    assert client.post("/models/model1/rollbacks").get_json()["champion"] == 1
    response = client.post("/models/model1/rollbacks")
    assert response.status_code == 422
    assert "no earlier champion" in response.get_json()["error"]["message"]


def test_changes_of_the_champion_are_in_the_history_with_author_and_reason(
    client: FlaskClient, trained: Registry
) -> None:
    run(trained, {}, promote=False)
    by_ada = {"author": "ada", "reason": "new prices"}
    client.post("/models/model1/promotions", json={"version": 2, **by_ada})
    client.post("/models/model1/promotions", json={"version": 2})  # which changes nothing
    client.post("/models/model1/rollbacks", json={"author": "bob", "reason": "odd prices"})
    client.post("/models/model1/promotions", json={"version": 2})
    client.post("/models/model1/rollbacks")
    trained_one, *by_hand = list_events(trained.store, "housing_price")
    assert (trained_one.what, trained_one.why) == ("promoted", "version 1, as soon as it was trained")
    assert [(event.what, event.version, event.who, event.why) for event in by_hand] == [
        ("promoted", 2, "ada", "version 2 by hand: new prices"),
        ("rolled_back", 2, "bob", "back to version 1 by hand: odd prices"),
        ("promoted", 2, "somebody", "version 2 by hand"),
        ("rolled_back", 2, "somebody", "back to version 1 by hand"),
    ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"author": 7}}, 422),
        ({"json": {"author": "x" * 101}}, 422),
        ({"json": {"who": "ada"}}, 422),
        ({"json": []}, 422),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "author=ada"}, 415),
    ],
)
def test_a_rollback_takes_no_body_or_a_fit_one(
    client: FlaskClient, trained: Registry, sent: dict[str, Any], status: int
) -> None:
    run(trained, {}, promote=True)
    assert client.post("/models/model1/rollbacks", **sent).status_code == status
    assert trained.find("model1").champion == 2
    assert client.post("/models/model1/rollbacks", content_type="application/json").status_code == 200


def test_an_address_whose_body_is_not_optional_is_not_asked_without(client: FlaskClient) -> None:
    assert client.post("/models/model1/promotions").status_code == 415
    documented = client.get("/openapi/openapi.json").get_json()["paths"]
    bodies = [documented[f"/models/{{model_id}}/{name}"]["post"]["requestBody"] for name in ("promotions", "rollbacks")]
    assert [body["required"] for body in bodies] == [True, False]


@pytest.mark.parametrize("version", ["1", 0, -1, 1.5, True, None])
def test_a_version_that_is_no_number_of_one_is_refused(client: FlaskClient, version: object) -> None:
    response = client.post("/models/model1/promotions", json={"version": version})
    assert response.status_code in (404, 422)


def test_a_model_file_that_was_changed_is_not_served(client: FlaskClient, trained: Registry) -> None:
    champion = trained.champion(trained.find("model2"))
    assert champion is not None
    path = trained.artifact_folder(champion) / "model.skops"
    path.write_bytes(path.read_bytes() + b"x")
    response = client.post("/models/model2/predictions", json={"features": PAYMENT})
    assert response.status_code == 503
    assert "model.skops was changed after it was registered" in response.get_json()["error"]["message"]
    assert logged(trained).empty
