from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

from flask.testing import FlaskClient

from ml_core.records import JobRun
from ml_core.registry import Registry
from tests.factories import NOON, a_model
from tests.pages import BROWSER, HOSTILE, text_of


class TestOverview:
    def test_names_the_commands_that_fill_an_empty_store(self, client: FlaskClient) -> None:
        page = client.get("/", headers=BROWSER)
        assert page.status_code == 200
        assert "<title>Overview · ML-Monitor</title>" in page.text
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
        assert "2 models: 1 not judged yet (housing_price), 1 without a version (elsewhere)." in shown
        assert (
            "not judged housing_price Housing Price not checked yet 0.9000 r2_score, held out none none none 1 min ago"
            in shown
        )
        assert "no version elsewhere Elsewhere nothing is served yet none none none none none yet" in shown
        assert 'href="/ui/models/housing_price"' in page.text
        assert "0 critical 0 warning 1 no version 1 not judged 0 ok 0 alerts firing 0 jobs failed 0 silent" in shown
        assert "0 silent 0 without new data" in shown
        assert "No job has run yet." in shown

    def test_shows_jobs_that_failed_and_when_the_others_run_next(self, client: FlaskClient, housing: Registry) -> None:
        hour = timedelta(hours=1)
        for job, state in (("check", "done"), ("fetch", "failed")):
            runs = [
                JobRun(job, NOON - age * hour, 1, "host", state, NOON - age * hour, NOON, NOON - age * hour + hour / 60)
                for age in (3, 2, 1)
            ]
            housing.store.put_runs(job, runs)
        shown = text_of(client.get("/"))
        assert "1 job failed 0 silent" in shown
        assert "failed fetch 20 Nov 11:00 1 min 20 Nov 12:00" in shown
        assert "done check 20 Nov 11:00 1 min 20 Nov 12:" in shown

    def test_gives_its_table_as_csv(self, client: FlaskClient, housing: Registry) -> None:
        housing.add_model(a_model("evil", title="=cmd()"))
        answer = client.get("/?format=csv&chart=models")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="models-models.csv"'
        rows = {row["model"]: row for row in csv.DictReader(io.StringIO(answer.text))}
        assert rows["evil"]["title"] == "'=cmd()"
        found = rows["housing_price"]
        assert (found["state"], found["metric"], found["value"]) == ("not judged", "r2_score", "0.9")
        assert found["last_prediction"] == "2026-11-20T11:59:00Z"

    def test_is_the_same_as_json(self, client: FlaskClient, housing: Registry) -> None:
        found = client.get("/?format=json").get_json()
        assert found["verdict"] == "1 model: 1 not judged yet (housing_price)."
        assert found["time"] == "2026-11-20T12:00:00Z"
        (model,) = found["models"]
        assert model["last_prediction_time"] == "2026-11-20T11:59:00Z"
        assert model["headline"] == {"metric": "r2_score", "value": 0.9, "time": None, "is_of_training": True}
        assert (found["counts"]["not judged"], found["counts"]["ok"]) == (1, 0)

    def test_escapes_what_clients_wrote(self, client: FlaskClient, registry: Registry) -> None:
        registry.add_model(a_model("evil", title=HOSTILE))
        page = client.get("/")
        assert HOSTILE not in page.text
        assert "&lt;script&gt;" in page.text
