from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pandas as pd
import pytest
from flask.testing import FlaskClient

from ml_core.registry import Registry
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction
from tests.pages import HOSTILE, text_of


class TestPredictionsPage:
    def test_shows_charts_tables_and_the_newest_predictions(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1/predictions")
        shown = text_of(page)
        assert "<title>Predictions of Housing Price · ML-Monitor</title>" in page.text
        assert "120 predictions in the last 24h; the newest of all is of 20 Nov 11:59 UTC." in shown
        assert "reference sample: median 250,000" in shown
        assert "Reference sample 200,000" in shown  # the first row of the table below the chart
        assert page.text.count('class="chart-data"') == 2
        assert page.text.count("bokeh-") == 1
        assert shown.count("1 feature id") == 20

    def test_a_model_that_was_never_asked_leads_to_the_page_that_says_how(
        self, client: FlaskClient, registry: Registry
    ) -> None:
        registry.add_model(a_model("elsewhere"))
        page = client.get("/ui/models/elsewhere/predictions")
        assert "No prediction has been logged yet." in text_of(page)
        assert '<a href="/ui/models/elsewhere">the page of the model</a>' in page.text

    def test_holds_charts_that_a_browser_can_parse(self, client: FlaskClient, housing: Registry) -> None:
        blocks = re.findall(
            r'data-target="([^"]+)">(.*?)</script>', client.get("/ui/models/model1/predictions").text, re.DOTALL
        )
        for target, block in blocks:
            assert json.loads(block)["item"]["target_id"] == target
        assert [target for target, _ in blocks] == ["chart-volume", "chart-distribution"]

    def test_keeps_its_range_in_links(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1/predictions?range=7d")
        assert '<a href="?range=7d" aria-current="true">7d</a>' in page.text
        assert 'href="?range=7d&amp;format=csv&amp;chart=volume"' in page.text
        given = client.get("/ui/models/model1/predictions?from=2026-11-20T10:00:00Z&to=2026-11-20T12:00:00Z")
        assert not re.search(r'range=\w+" aria-current', given.text)
        link = "?from=2026-11-20T10%3A00%3A00Z&amp;to=2026-11-20T12%3A00%3A00Z&amp;format=json"
        assert f'href="{link}"' in given.text
        assert (
            client.get(f"/ui/models/model1/predictions{link.replace('&amp;', '&')}").get_json()["volume"]["total"]
            == 120
        )

    def test_is_the_same_as_json(self, client: FlaskClient, housing: Registry) -> None:
        found = client.get("/ui/models/housing_price/predictions?format=json&range=6h").get_json()
        assert found["model"] == "housing_price"
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
        volume = client.get("/ui/models/model1/predictions?format=csv&chart=volume&range=6h")
        assert volume.mimetype == "text/csv"
        assert volume.headers["Content-Disposition"] == 'attachment; filename="housing_price-volume.csv"'
        rows = list(csv.DictReader(io.StringIO(volume.text)))
        assert len(rows) == 121
        assert sum(int(row["predictions"]) for row in rows) == 120
        quantiles = list(
            csv.DictReader(io.StringIO(client.get("/ui/models/model1/predictions?format=csv&chart=distribution").text))
        )
        assert list(quantiles[0]) == ["start", "end", "predictions", "p5", "p25", "p50", "p75", "p95"]

    def test_csv_of_labels_holds_no_formula_and_of_nothing_the_header(
        self, client: FlaskClient, registry: Registry
    ) -> None:
        registry.add_model(a_model("topic", task="multiclass"))
        address = "/ui/models/topic/predictions?format=csv&chart=distribution"
        assert client.get(address).text == "start,end,predictions\n"
        for label in ("=cmd()", "plain"):
            rows = [a_prediction(NOON - timedelta(minutes=5), value=label)]
            registry.store.record_predictions("topic", rows, new_ids=True)
        assert client.get(address).text.splitlines()[0] == "start,end,predictions,'=cmd(),plain"

    def test_of_a_range_without_predictions_leads_to_the_newest(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1/predictions?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z")
        link = re.search(r'href="\?(from=[^"]*)">show the day', page.text)
        assert link is not None
        address = f"/ui/models/model1/predictions?{link[1].replace('&amp;', '&')}&format=json"
        assert client.get(address).get_json()["volume"]["total"] == 120

    def test_escapes_what_clients_wrote_in_text_and_data(self, client: FlaskClient, registry: Registry) -> None:
        registry.add_model(a_model("evil", title=HOSTILE, task="multiclass", headline_metric=HOSTILE[:20]))
        rows = [
            a_prediction(NOON - timedelta(minutes=5), prediction_id=HOSTILE, value=HOSTILE, features={HOSTILE: HOSTILE})
        ]
        registry.store.record_predictions("evil", rows)
        page = client.get("/ui/models/evil/predictions")
        assert page.status_code == 200
        assert "<img" not in page.text
        assert page.text.count("<script") == page.text.count("</script>") == 6  # two of ours to load, two data blocks
        found = client.get("/ui/models/evil/predictions?format=json").get_json()
        assert found["newest"][0]["features"] == {HOSTILE: HOSTILE}

    @pytest.mark.parametrize("value", [1.7e308, -1.7e308, 0.0, 5e-324])
    def test_shows_any_number_that_can_be_posted(self, client: FlaskClient, registry: Registry, value: float) -> None:
        registry.add_model(a_model("any"))
        rows = [a_prediction(NOON - timedelta(minutes=5), value=number) for number in (value, 1.0)]
        registry.store.record_predictions("any", rows, new_ids=True)
        assert client.get("/ui/models/any/predictions").status_code == 200

    def test_says_that_a_reference_sample_cannot_be_read(self, client: FlaskClient, housing: Registry) -> None:
        housing.add_model(a_model("broken"))
        version = add_champion(housing, "broken", pd.DataFrame({"rooms": [31.5], "value": [1.0]}))
        (housing.artifact_folder(version) / "manifest.json").unlink()
        page = client.get("/ui/models/broken/predictions")
        assert page.status_code == 200
        assert "The reference sample of version 1 cannot be read" in text_of(page)
