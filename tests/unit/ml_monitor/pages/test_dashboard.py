from __future__ import annotations

import csv
import gzip
import html
import io
import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_core.settings import AuthSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from ml_monitor.pages import assets
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    return create_app(settings, json_store, clock).test_client()


@pytest.fixture
def housing(registry: Registry) -> Registry:
    """A champion with a reference sample, and two hours of predictions."""
    registry.add_model(a_model(seed_id="model1"))
    reference = pd.DataFrame({"rooms": [3, 4, 9], "it's": ["x", "x", "y"], "value": [200_000.0, 250_000.0, 300_000.0]})
    features = (FeatureSpec("rooms", "number"), FeatureSpec("it's", "category"))
    add_champion(registry, "housing_price", reference, features=features)
    rows = [a_prediction(NOON - timedelta(minutes=minute), value=200_000.0 + minute) for minute in range(1, 121)]
    registry.store.record_predictions("housing_price", rows, new_ids=True)
    return registry


def text_of(response: TestResponse) -> str:
    """Return a page's text as a reader sees it: without tags and data blocks, entities resolved."""
    without_data = re.sub(r"<(script|svg|noscript)\b.*?</\1>", "", response.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_data)).split())


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


class TestModelPage:
    def test_shows_charts_tables_versions_and_the_newest_predictions(
        self, client: FlaskClient, housing: Registry
    ) -> None:
        page = client.get("/ui/models/model1")
        shown = text_of(page)
        assert "<title>Housing Price · ML-Monitor</title>" in page.text
        assert "120 predictions in the last day, the newest at 20 Nov 11:59 UTC." in shown
        assert "Metrics of each version on its held-out rows" in shown
        assert "reference sample: median 250,000" in shown
        assert "Reference sample 200,000" in shown  # the first row of the table below the chart
        assert "data_sha256 000000000000 code_version" in shown  # short where it is shown
        assert page.text.count('class="chart-data"') == 2
        assert page.text.count("bokeh-") == 1
        assert shown.count("1 feature id") == 20

    def test_holds_charts_that_a_browser_can_parse(self, client: FlaskClient, housing: Registry) -> None:
        blocks = re.findall(r'data-target="([^"]+)">(.*?)</script>', client.get("/ui/models/model1").text, re.DOTALL)
        for target, block in blocks:
            assert json.loads(block)["item"]["target_id"] == target
        assert [target for target, _ in blocks] == ["chart-volume", "chart-distribution"]

    def test_keeps_its_range_in_links(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1?range=7d")
        assert '<a href="?range=7d" aria-current="true">7d</a>' in page.text
        assert 'href="?range=7d&amp;format=csv&amp;chart=volume"' in page.text
        given = client.get("/ui/models/model1?from=2026-11-20T10:00:00Z&to=2026-11-20T12:00:00Z")
        assert 'aria-current="true"' not in given.text
        link = "?from=2026-11-20T10%3A00%3A00Z&amp;to=2026-11-20T12%3A00%3A00Z&amp;format=json"
        assert f'href="{link}"' in given.text
        assert client.get(f"/ui/models/model1{link.replace('&amp;', '&')}").get_json()["volume"]["total"] == 120

    def test_is_the_same_as_json(self, client: FlaskClient, housing: Registry) -> None:
        found = client.get("/ui/models/housing_price?format=json&range=6h").get_json()
        assert found["model"]["seed_id"] == "model1"
        assert found["range"] == {
            "start": "2026-11-20T06:00:00Z",
            "end": "2026-11-20T12:03:00Z",
            "window_seconds": 180,
            "name": "6h",
        }
        assert found["volume"]["total"] == 120
        assert found["distribution"]["reference"]["p50"] == 250_000.0
        assert found["newest"][0]["features"] == {"rooms": 4.0}
        assert len(found["newest"][0]["prediction_id"]) == 36

    def test_gives_the_numbers_of_a_chart_as_csv(self, client: FlaskClient, housing: Registry) -> None:
        volume = client.get("/ui/models/model1?format=csv&chart=volume&range=6h")
        assert volume.mimetype == "text/csv"
        assert volume.headers["Content-Disposition"] == 'attachment; filename="housing_price-volume.csv"'
        rows = list(csv.DictReader(io.StringIO(volume.text)))
        assert len(rows) == 121
        assert sum(int(row["predictions"]) for row in rows) == 120
        quantiles = list(
            csv.DictReader(io.StringIO(client.get("/ui/models/model1?format=csv&chart=distribution").text))
        )
        assert list(quantiles[0]) == ["start", "end", "predictions", "p5", "p25", "p50", "p75", "p95"]

    def test_csv_of_labels_holds_no_formula_and_of_nothing_the_header(
        self, client: FlaskClient, registry: Registry
    ) -> None:
        registry.add_model(a_model("topic", task="multiclass"))
        address = "/ui/models/topic?format=csv&chart=distribution"
        assert client.get(address).text == "start,end,predictions\n"
        for label in ("=cmd()", "plain"):
            rows = [a_prediction(NOON - timedelta(minutes=5), value=label)]
            registry.store.record_predictions("topic", rows, new_ids=True)
        assert client.get(address).text.splitlines()[0] == "start,end,predictions,'=cmd(),plain"

    def test_says_how_to_ask_a_model_of_ours_for_its_first_prediction(
        self, client: FlaskClient, housing: Registry
    ) -> None:
        housing.add_model(a_model("new"))
        reference = pd.DataFrame({"rooms": [3.0, 4.5, 9.0], "it's": ["x", "x", "y"], "value": [1.0, 2.0, 3.0]})
        features = (FeatureSpec("rooms", "number"), FeatureSpec("it's", "category"))
        add_champion(housing, "new", reference, features=features)
        page = client.get("/ui/models/new")
        check, line = re.findall(r'<pre class="command"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
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

    def test_of_a_range_without_predictions_leads_to_the_newest(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z")
        link = re.search(r'href="\?(from=[^"]*)">show the day', page.text)
        assert link is not None
        address = f"/ui/models/model1?{link[1].replace('&amp;', '&')}&format=json"
        assert client.get(address).get_json()["volume"]["total"] == 120

    def test_escapes_what_clients_wrote_in_text_and_data(self, client: FlaskClient, registry: Registry) -> None:
        registry.add_model(a_model("evil", title=HOSTILE, task="multiclass", headline_metric=HOSTILE[:20]))
        rows = [
            a_prediction(NOON - timedelta(minutes=5), prediction_id=HOSTILE, value=HOSTILE, features={HOSTILE: HOSTILE})
        ]
        registry.store.record_predictions("evil", rows)
        page = client.get("/ui/models/evil")
        assert page.status_code == 200
        assert "<img" not in page.text
        assert page.text.count("<script") == page.text.count("</script>") == 4  # two of ours to load, two data blocks
        found = client.get("/ui/models/evil?format=json").get_json()
        assert found["newest"][0]["features"] == {HOSTILE: HOSTILE}

    @pytest.mark.parametrize("value", [1.7e308, -1.7e308, 0.0, 5e-324])
    def test_shows_any_number_that_can_be_posted(self, client: FlaskClient, registry: Registry, value: float) -> None:
        registry.add_model(a_model("any"))
        rows = [a_prediction(NOON - timedelta(minutes=5), value=number) for number in (value, 1.0)]
        registry.store.record_predictions("any", rows, new_ids=True)
        assert client.get("/ui/models/any").status_code == 200

    def test_says_that_a_reference_sample_cannot_be_read(self, client: FlaskClient, housing: Registry) -> None:
        housing.add_model(a_model("broken"))
        version = add_champion(housing, "broken", pd.DataFrame({"rooms": [31.5], "value": [1.0]}))
        (housing.artifact_folder(version) / "manifest.json").unlink()
        page = client.get("/ui/models/broken")
        assert page.status_code == 200
        assert "The reference sample of version 1 cannot be read" in text_of(page)


class TestErrors:
    def test_an_unknown_model_is_not_found_as_page_and_as_json(self, client: FlaskClient) -> None:
        page = client.get("/ui/models/nope", headers=BROWSER)
        assert page.status_code == 404
        assert "Not found No model 'nope' is registered" in text_of(page)
        answer = client.get("/ui/models/nope?format=json", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")

    @pytest.mark.parametrize(
        ("address", "field"),
        [
            ("/?format=xml", "format"),
            ("/?format=csv", "format"),
            ("/ui/models/model1?format=pdf", "format"),
            ("/ui/models/model1?format=csv&chart=pie", "chart"),
            ("/ui/models/model1?range=2y", "range"),
            ("/ui/models/model1?from=now&to=2026-11-20T12:00:00Z", "from"),
        ],
    )
    def test_a_wrong_argument_is_refused_by_its_name(
        self, client: FlaskClient, housing: Registry, address: str, field: str
    ) -> None:
        answer = client.get(address, headers={"Accept": "application/json"})
        assert answer.status_code == 422
        assert [detail["field"] for detail in answer.get_json()["error"]["details"]] == [field]
        page = client.get(address, headers=BROWSER)
        assert page.status_code == 422
        assert f"{field.capitalize()}: " in text_of(page)

    def test_an_error_page_escapes_what_was_asked_for(self, client: FlaskClient) -> None:
        page = client.get("/ui/models/<script>alert(1)<b>", headers=BROWSER)
        assert page.status_code == 404
        assert "<script>alert" not in page.text

    def test_a_store_that_is_away_is_told_in_a_sentence(
        self, client: FlaskClient, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise StoreUnavailable("the database does not answer; start it")

        monkeypatch.setattr(json_store, "list_models", away)
        page = client.get("/", headers=BROWSER)
        assert page.status_code == 503
        assert "Away for now The database does not answer; start it." in text_of(page)
        assert page.headers["Retry-After"] == "5"
        assert page.headers["Cache-Control"] == "no-store"

    def test_a_name_that_is_not_ours_gets_its_page_too(self, client: FlaskClient) -> None:
        # No route can be looked up for such a request, so the page must do without.
        page = client.get("/", headers={**BROWSER, "Host": "evil.example"})
        assert page.status_code == 400
        assert "ML-Monitor" in page.text

    def test_a_page_behind_tokens_says_what_is_needed(
        self, settings: Settings, json_store: JsonStore, clock: FixedClock
    ) -> None:
        auth = AuthSettings(read_tokens=("letmein",), write_tokens=("change",))
        client = create_app(settings.model_copy(update={"auth": auth}), json_store, clock).test_client()
        assert "A token is needed" in text_of(client.get("/", headers=BROWSER))
        page = client.get("/", headers=BROWSER, auth=("me", "letmein"))
        assert "-H 'Authorization: Bearer <token>'" in text_of(page)


class TestDelivery:
    def test_pages_are_not_kept_and_files_are(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1")
        assert page.headers["Cache-Control"] == "no-store"
        for address in re.findall(r'(?:href|src)="(/ui/(?:static|assets)/[^"]+)"', page.text):
            file = client.get(address, headers={"Accept-Encoding": "gzip, br"})
            assert file.status_code == 200
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert file.headers["Content-Encoding"] == "gzip"
            assert file.headers["Vary"] == "Accept-Encoding"
            plain = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
            assert "Content-Encoding" not in plain.headers
            assert plain.data == gzip.decompress(file.data)
            again = client.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": file.headers["ETag"]})
            assert (again.status_code, again.data) == (304, b"")

    @pytest.mark.parametrize("address", ["/ui/static/other.css", "/ui/assets/bokeh-0.0.0.min.js", "/ui/static/"])
    def test_other_files_are_not_found(self, client: FlaskClient, address: str) -> None:
        assert client.get(address).status_code == 404

    def test_head_answers_like_get_without_a_body(self, client: FlaskClient, housing: Registry) -> None:
        for address in ("/", "/ui/models/model1", "/ui/models/model1?format=csv", assets.bokeh_address()):
            head, get = client.head(address), client.get(address)
            assert (head.status_code, head.data) == (200, b"")
            assert head.headers["Content-Type"] == get.headers["Content-Type"]

    def test_no_page_holds_inline_script_or_another_host(self, client: FlaskClient, housing: Registry) -> None:
        for address in ("/", "/ui/models/model1"):
            text = client.get(address).text
            assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
            assert not re.search(r"\son[a-z]+=", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
            assert re.findall(r'(?:href|src)="(https?:[^"]*)"', text) == []

    def test_every_page_is_well_formed_and_named(self, client: FlaskClient, housing: Registry) -> None:
        checked: list[Any] = [client.get(address, headers=BROWSER) for address in ("/", "/ui/models/model1", "/ui/x")]
        for page in checked:
            assert page.text.startswith("<!doctype html>")
            assert '<html lang="en">' in page.text
            assert page.text.count("<h1") == page.text.count("<main") == 1
            ids = re.findall(r'\sid="([^"]+)"', page.text)
            assert len(ids) == len(set(ids))
            assert set(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page.text)) <= set(ids)
            assert page.text.count("<table") == page.text.count("<caption")
