"""From an instance's memory to a mail with a plot, on moto's server; and the first system's clients, call by call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
import requests
from moto.server import ThreadedMotoServer

from cloudwatch_engine.generated import GeneratedInstance, generated_queries
from ml_core.config import project_root
from tests.processes import RunningApp, eventually, own_folders, start_app
from tests.receivers import MailServer

INSTANCE = "i-0123456789abcdef0"
STEP = timedelta(minutes=5)
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "a-test",
    "AWS_SECRET_ACCESS_KEY": "a-test",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class World:
    """A cloud, an engine that watches one instance of it, and a mail server."""

    app: RunningApp
    environment: dict[str, str]
    folder: Path
    mail: MailServer
    cpu: dict[datetime, float]

    def run(self, *arguments: str, **variables: str) -> str:
        """Run a command of the engine; fail with what it said if it fails."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ML_", "AWS_"))}
        result = subprocess.run(
            [sys.executable, "-m", "cloudwatch_engine", *arguments],
            env={**inherited, **self.environment, **variables},
            cwd=project_root(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the engine as a script does."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.app.url}{path}", timeout=120, **more)

    def send(self, method: str, path: str, content: bytes) -> requests.Response:
        """Send a data set as the first system's scripts do: as the form's field ``file``."""
        return self.call(method, path, files={"file": ("metrics.json", content)})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The cloud has three days of CPU and network; the instance pushes its memory by our own command."""
    folder: Path = tmp_path_factory.mktemp("cloudwatch")
    cloud = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    cloud.start()
    host, port = cloud.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    cpu = fill(endpoint)
    mail = MailServer()
    environment = {
        **own_folders(folder),
        **CREDENTIALS,
        "ML_CLOUDWATCH__SOURCE": "aws",
        "ML_CLOUDWATCH__ENDPOINT_URL": endpoint,
        "ML_CLOUDWATCH__REGION": "eu-west-1",
        "ML_CLOUDWATCH__HISTORY_DAYS": "3",
        "ML_CLOUDWATCH__HORIZON_STEPS": "12",
        "ML_CLOUDWATCH__DELAY_PERIODS": "0",
        "ML_MAIL__HOST": "127.0.0.1",
        "ML_MAIL__PORT": str(mail.port),
        "ML_MAIL__SECURITY": "none",
        "ML_MAIL__SENDER": "engine@monitor.example",
        "ML_MAIL__RECIPIENTS": "team@monitor.example",
    }
    try:
        with mail, start_app("cloudwatch_engine", environment) as app:
            made = World(app, environment, folder, mail, cpu)
            made.run("push-memory", "--instance-id", INSTANCE)
            made.run("fetch")
            made.run(
                "train", "--instance", INSTANCE, "--model", "naive", "--model", "seasonal_naive", "--model", "ridge"
            )
            yield made
    finally:
        cloud.stop()


def fill(endpoint: str) -> dict[datetime, float]:
    """Put the generated instance's metrics into the cloud, under the name of a real one; return its CPU."""
    client = boto3.client(
        "cloudwatch",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="a-test",
        aws_secret_access_key="a-test",
    )
    now = datetime.now(UTC)
    end = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
    queries = [query for query in generated_queries() if query.metric != "MemoryUtilization"]
    points = GeneratedInstance(300).read(queries, end - timedelta(days=3), end).points
    for query in queries:
        data = [
            {
                "MetricName": query.known.name,
                "Dimensions": [{"Name": "InstanceId", "Value": INSTANCE}],
                "Timestamp": time,
                "Value": value,
            }
            for time, value in points[query.query_id].items()
        ]
        client.put_metric_data(Namespace="AWS/EC2", MetricData=data)
    client.close()
    return dict(points["cpuutilization"])


def test_the_metrics_of_the_cloud_come_into_the_old_table(world: World) -> None:
    header, *rows = (world.folder / "cloudwatch" / "data.csv").read_text().splitlines()
    assert header.split(",")[1:] == [
        "AWS/EC2 NetworkIn",
        "AWS/EC2 NetworkOut",
        "System/Linux MemoryUtilization",
        "AWS/EC2 CPUUtilization",
    ]
    assert abs(len(rows) - len(world.cpu)) <= 1


def test_the_forecast_of_the_best_model_is_served(world: World) -> None:
    answer = world.call("GET", "/predictions").json()
    assert (answer["instance"], answer["is_stale"]) == (INSTANCE, False)
    assert len(answer["steps"]) == 12
    assert len(answer["prediction"]) == 6
    models = world.call("GET", "/compare").json()["models"]
    assert {model["name"] for model in models} == {"naive", "seasonal_naive", "ridge"}
    assert models[0]["name"] == answer["forecaster"]
    errors = [model["scores"]["mean_absolute_error"] for model in models]
    assert errors == sorted(errors)


def test_the_report_arrives_with_a_plot_and_the_scores(world: World) -> None:
    assert world.run("report", "--now") == "sent to team@monitor.example\n"
    mail = world.mail.mails[-1]
    text = mail.get_body(("plain",))
    assert text is not None
    assert INSTANCE in text.get_content()
    assert text.get_content().count("MAE") == 3
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    assert picture.get_content().startswith(b"\x89PNG")


def test_memory_that_the_instance_has_pushed_is_fetched(world: World) -> None:
    # Its point is of the present period, which a fetch leaves to settle, so its clock is five minutes ahead.
    world.run("fetch", ML_CLOCK_OFFSET="PT5M")
    rows = (world.folder / "cloudwatch" / "data.csv").read_text().splitlines()
    memory = [row.split(",")[3] for row in rows[1:]]
    assert [0 < float(value) < 100 for value in memory if value] == [True]


def the_json_of_the_aws_cli(world: World) -> bytes:
    result = {
        "Id": "cpu",
        "Label": "CPUUtilization",
        "Timestamps": [time.isoformat() for time in reversed(world.cpu)],  # newest first, as it comes by default
        "Values": list(reversed(world.cpu.values())),
        "StatusCode": "Complete",
    }
    return json.dumps({"MetricDataResults": [result], "Messages": []}, indent=4).encode()


def test_a_client_of_the_first_system_finds_everything_where_it_was(world: World) -> None:
    """Each call as its scripts make it, and what they read of the answer."""
    file = the_json_of_the_aws_cli(world)

    compared = world.call("GET", "/compare").json()  # show_metric_api.py, compare
    shown = [(value - 0.5) * 100 for value in compared["true"]]
    assert len(shown) == len(compared["predict"])
    assert min(abs(shown[-1] - value) for value in world.cpu.values()) < 1e-6

    for method in ("GET", "POST"):
        history = world.call(method, "/history?model=ridge").json()
        for name in ("loss", "mean_absolute_error", "mean_absolute_percentage_error"):
            assert isinstance(history[name], list)
        assert len(history["mean_absolute_error"]) == 1

    prediction = world.call("GET", "/predictions").json()["prediction"]  # curl -X GET <ip>:<port>/predictions
    assert len(prediction) == 6
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in prediction)
    for method in ("GET", "POST"):
        prediction = world.send(method, "/predictions", file).json()["prediction"]  # predict_api.py
        assert all(0 <= value <= 1 for value in prediction)
        errors = world.send(method, "/evaluate?model=ridge", file).json()  # validate_api.py
        assert 0 < errors["mse"] < errors["mae"] < 1
        assert errors["mape"] > 0

    table = (world.folder / "cloudwatch" / "data.csv").read_bytes()
    assert world.send("POST", "/evaluate?model=naive", table).json()["mape"] > 0


