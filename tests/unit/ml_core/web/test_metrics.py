"""What Prometheus sees."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.registry import Collector

from ml_core.config import project_root
from tests.unit.ml_core.web.conftest import MakeApp, error_of


def requests(client: FlaskClient) -> dict[tuple[str, str, str], float]:
    """Return the number of requests by method, route and status; the scrape itself is counted after it."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in parse(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "http_requests_total"
    }


def test_requests_are_counted_by_method_route_and_status(client: FlaskClient) -> None:
    for name in ("a", "b", "c"):
        client.get(f"/things/{name}")
    client.post("/echo", json={})
    client.post("/echo", data=b"{", content_type="application/json")
    assert requests(client) == {
        ("GET", "/things/<name>", "200"): 3,
        ("POST", "/echo", "200"): 1,
        ("POST", "/echo", "400"): 1,
    }
    assert requests(client)["GET", "/metrics", "200"] == 1


def test_requests_are_timed_by_route(client: FlaskClient) -> None:
    client.get("/things/a")
    (family,) = (family for family in parse(client.get("/metrics").text) if family.name.endswith("_duration_seconds"))
    values = {sample.name: sample.value for sample in family.samples if sample.labels.get("route") == "/things/<name>"}
    assert values["http_request_duration_seconds_count"] == 1
    assert 0 < values["http_request_duration_seconds_sum"] < 5


def test_times_are_told_apart_from_a_quarter_of_a_millisecond_on(client: FlaskClient) -> None:
    client.get("/things/a")
    samples = [sample for family in parse(client.get("/metrics").text) for sample in family.samples]
    bounds = {float(one.labels["le"]) for one in samples if one.name == "http_request_duration_seconds_bucket"}
    assert sorted(bounds)[:5] == [0.00025, 0.0005, 0.001, 0.0025, 0.005]
    assert {2.5, 0.1} <= bounds  # the alerting rules' limits, which are told exactly only at a bound


def test_what_clients_make_up_does_not_make_series_without_end(client: FlaskClient) -> None:
    for number in range(50):
        client.get(f"/nowhere/{number}")
        client.open("/things/a", method=f"METHOD{number}")
        client.open(f"/made/up/{number}", method=f"METHOD{number}")
        client.get(f"/things/{number}?query={number}")
    counted = requests(client)
    assert counted == {
        ("any", "none", "404"): 100,
        ("any", "none", "405"): 50,
        ("GET", "/things/<name>", "200"): 50,
    }


def test_answers_with_an_error_of_ours_are_counted(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/fail", "fail", view_func=lambda: 1 / 0)
    client = app.test_client()
    client.get("/fail")
    assert requests(client) == {("GET", "/fail", "500"): 1}


def test_every_app_counts_for_itself(make_app: MakeApp) -> None:
    first, second = make_app().test_client(), make_app().test_client()
    first.get("/things/a")
    assert ("GET", "/things/<name>", "200") in requests(first)
    assert requests(second) == {}


def test_the_format_is_the_one_that_was_asked_for(client: FlaskClient) -> None:
    plain = client.get("/metrics")
    assert plain.content_type.startswith("text/plain; version=")
    openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert "http_requests" in {family.name for family in parse_openmetrics(openmetrics.text)}


class Stock(Collector):
    """Facts that are read when Prometheus asks."""

    def __init__(self) -> None:
        self.asked = 0

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        yield GaugeMetricFamily("stock", "Pieces there are.", value=42)


def test_a_collector_is_asked_at_every_scrape_and_not_before(make_app: MakeApp) -> None:
    app, stock = make_app(), Stock()
    app.extensions["metrics"].add_collector(stock)
    client = app.test_client()
    assert "\nstock 42.0\n" in client.get("/metrics").text
    client.get("/metrics")
    asked = stock.asked
    client.get("/things/a")
    assert stock.asked == asked
    assert asked >= 2


def test_a_collector_that_fails_is_an_error_of_ours(make_app: MakeApp) -> None:
    class Broken(Collector):
        def collect(self) -> Iterator[Metric]:
            raise ZeroDivisionError

    app = make_app()
    app.extensions["metrics"].add_collector(Broken())
    response = app.test_client().get("/metrics")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")


_PROCESS = """
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
from ml_core.clock import Clock
from ml_core.settings import Settings
from ml_core.web.base_app import create_base_app

settings = Settings()
app = create_base_app("small", "Small", settings, settings.models, clock=Clock(), checks={})
client = app.test_client()
for _ in range(int(sys.argv[1])):
    client.get("/healthz")
for family in parse(client.get("/metrics").text):
    for sample in family.samples:
        if sample.labels.get("route") == "/healthz" and sample.name in (
            "http_requests_total", "http_request_duration_seconds_count"
        ):
            print(sample.name, int(sample.value))
"""


def test_processes_that_share_a_folder_show_the_sum_of_all_also_of_those_that_ended(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    shown = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", _PROCESS, str(count)],
            env={**environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            cwd=project_root(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for count in (3, 4)
    ]
    for output, count in zip(shown, ("3", "7"), strict=True):
        assert dict(zip(output[::2], output[1::2], strict=True)) == {
            "http_requests_total": count,
            "http_request_duration_seconds_count": count,
        }
