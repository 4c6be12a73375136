"""The example configurations, in a real Prometheus and Alertmanager: an alert of the monitor is seen in both."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ml_core.config import project_root
from ml_core.processes import free_port
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import change_alert
from ml_monitor.monitoring.alerts.responses import acknowledge
from tests.dashboards import expressions, load_dashboard
from tests.factories import NOON
from tests.processes import eventually, own_folders, start_app
from tests.receivers import Receiver
from tests.tools import alertmanager, tool
from tests.unit.ml_monitor.telling import an_alert, keep

EXAMPLES = project_root() / "deploy" / "prometheus"
FIRING = "ml_alert_state{model='churn', cause='drift', subject='rooms', rule='mine', severity='%s', state='firing'}"


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("promtool", ("check", "config", EXAMPLES / "prometheus.example.yml")),
        ("promtool", ("check", "rules", EXAMPLES / "rules.yml", EXAMPLES / "recording.yml")),
        ("amtool", ("check-config", EXAMPLES / "alertmanager.example.yml")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_examples_are_what_prometheus_takes(program: str, arguments: tuple[object, ...]) -> None:
    result = subprocess.run([tool(program), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_receivers_of_the_example_are_what_the_alertmanager_takes(tmp_path: Path) -> None:
    lines = (EXAMPLES / "alertmanager.example.yml").read_text().splitlines()
    text = "\n".join(line.replace("    # ", "    ", 1) if line.startswith("    # ") else line for line in lines)
    (receiver,) = yaml.safe_load(text)["receivers"]
    assert set(receiver) == {"name", "webhook_configs", "email_configs"}
    (tmp_path / "alertmanager.yml").write_text(text)
    command = [tool("amtool"), "check-config", tmp_path / "alertmanager.yml"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


DONE = "ml_job_last_done_timestamp_seconds{job_name='retain'}"
EXPECTED = "ml_job_expected_timestamp_seconds{job_name='retain'}"
REQUESTS = "http_requests_total{job='ml-models', route='/', status='%s'}"
LATENCY = "http_request_duration_seconds_bucket{job='ml-models', route='%s', le='%s'}"
PREDICTED = "anomaly_predictions_total{outcome='%s'}"
WITHIN = "http_request_duration_seconds_bucket{job='anomaly-api', route='/prediction', le='%s'}"


@pytest.mark.parametrize(
    ("series", "values", "at", "alert"),
    [
        (FIRING % "critical", "1x10", "1m", "ModelAlertCritical"),
        (FIRING % "warning", "1x10", "1m", "ModelAlertWarning"),
        (FIRING.replace("rooms", "retraining_rolled_back") % "warning", "1x10", "1m", "PromotionRolledBack"),
        (FIRING.replace("rooms", "retraining_rolled_back") % "critical", "1x10", "1m", "ModelAlertCritical"),
        (FIRING.replace("firing", "acknowledged") % "critical", "1x10", "1m", None),
        ("up{job='ml-monitor'}", "0x10", "6m", "MonitorDown"),
        ("up{job='ml-monitor'}", "0 0 1x10", "6m", None),
        ("ml_store_up", "0x10", "3m", "StoreDown"),
        ("ml_store_up", "1x10", "3m", None),
        ("ml_spool_records", "7x20", "11m", "SpoolHolding"),
        ("ml_spool_records", "7 7 0x20", "11m", None),
        ("ml_poisoned_records", "1x10", "1m", "RecordsPoisoned"),
        ("ml_model_last_prediction_timestamp_seconds{model='churn'}", "0x1600", "25h", "ModelStale"),
        ("ml_model_last_prediction_timestamp_seconds{model='churn'}", "0x1600", "23h", None),
        ("ml_channel_up{channel='mail'}", "0x10", "1m", "ChannelDown"),
        ("ml_channel_up{channel='mail'}", "1x10", "1m", None),
        ("up{job='anomaly-api'}", "0x10", "3m", "AppDown"),
        ("up{job='anomaly-api'}", "0 1x10", "3m", None),
        ("ml_job_state{job_name='retain', state='failed'}", "1x10", "2m", "JobFailed"),
        ("ml_job_state{job_name='retain', state='lost'}", "1x10", "2m", "JobFailed"),
        ("ml_job_state{job_name='retain', state='running'}", "1x10", "2m", None),
    ],
)
def test_each_rule_fires_on_what_it_is_for(
    tmp_path: Path, series: str, values: str, at: str, alert: str | None
) -> None:
    check_alerts(tmp_path, {series: values}, at, alert)


@pytest.mark.parametrize(
    ("series", "at", "alert"),
    [
        ({DONE: "0x3000", EXPECTED: "1x3000"}, "12m", "JobSilent"),
        ({DONE: "0x3000", EXPECTED: "1x3000"}, "9m", None),
        ({DONE: "1x3000", EXPECTED: "1x3000"}, "12m", None),
        ({DONE: "0x3000"}, "182m", None),  # of a job that is not in the crontab nobody knows when it is due
        ({REQUESTS % 200: "0+90x20", REQUESTS % 503: "0+10x20"}, "15m", "AppErrors"),
        ({REQUESTS % 200: "0+98x20", REQUESTS % 503: "0+2x20"}, "15m", None),
        ({REQUESTS % 200: "0+1x20", REQUESTS % 503: "0+1x20"}, "15m", None),  # too few to speak of a share
        ({LATENCY % ("/", "2.5"): "0+97x30", LATENCY % ("/", "+Inf"): "0+100x30"}, "20m", None),
        (
            {
                LATENCY % ("/", "2.5"): "0+97x30",
                LATENCY % ("/", "5"): "0+100x30",
                LATENCY % ("/", "+Inf"): "0+100x30",
            },
            "20m",
            "AppSlow",
        ),
        (
            {
                LATENCY % ("/metrics", "2.5"): "0+97x30",
                LATENCY % ("/metrics", "5"): "0+100x30",
                LATENCY % ("/metrics", "+Inf"): "0+100x30",
            },
            "20m",
            None,
        ),
        ({PREDICTED % "inlier": "0+90x30", PREDICTED % "anomaly": "0+10x30"}, "15m", "AnomalyRateHigh"),
        ({PREDICTED % "inlier": "0+97x30", PREDICTED % "anomaly": "0+3x30"}, "15m", None),
        ({PREDICTED % "inlier": "0+9x30", PREDICTED % "anomaly": "0+1x30"}, "15m", None),
        (
            {WITHIN % "0.1": "0+98x30", WITHIN % "0.25": "0+100x30", WITHIN % "+Inf": "0+100x30"},
            "15m",
            "AnomalyApiSlow",
        ),
        ({WITHIN % "0.1": "0+100x30", WITHIN % "0.25": "0+100x30", WITHIN % "+Inf": "0+100x30"}, "15m", None),
    ],
)
def test_each_rule_on_several_series_fires_on_what_it_is_for(
    tmp_path: Path, series: dict[str, str], at: str, alert: str | None
) -> None:
    check_alerts(tmp_path, series, at, alert)


@pytest.mark.parametrize(("at", "alert"), [("29d", "JobSilent"), ("31d", None)])
def test_a_job_that_has_been_silent_for_a_month_is_out_of_use(tmp_path: Path, at: str, alert: str | None) -> None:
    # A value an hour holds for five minutes only, as long as nobody looks between.
    check_alerts(tmp_path, {DONE: "0x800", EXPECTED: "1x800"}, at, alert, interval="1h")


def check_alerts(folder: Path, series: Mapping[str, str], at: str, alert: str | None, *, interval: str = "1m") -> None:
    """Check that of all rules ``alert`` alone fires on these series, a value and a look an interval."""
    names = [
        rule["alert"]
        for group in yaml.safe_load((EXAMPLES / "rules.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    expressions = [
        {
            "expr": f"count(ALERTS{{alertname='{name}', alertstate='firing'}}) or vector(0)",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": int(name == alert)}],
        }
        for name in names
    ]
    test = {
        "interval": interval,
        "input_series": [{"series": name.replace("'", '"'), "values": values} for name, values in series.items()],
        "promql_expr_test": expressions,
    }
    path = folder / "test.yml"
    rules = [str(EXAMPLES / "recording.yml"), str(EXAMPLES / "rules.yml")]
    path.write_text(yaml.safe_dump({"rule_files": rules, "evaluation_interval": interval, "tests": [test]}))
    result = subprocess.run([tool("promtool"), "test", "rules", path], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_mended_panel_tells_the_mean_output_and_score_where_the_first_systems_does_not(tmp_path: Path) -> None:
    # Every ten seconds 2 inliers with a score of -0.4 and 8 anomalies with -0.8: on average -0.6 and -0.72.
    series = {
        'anomaly_predictions_total{outcome="inlier"}': "0+2x60",
        'anomaly_predictions_total{outcome="anomaly"}': "0+8x60",
        "anomaly_prediction_score_sum": "0+7.2x60",
        "anomaly_prediction_score_count": "0+10x60",
        "prediction_output_distribution_sum": "0-6x60",
        "prediction_output_distribution_count": "0+10x60",
        "prediction_score_distribution_sum": "0-7.2x60",
        "prediction_score_distribution_count": "0+10x60",
    }
    output, score, *_ = expressions(load_dashboard("service"))
    first = "sum(increase(prediction_%s_distribution_sum[1m])) / sum(increase(prediction_%s_distribution_count[1m]))"
    test = {
        "interval": "10s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": expression, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": value}]}
            for expression, value in (
                (f"round({output}, 0.001)", -0.6),
                (f"round({score}, 0.001)", -0.72),
                (f"abs({first % ('output', 'output')} - -0.6) > bool 1", 1),
                (f"abs({first % ('score', 'score')} - -0.72) > bool 1", 1),
            )
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    result = subprocess.run([tool("promtool"), "test", "rules", path], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_firing_alert_reaches_whom_the_alertmanager_tells_until_it_is_taken_up(tmp_path: Path) -> None:
    alert = an_alert(cause="drift", subject="rooms", rule="default-drift", severity="warning")
    store = JsonStore(tmp_path / "store")
    keep(store, alert)
    with (
        Receiver() as webhook,
        start_app("ml_monitor", own_folders(tmp_path)) as monitor,
        prometheus(tmp_path, monitor.url, webhook.url) as urls,
    ):
        eventually(lambda: alerts_in(urls["prometheus"]) == [("ModelAlertWarning", "rooms")], seconds=60)
        eventually(lambda: subjects_in(urls["alertmanager"]) == ["rooms"], seconds=60)
        eventually(lambda: len(webhook.calls) > 0, seconds=60)
        told = json.loads(webhook.calls[0].body)
        assert (told["status"], told["receiver"]) == ("firing", "operators")
        (labels,) = (one["labels"] for one in told["alerts"])
        assert labels["alertname"] == "ModelAlertWarning"
        assert labels["subject"] == "rooms"
        state = acknowledge(alert.state, author="Ana", note="", time=NOON)
        change_alert(store, alert.alert_id, lambda found: found.after(state))
        eventually(lambda: alerts_in(urls["prometheus"]) == [], seconds=60)
    store.close()


@contextmanager
def prometheus(folder: Path, monitor: str, webhook: str) -> Iterator[dict[str, str]]:
    """Run the example configurations in a hurry: Prometheus, and an Alertmanager that tells ``webhook``."""
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("prometheus", "alertmanager")}
    config: dict[str, Any] = yaml.safe_load((EXAMPLES / "prometheus.example.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] == "ml-monitor"]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [monitor.removeprefix("http://")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [addresses["alertmanager"]]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    for name in config["rule_files"]:
        shutil.copy(EXAMPLES / name, folder)
    telling: dict[str, Any] = yaml.safe_load((EXAMPLES / "alertmanager.example.yml").read_text())
    telling["route"]["group_wait"] = "1s"
    telling["receivers"][0]["webhook_configs"] = [{"url": webhook}]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(telling))
    to_prometheus = [f"--config.file={path}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    to_alertmanager = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        "--cluster.listen-address=",  # alone: no gossip with others of its kind
    ]
    with (
        running([*alertmanager(), *to_alertmanager], addresses["alertmanager"], folder / "alertmanager.log"),
        running([tool("prometheus"), *to_prometheus], addresses["prometheus"], folder / "prometheus.log"),
    ):
        yield {name: f"http://{address}" for name, address in addresses.items()}


@contextmanager
def running(command: list[str], address: str, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        listening = f"--web.listen-address={address}"
        process = subprocess.Popen([*command, listening], stdout=output, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: is_ready(address) or process.poll() is not None, seconds=60)
        assert process.poll() is None, log.read_text()[-2000:]
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_ready(address: str) -> bool:
    try:
        return asked(f"http://{address}/-/ready").status_code == 200
    except requests.ConnectionError:
        return False


def asked(url: str, parameters: Mapping[str, str] | None = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment knows nothing of this machine's ports
        return session.get(url, params=parameters, timeout=10)


def alerts_in(url: str) -> list[tuple[str, str]]:
    found = asked(f"{url}/api/v1/alerts").json()["data"]["alerts"]
    return [(alert["labels"]["alertname"], alert["labels"]["subject"]) for alert in found if alert["state"] == "firing"]


def subjects_in(url: str) -> list[str]:
    return [alert["labels"]["subject"] for alert in asked(f"{url}/api/v2/alerts").json()]
