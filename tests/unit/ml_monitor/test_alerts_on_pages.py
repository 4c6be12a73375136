"""What the overview and the model page show of alerts and of what checks have measured."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import DEFAULT_RULES
from ml_monitor.app import create_app
from ml_monitor.evaluation.model_evaluator import ModelEvaluator
from ml_monitor.monitoring.alerts import responses
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from tests.factories import NOON, a_model, a_prediction
from tests.unit.ml_monitor.telling import DAY, an_alert, keep, replaced
from tests.worlds import World, add_fraud, record_day

HOSTILE = "<img src=x onerror=alert(1)>"
MIDNIGHT = NOON.replace(hour=0) - 3 * DAY


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    return create_app(settings, json_store, clock).test_client()


def text_of(response: TestResponse) -> str:
    """Return a page's text as a reader sees it."""
    without_data = re.sub(r"<(script|svg|noscript)\b.*?</\1>", "", response.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_data)).split())


def section_of(response: TestResponse, name: str) -> TestResponse:
    """Return an answer that holds one section of a page alone."""
    found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', response.text, re.DOTALL)
    assert found is not None
    return TestResponse([found[0].encode()], "200", {}, response.request)  # type: ignore[arg-type]


def add_models(registry: Registry, *names: str, age: timedelta = timedelta(hours=1)) -> None:
    for name in names:
        registry.add_model(a_model(name))
        registry.store.record_predictions(name, [a_prediction(NOON - age)], new_ids=True)


