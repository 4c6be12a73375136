from __future__ import annotations

import re

from flask.testing import FlaskClient

from ml_core.registry import Registry
from tests.factories import a_model
from tests.pages import BROWSER, HOSTILE, text_of


class TestOverview:
    def test_names_the_commands_that_fill_an_empty_store(self, client: FlaskClient) -> None:
        page = client.get("/", headers=BROWSER)
        assert page.status_code == 200
        assert "<title>Models · ML-Monitor</title>" in page.text
        assert re.search(r"<h1[^>]*>ML-Monitor</h1>", page.text)
        shown = text_of(page)
        assert "No model is registered yet." in shown
        assert "make run-platform" in shown
        assert "cd ml_models && python run_model.py" in shown
        assert "curl -X POST http://localhost:5001/models -H 'Content-Type: application/json' -d '{" in shown

    def test_shows_each_model_and_links_to_its_page(self, client: FlaskClient, housing: Registry) -> None:
        housing.add_model(a_model("elsewhere", task="binary", headline_metric=None))
        page = client.get("/")
        shown = text_of(page)
        assert "2 models: 1 ok, 1 without a version (elsewhere)." in shown
        assert "Housing Price housing_price · regression none v1 0.9000 r2_score 120" in shown
        assert 'href="/ui/models/housing_price"' in page.text
        assert "Predictions per hour of the last day: 0 to 60, 0 in the newest hour" in page.text

    def test_is_the_same_as_json(self, client: FlaskClient, housing: Registry) -> None:
        found = client.get("/?format=json").get_json()
        assert found["verdict"] == "1 model: 1 ok."
        assert found["time"] == "2026-11-20T12:00:00Z"
        (model,) = found["models"]
        assert model["last_prediction_time"] == "2026-11-20T11:59:00Z"
        assert model["headline"] == {"name": "r2_score", "value": 0.9}
        assert sum(model["hourly_counts"]) == model["predictions_last_day"] == 120

    def test_escapes_what_clients_wrote(self, client: FlaskClient, registry: Registry) -> None:
        registry.add_model(a_model("evil", title=HOSTILE))
        page = client.get("/")
        assert HOSTILE not in page.text
        assert "&lt;script&gt;" in page.text
