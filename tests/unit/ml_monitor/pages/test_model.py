from __future__ import annotations

import html
import json
import re
import shlex

import pandas as pd
import pytest
from flask.testing import FlaskClient

from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from tests.champions import add_champion
from tests.factories import a_model
from tests.pages import HOSTILE, text_of


class TestModelPage:
    def test_shows_versions_and_what_is_known_of_the_champion(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1")
        shown = text_of(page)
        assert "<title>Housing Price · ML-Monitor</title>" in page.text
        assert "The newest prediction is of 20 Nov 11:59 UTC." in shown
        assert "Metrics of each version on its held-out rows" in shown
        assert "data_sha256 000000000000 code_version" in shown  # short where it is shown
        assert "Version v1 r2_score on held-out rows 0.9000" in shown
        for path in ("/drift", "/predictions"):
            assert f'href="/ui/models/housing_price{path}"' in page.text

    def test_keeps_its_range_in_links(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1?range=7d")
        assert 'href="/ui/models/housing_price/drift?range=7d"' in page.text

    def test_is_the_same_as_json(self, client: FlaskClient, housing: Registry) -> None:
        found = client.get("/ui/models/housing_price?format=json&range=6h").get_json()
        assert found["model"]["seed_id"] == "model1"
        assert found["range"]["name"] == "6h"
        assert found["performance"] is None
        assert found["versions"][0]["metrics"] == {"r2_score": 0.9}
        assert "r2" in found["metrics"]

    @pytest.mark.parametrize("chart", ["performance", "outcomes", "quality"])
    def test_a_table_of_which_nothing_is_known_is_its_header(
        self, client: FlaskClient, housing: Registry, chart: str
    ) -> None:
        answer = client.get(f"/ui/models/model1?format=csv&chart={chart}")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="housing_price-{chart}.csv"'
        assert len(answer.text.splitlines()) == 1

    def test_a_metric_that_there_is_not_is_refused(self, client: FlaskClient, housing: Registry) -> None:
        answer = client.get("/ui/models/model1?metric=beauty&format=json")
        assert answer.status_code == 422
        assert answer.get_json()["error"]["details"][0]["field"] == "metric"

    def test_says_how_to_ask_a_model_of_ours_for_its_first_prediction(
        self, client: FlaskClient, housing: Registry
    ) -> None:
        housing.add_model(a_model("new"))
        reference = pd.DataFrame({"rooms": [3.0, 4.5, 9.0], "it's": ["x", "x", "y"], "value": [1.0, 2.0, 3.0]})
        features = (FeatureSpec("rooms", "number"), FeatureSpec("it's", "category"))
        add_champion(housing, "new", reference, features=features)
        page = client.get("/ui/models/new")
        line, check = re.findall(r'<pre class="command"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
        assert check == "python -m ml_monitor check"
        words = shlex.split(html.unescape(line))
        assert words[:4] == ["curl", "-X", "POST", "http://localhost:5002/models/new/predictions"]
        assert json.loads(words[-1]) == {"features": {"rooms": 4.5, "it's": "x"}}
        assert "chart-data" not in page.text

    def test_says_how_to_post_the_first_prediction_of_a_model_served_elsewhere(
        self, client: FlaskClient, registry: Registry
    ) -> None:
        registry.add_model(a_model("elsewhere", task="binary"))
        shown = text_of(client.get("/ui/models/elsewhere"))
        line = re.search(r"http://localhost:5001/predictions .* -d '(.*?)'", shown)
        assert line is not None
        # The line works as it stands.
        assert client.post("/predictions", json=json.loads(line[1])).get_json()["accepted"] == 1

    def test_escapes_what_clients_wrote(self, client: FlaskClient, registry: Registry) -> None:
        registry.add_model(a_model("evil", title=HOSTILE, task="multiclass", headline_metric=HOSTILE[:20]))
        page = client.get("/ui/models/evil")
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "&lt;img" in page.text