class TestOverview:
    def test_a_model_with_an_alert_comes_before_one_that_is_stale(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "healthy", "warned", "fraud")
        add_models(registry, "stopped", age=8 * DAY)
        keep(
            json_store,
            an_alert(model="warned", cause="drift", subject="amount", severity="warning", start=MIDNIGHT),
            an_alert(model="fraud", subject="roc_auc", start=MIDNIGHT),
            an_alert(model="fraud", cause="drift", subject="age", severity="warning", start=MIDNIGHT),
        )
        found = client.get("/?format=json").get_json()
        assert [(model["name"], model["state"]) for model in found["models"]] == [
            ("fraud", "critical"),
            ("warned", "warning"),
            ("stopped", "stale"),
            ("healthy", "not judged"),
        ]
        assert found["verdict"] == (
            "fraud: performance is above its threshold since 17 Nov (roc_auc 12.5, bound 10); 1 more alert. "
            "warned: drift of amount since 17 Nov. "
            "stopped has had no prediction since 12 Nov 12:00 UTC. "
            "4 models: 1 not judged yet (healthy), 1 stale, 1 with a warning, 1 critical."
        )
        assert [alert["subject"] for alert in found["models"][0]["alerts"]] == ["roc_auc", "age"]

    def test_links_what_fires_to_the_alerts_of_the_model(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "fraud")
        keep(json_store, an_alert(model="fraud", subject="roc_auc"), an_alert(model="fraud", subject=HOSTILE))
        page = client.get("/")
        assert '<a href="/ui/models/fraud#alerts">' in page.text
        assert 'id="alerts"' in client.get("/ui/models/fraud").text
        assert HOSTILE in text_of(page)
        assert HOSTILE not in page.text

    def test_names_at_most_three_models_in_sentences(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        names = ("a", "b", "c", "d")
        add_models(registry, *names)
        keep(json_store, *(an_alert(model=name, cause="drift", start=MIDNIGHT) for name in names))
        verdict = client.get("/?format=json").get_json()["verdict"]
        assert verdict.count("drift of mae") == 3
        assert verdict.endswith("c: drift of mae since 17 Nov. 4 models: 4 critical (a, b, c and 1 more).")

    def test_an_acknowledged_alert_still_counts_and_a_silenced_one_does_not(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "known", "quiet")
        known, quiet = (an_alert(model=name, cause="drift", start=MIDNIGHT) for name in ("known", "quiet"))
        taken_up = responses.acknowledge(known.state, author="ada", note="", time=NOON)
        silenced = responses.silence(quiet.state, author="ada", note="", time=NOON, until_time=NOON + DAY)
        keep(json_store, replaced(known, taken_up), replaced(quiet, silenced))
        said = "known : drift of mae since 17 Nov, acknowledged. 2 models: 1 not judged yet (quiet), 1 critical."
        assert said in text_of(client.get("/"))

    def test_silence_of_a_model_is_said_as_before_also_when_an_alert_fires_on_it(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "stopped", age=8 * DAY)
        keep(json_store, an_alert("bb", model="stopped", cause="ingest", subject="hours_since_prediction"))
        found = client.get("/?format=json").get_json()
        assert found["verdict"] == "stopped has had no prediction since 12 Nov 12:00 UTC. 1 model: 1 critical."
        assert "No prediction since 12 Nov 12:00 UTC, 8 days ago" in text_of(client.get("/ui/models/stopped"))


class TestModelPage:
    def test_says_how_to_check_a_model_that_was_never_checked(self, client: FlaskClient, registry: Registry) -> None:
        add_models(registry, "fraud")
        shown = text_of(section_of(client.get("/ui/models/fraud"), "alerts"))
        assert shown == (
            "Alerts No alert fires. No check of this model has run yet; this runs one: python -m ml_monitor check"
        )

    def test_shows_each_alert_with_who_has_answered_it(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "fraud")
        known, quiet = (an_alert(model="fraud", subject=name, start=MIDNIGHT) for name in ("f1", "recall"))
        taken_up = responses.acknowledge(known.state, author="ada", note="retraining", time=NOON)
        silenced = responses.silence(quiet.state, author="bob", note="", time=NOON, until_time=NOON + DAY)
        keep(
            json_store,
            *(replaced(known, taken_up), replaced(quiet, silenced)),
            an_alert("gb", model="fraud", cause="drift", subject=HOSTILE, severity="warning", start=MIDNIGHT),
        )
        page = client.get("/ui/models/fraud")
        shown = text_of(section_of(page, "alerts"))
        assert "acknowledged by ada: retraining f1 performance critical 17 Nov 12.5 10 default-performance" in shown
        assert "silenced until 21 Nov 12:00 UTC by bob recall" in shown
        assert f"pending {HOSTILE} drift warning 18 Nov" in shown
        assert HOSTILE not in page.text
        assert "Performance is above its threshold since 17 Nov (f1 12.5, bound 10), acknowledged." in text_of(page)

    def test_counts_the_alerts_beyond_the_worst(
        self, client: FlaskClient, registry: Registry, json_store: JsonStore
    ) -> None:
        add_models(registry, "fraud")
        keep(json_store, *(an_alert(model="fraud", cause="drift", subject=name, start=MIDNIGHT) for name in "abcde"))
        verdict = client.get("/ui/models/fraud?format=json").get_json()["verdict"]
        assert verdict.startswith(
            "Drift of a since 17 Nov; 4 more alerts. The newest prediction is of 20 Nov 11:00 UTC."
        )


@pytest.fixture
def checked(registry: Registry, json_store: JsonStore) -> list[str]:
    """A model whose truth and whose feature amount have changed for two days; its last day has no truth yet."""
    add_fraud(registry)
    for day in range(6, 10):
        changed = day >= 8
        world = World(shift=1.0, swapped=True) if changed else World()
        end = record_day(registry, day, world, truth_after=timedelta(hours=1) if day < 9 else None)
        ModelEvaluator(registry, registry.find("fraud"), DEFAULT_RULES, end + timedelta(hours=2)).evaluate()
    return [alert.state.key.subject for alert in list_alerts(json_store) if alert.state.status == "firing"]


def test_a_checked_model_shows_its_performance(client: FlaskClient, checked: list[str]) -> None:
    page = client.get("/ui/models/fraud")
    assert "amount" in checked
    assert "`amount` changed" in client.get("/ui/models/fraud?format=json").get_json()["verdict"]
    performance = text_of(section_of(page, "performance-heading"))
    assert performance.startswith("Performance Metric: ROC AUC Accuracy ")
    assert "roc_auc per day, with the bounds that it is held against" in performance
    assert CONCEPT_DRIFT_NOTE in performance
    assert re.search(
        r"19 Nov 0 0\.0 % undefined: no ground truth 0\.\d+ 0\.\d+ 0\.\d+ \w+ by the estimate", performance
    )
    assert re.search(r"18 Nov 400 0\.\d+ ± 0\.\d+ 0\.\d+ 0\.\d+ 0\.\d+ beyond 17 Nov 400 .* ok", performance)
    assert 'href="/ui/models/fraud/drift?at=2026-11-18T00:00:00Z"' in page.text
    assert "reference 0.8" in performance


def test_a_checked_model_shows_what_became_of_its_predictions(client: FlaskClient, checked: list[str]) -> None:
    page = client.get("/ui/models/fraud")
    outcomes = text_of(section_of(page, "outcomes-heading"))
    assert outcomes.startswith("Outcomes 3 days together.")
    assert re.search(r"true 0 \d+ \d+\.\d %, was \d+\.\d %", outcomes)
    assert "0.90 to 1" in outcomes
    assert 'class="calibration"' in page.text
    assert "Data quality 19 Nov : 0 off, " in text_of(section_of(page, "quality-heading"))
    assert "amount median " in text_of(section_of(page, "changes-heading"))


def test_its_drift_is_shown_as_a_map_and_a_ranking(client: FlaskClient, checked: list[str]) -> None:
    page = client.get("/ui/models/fraud/drift")
    ranking = text_of(section_of(page, "ranking-heading"))
    assert ranking.startswith("Columns on 19 Nov")
    assert re.search(r"drifted amount median -?\d\.\d+ to \d\.\d+ 0\.\d+ \S+ 18 Nov 2 of 4", ranking)
    assert "undefined truths" in ranking
    heatmap = text_of(section_of(page, "heatmap-heading"))
    assert re.search(r"amount ok ok drifted 0\.\d+ drifted 0\.\d+", heatmap)
    assert "country ok ok ok ok" in heatmap
    assert 'href="/ui/models/fraud/drift/column?name=amount&amp;at=2026-11-18T00%3A00%3A00Z"' in page.text
    other = client.get("/ui/models/fraud/drift?at=2026-11-16T00:00:00Z")
    assert "None of 5 columns drifted on 16 Nov; " in text_of(other)
    assert 'aria-current="true"><time datetime="2026-11-16T00:00:00Z">' in other.text


def test_a_column_is_shown_beside_its_reference_by_day_and_with_its_method(
    client: FlaskClient, checked: list[str]
) -> None:
    page = client.get("/ui/models/fraud/drift/column?name=amount")
    shown = text_of(page)
    assert "amount has drifted since 18 Nov: median " in shown
    assert "reference of v1, 5,000 rows drifted days since 18 Nov, 800 rows" in shown
    assert "Kolmogorov-Smirnov. The largest difference between two shares" in shown
    assert "Judged by default-drift: a chunk has drifted if its p-value" in shown
    assert page.text.count('class="chart-data"') == 2
    assert page.text.count('<rect class="before"') > 10
    category = client.get("/ui/models/fraud/drift/column?name=country&at=2026-11-16T00:00:00Z")
    assert re.search(r"Over time .* de \(reference \d\d\.\d %\)", text_of(category))
    assert "On 16 Nov country was as in the reference" in text_of(category)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("fraud?format=csv&chart=performance", 4),
        ("fraud?format=csv&chart=outcomes", 14),
        ("fraud/drift?format=csv&chart=heatmap", 24),
        ("fraud/drift?format=csv&chart=ranking", 6),
        ("fraud/drift/column?name=amount&format=csv&chart=chunks", 4),
        ("fraud/drift/column?name=country&format=csv&chart=shares", 3),
    ],
)
def test_each_table_is_to_be_had_as_csv(client: FlaskClient, checked: list[str], path: str, rows: int) -> None:
    answer = client.get(f"/ui/models/{path}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == rows


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("drift?at=yesterday", 422, "at"),
        ("drift?at=2026-11-20T00:00:00Z", 422, "at"),
        ("drift/column", 422, "name"),
        ("drift/column?name=amount&method=beauty", 422, "method"),
        ("drift/column?name=nope", 404, None),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(
    client: FlaskClient, checked: list[str], query: str, status: int, field: str | None
) -> None:
    answer = client.get(f"/ui/models/fraud/{query}")
    assert answer.status_code == status
    details = answer.get_json()["error"]["details"]
    assert [detail["field"] for detail in details] == ([field] if field else [])


def test_its_charts_can_be_parsed_and_its_numbers_be_had_from_the_api(client: FlaskClient, checked: list[str]) -> None:
    page = client.get("/ui/models/fraud").text
    blocks = dict(re.findall(r'data-target="([^"]+)">(.*?)</script>', page, re.DOTALL))
    assert json.loads(blocks["chart-performance"])["item"]["target_id"] == "chart-performance"
    links = re.findall(r'href="(/models/fraud/[^"]*format=csv[^"]*)"', page)
    assert len(links) == 2
    for link in links:
        answer = client.get(html.unescape(link))
        assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 4


def test_the_json_forms_hold_what_was_judged(client: FlaskClient, checked: list[str]) -> None:
    found = client.get("/ui/models/fraud?format=json").get_json()
    assert found["is_checked"]
    assert {alert["subject"] for alert in found["alerts"]} >= set(checked)
    assert [chunk["realised"]["value"] is None for chunk in found["performance"]["chunks"]] == [False] * 3 + [True]
    assert found["performance"]["chunks"][2]["realised"]["state"] == "beyond"
    assert found["outcomes"]["confusion"]["labels"] == ["0", "1"]
    drift = client.get("/ui/models/fraud/drift?format=json").get_json()
    assert [cell["state"] for cell in drift["rows"][0]["cells"]] == ["ok", "ok", "drifted", "drifted"]
    column = client.get("/ui/models/fraud/drift/column?name=amount&format=json").get_json()
    assert column["change"]["measure"] == "median"
    assert len(column["chunks"]) == 4


def test_a_range_of_an_hour_still_shows_the_days_before(client: FlaskClient, checked: list[str]) -> None:
    page = client.get("/ui/models/fraud?range=1h")
    assert page.text.count('class="chart-data"') == 1
    assert page.text.count("bokeh-") == 1
    assert "No prediction lies in this range." in text_of(client.get("/ui/models/fraud/predictions?range=1h"))
