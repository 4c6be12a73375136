"""The reference sample of a model served elsewhere, put as CSV and read back as any version's."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

from ml_core.artifacts.folders import read_reference
from ml_core.clock import FixedClock
from ml_core.records import FeatureSpec, Model, Task
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_models.app import create_app as create_models
from ml_monitor.app import create_app
from ml_monitor.monitoring.columns import Kind, category_column, number_column
from ml_monitor.uploads import reference_upload
from ml_monitor.uploads.csv_tables import Table
from ml_monitor.uploads.reference_upload import read_reference_table, upload_reference
from tests.factories import a_model

SAMPLE = b"age,country,value,score,truth\n41,PT,1,0.83,1\n29.5,,0,0.12,\n,ES,0,0.2,1\n"


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model("churn", task="binary"))
    return create_app(settings, json_store, clock).test_client()


def put(client: FlaskClient, content: bytes = SAMPLE, model: str = "churn", content_type: str = "text/csv") -> Any:
    return client.put(f"/models/{model}/reference", data=content, content_type=content_type)


def reference_of(registry: Registry, number: int = 1) -> pd.DataFrame:
    version = registry.version(registry.find("churn"), number)
    return read_reference(registry.artifact_folder(version), version.artifact_sha256 or "")


def read(content: bytes, task: Task = "binary") -> tuple[pd.DataFrame, dict[str, str], tuple[str, ...]]:
    frame, features, notes = read_reference_table(Table(content), task)
    return frame, {feature.name: feature.kind for feature in features}, notes


def test_a_reference_becomes_a_version_and_the_first_champion(client: FlaskClient, registry: Registry) -> None:
    response = put(client)
    assert response.status_code == 201
    assert response.get_json() == {
        "model": "churn",
        "version": 1,
        "stage": "champion",
        "created": True,
        "sent_rows": 3,
        "reference_rows": 3,
        "features": [{"name": "age", "kind": "number"}, {"name": "country", "kind": "category"}],
        "notes": [],
    }
    version = registry.champion(registry.find("churn"))
    assert version is not None
    assert version.features == (FeatureSpec("age", "number"), FeatureSpec("country", "category"))
    frame = reference_of(registry)
    assert frame["age"].tolist()[:2] == [41.0, 29.5]
    assert frame["value"].tolist() == [1, 0, 0]
    assert number_column(frame["truth"]).kinds.tolist() == [Kind.NUMBER, Kind.MISSING, Kind.NUMBER]
    assert category_column(frame["country"]).kinds.tolist() == [Kind.TEXT, Kind.MISSING, Kind.TEXT]


def test_the_same_file_again_makes_no_version_and_another_one_a_challenger(
    client: FlaskClient, registry: Registry
) -> None:
    put(client)
    again = put(client)
    assert (again.status_code, again.get_json()["version"], again.get_json()["created"]) == (200, 1, False)
    other = put(client, b"age,value\n1,2\n")
    assert (other.status_code, other.get_json()["version"], other.get_json()["stage"]) == (201, 2, "challenger")
    assert reference_of(registry, 2).to_dict("list") == {"age": [1], "value": [2]}
    assert registry.find("churn").champion == 1


class Overtaken(Registry):
    """A registry before whose promotions another process promotes a version of its own."""

    def promote(self, model: Model, number: int) -> Model:
        other = Registry(self.store, self.artifacts_root, self.clock)
        version = other.add_reference(model, pd.DataFrame({"value": [1]}), features=(), lineage={})
        other.promote(model, version.number)
        return super().promote(model, number)


def test_a_champion_that_another_process_made_meanwhile_stands(registry: Registry) -> None:
    registry.add_model(a_model("churn", task="binary"))
    upload = upload_reference(Overtaken(registry.store, registry.artifacts_root, registry.clock), "churn", SAMPLE)
    assert (upload.version.number, upload.model.champion) == (1, 2)


def test_its_page_shows_it_and_serving_it_is_refused(
    client: FlaskClient, settings: Settings, json_store: JsonStore, clock: FixedClock
) -> None:
    put(client, b"age,country,value\n41,PT,1\n29,ES,0\n35,PT,0\n")
    page = client.get("/ui/models/churn?format=json")
    assert page.status_code == 200
    assert "cannot be read" not in page.text
    app = create_models(settings, json_store, clock)
    try:
        body = {"features": {"age": 1, "country": "PT"}}
        response = app.test_client().post("/models/churn/predictions", json=body)
    finally:
        app.extensions["worker"].close()
    assert response.status_code == 404
    assert "has no files to serve" in response.get_json()["error"]["message"]


@pytest.mark.parametrize(
    ("cells", "dtype", "kind"),
    [
        (["1", "-2", "+3"], "int64", "number"),
        (["1", "", "3"], "float64", "number"),
        (["1.5", ".5", "1e3"], "float64", "number"),
        (["1", "9007199254740993"], "float64", "number"),
        (["", ""], "float64", "number"),
        (["007", "123"], "str", "category"),
        (["1e400", "1"], "str", "category"),
        (["NaN", "NA"], "str", "category"),
        (["1_000", "٣"], "str", "category"),
        (["a", ""], "str", "category"),
        (["true", "False"], "bool", "category"),
        (["true", ""], "boolean", "category"),
    ],
)
def test_a_column_is_what_all_its_cells_are(
    client: FlaskClient, registry: Registry, cells: list[str], dtype: str, kind: str
) -> None:
    content = "".join(f"{cell},1\n" for cell in ["a", *cells]).replace("a,1", "a,value", 1).encode()
    frame, kinds, _ = read(content)
    assert (str(frame["a"].dtype), kinds["a"]) == (dtype, kind)
    put(client, content)
    assert reference_of(registry)["a"].equals(frame["a"])


def test_outcomes_that_are_true_and_false_stay_labels() -> None:
    frame, kinds, _ = read(b"value,truth\ntrue,false\n")
    assert kinds == {}
    assert frame.to_dict("list") == {"value": ["true"], "truth": ["false"]}


def test_what_looks_like_a_mistake_is_noted() -> None:
    _, kinds, notes = read(b"age,empty\n1,\n2,\nNA,\n4,\n")
    assert kinds == {"age": "category", "empty": "number"}
    assert "column 'age' is taken for categories: 1 of its cells are no numbers, the first on line 4" in notes
    assert "column 'empty' has no values, and is taken for numbers" in notes
    assert "without a column 'value' nothing can be compared with what the model said" in notes


def test_a_long_reference_is_sampled_evenly_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_upload, "MOST_ROWS", 4)
    frame, _, notes = read(b"a\n" + b"".join(b"%d\n" % number for number in range(10)))
    assert frame["a"].tolist() == [0, 2, 5, 7]
    assert notes[0] == "4 of 10 rows were kept, spread evenly, in their order"
    assert read(b"a\n1\n2\n3\n4\n")[0]["a"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "status", "fields"),
    [
        (b"", 400, []),
        (b"a,b\n1,\xe9\n", 400, ["line 2"]),
        (b"a,b\n", 422, ["line 2"]),
        (b"a,\n1,2\n", 422, ["line 1, column 2"]),
        (b"a,b,a\n1,2,3\n", 422, ["line 1, column 3"]),
        (b"a,b\n1,2\n1\n1,2,3\n", 422, ["line 3", "line 4"]),
        (b"a,score\n1,high\n2,0.5\n3,nan\n", 422, ["line 2, score", "line 4, score"]),
        (b",".join(b"c%d" % place for place in range(2_001)) + b"\n", 422, ["line 1"]),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_a_wrong_table_is_refused_and_makes_no_version(
    client: FlaskClient, registry: Registry, content: bytes, status: int, fields: list[str]
) -> None:
    response = put(client, content)
    assert response.status_code == status
    assert [detail["field"] for detail in response.get_json()["error"]["details"]] == fields
    assert registry.store.list_versions("churn") == []
    assert registry.find("churn").champion is None


@pytest.mark.parametrize(("task", "fields"), [("regression", ["line 2, truth"]), ("multiclass", [])])
def test_a_regression_has_numbers_for_outcomes(
    client: FlaskClient, registry: Registry, task: Task, fields: list[str]
) -> None:
    registry.add_model(a_model("other", task=task))
    response = put(client, b"value,truth\n1,cat\n", model="other")
    assert [detail["field"] for detail in response.get_json().get("error", {}).get("details", [])] == fields


def test_an_unknown_model_and_another_type_are_refused(client: FlaskClient) -> None:
    assert put(client, model="nobody").status_code == 404
    assert put(client, content_type="application/json").status_code == 415


def test_the_document_of_the_api_says_that_it_is_csv(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    assert list(paths["/models/{model_id}/reference"]["put"]["requestBody"]["content"]) == ["text/csv"]
    assert "text/csv" in paths["/ground-truth"]["post"]["description"]