def test_training_on_a_file_is_a_job_that_can_be_watched(world: World) -> None:
    table = "\n".join(["timestamp,value", *(f"{time.isoformat()},{value}" for time, value in world.cpu.items())])
    response = world.send("POST", "/train?instance=i-sent&model=naive,ridge", table.encode())
    assert response.status_code == 202
    address = response.headers["Location"]
    eventually(lambda: world.call("GET", address).json()["state"] not in ("queued", "running"), seconds=60)
    job = world.call("GET", address).json()
    assert job["state"] == "done", job["message"]
    assert job["result"]["instances"]["i-sent"]["version"] == 1
    assert world.call("GET", "/predictions?instance=i-sent").json()["forecaster"] in ("naive", "ridge")


def test_the_old_files_say_what_the_old_addresses_say(world: World) -> None:
    world.run("train", "--instance", INSTANCE, "--model", "naive")
    kept = orjson.loads((world.folder / "cloudwatch" / "predictions.json").read_bytes())
    assert kept == {"prediction": world.call("GET", f"/predictions?instance={INSTANCE}").json()["prediction"]}
    history = orjson.loads((world.folder / "cloudwatch" / "results.json").read_bytes())["history"]
    assert set(history) == {"loss", "mean_absolute_error", "mean_absolute_percentage_error"}
