"""The first whole path, as a new user goes it: start, ask, predict, look, train anew, stop."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser

from ml_core.config import project_root
from tests.processes import MOST_RESIDENT_MB, eventually

PAYMENT = {"accountAgeDays": 1, "numItems": 4, "localTime": 9.5, "paymentMethodAgeDays": 0}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Platform:
    """The launcher's command line, on folders and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ML_")} | {
            "ML_STORE_URL": f"json:///{folder / 'store'}",
            "ML_ARTIFACTS_FOLDER": str(folder / "artifacts"),
            "ML_RUN_FOLDER": str(folder / "run"),
            "ML_LOG_FOLDER": str(folder / "log"),
            "ML_MONITOR__PORT": str(free_port()),
            "ML_MODELS__PORT": str(free_port()),
            "ML_ANOMALY__PORT": str(free_port()),
            "ML_CLOUDWATCH__PORT": str(free_port()),
            "ML_CLOUDWATCH__FOLDER": str(folder / "cloudwatch"),
            "ML_CLOUDWATCH__SCHEDULE": "false",
            "ML_JOBS__SCHEDULE": "false",
            # They have a test of their own.
            "ML_PROMETHEUS__ENABLED": "false",
            "ML_ALERTMANAGER__ENABLED": "false",
        }
        self.monitor = f"http://localhost:{self.environment['ML_MONITOR__PORT']}"
        self.models = f"http://localhost:{self.environment['ML_MODELS__PORT']}"
        self.anomaly = f"http://localhost:{self.environment['ML_ANOMALY__PORT']}"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment | environment, cwd=project_root(), timeout=180
        )

    def processes(self) -> dict[int, str]:
        """Return every process that was started with this platform's store, whoever started it."""
        marker = f"ML_STORE_URL={self.environment['ML_STORE_URL']}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if marker in (entry / "environ").read_bytes():
                        found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # it ended meanwhile, or is another user's
        return found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    started = Platform(tmp_path_factory.mktemp("platform"))
    result = started.run("ml_core.launcher", "start")
    assert result.returncode == 0, result.stdout + result.stderr
    started.output = result.stdout  # type: ignore[attr-defined]
    yield started
    started.run("ml_core.launcher", "stop")


def predict(platform: Platform, **features: float) -> Any:
    answer = requests.post(
        f"{platform.models}/models/model2/predictions", json={"features": PAYMENT | features}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_starting_prints_the_addresses_with_the_dashboard_first(platform: Platform) -> None:
    addresses = re.findall(r"http://\S+", platform.output)  # type: ignore[attr-defined]
    ports = [address.rstrip("/").rsplit(":", 1)[1] for address in addresses]
    sections = ("MONITOR", "MODELS", "CLOUDWATCH", "ANOMALY")
    assert ports == [platform.environment[f"ML_{section}__PORT"] for section in sections]


def test_starting_again_changes_nothing(platform: Platform) -> None:
    before = platform.processes()
    result = platform.run("ml_core.launcher", "start")
    assert result.returncode == 0
    assert platform.processes() == before
    versions = requests.get(f"{platform.models}/models/model1/versions", timeout=10).json()["versions"]
    assert len(versions) == 1


def test_both_apps_answer_the_seeds_questions_alike(platform: Platform) -> None:
    answers = [requests.get(f"{address}/models", timeout=10).json() for address in (platform.monitor, platform.models)]
    assert answers[0] == answers[1]
    assert list(answers[0]["data"]) == ["anomaly_detector", "model1", "model2"]
    metrics = [
        requests.get(f"{address}/performance-metrics", {"modelId": "model1"}, timeout=10).json()["data"]
        for address in (platform.monitor, platform.models)
    ]
    assert metrics[0] == metrics[1] == answers[0]["data"]["model1"]["metrics"]


def test_the_monitor_stays_small_after_its_first_page(platform: Platform) -> None:
    assert requests.get(f"{platform.monitor}/", timeout=10).status_code == 200
    sizes = {}
    for pid, command in platform.processes().items():
        if "ml_monitor" in command:
            status = Path(f"/proc/{pid}/status").read_text()
            match = re.search(r"VmRSS:\s+(\d+) kB", status)
            assert match
            sizes[pid] = int(match[1]) / 1024
    assert sizes
    assert max(sizes.values()) <= MOST_RESIDENT_MB, sizes


def predictions_shown(platform: Platform, model: str) -> int:
    """Return how many predictions of the last day a model's page counts."""
    address = f"{platform.monitor}/ui/models/{model}/predictions"
    page = requests.get(address, {"format": "json", "range": "24h"}, timeout=10).json()
    total: int = page["volume"]["total"]
    return total


def test_a_prediction_is_counted_on_the_dashboard(platform: Platform, browser: Browser) -> None:
    url = f"{platform.monitor}/"
    page = browser.new_page()
    page.goto(url)
    assert "ML-Monitor" in page.title()
    before = predictions_shown(platform, "payment_fraud")
    answers = [predict(platform) for _ in range(3)]
    after = predictions_shown(platform, "payment_fraud")
    assert after - before == 3
    page.goto(f"{url}ui/models/model2/predictions")
    assert re.search(rf"(?<!\d){after}(?!\d)", page.get_by_role("main").inner_text())
    page.goto(f"{url}ui/models/model2")
    assert page.get_by_text("Payment Fraud Detection").first.is_visible()
    page.close()
    truth = {"prediction_id": answers[0]["predictions"][0]["prediction_id"], "value": 1}
    receipt = requests.post(
        f"{platform.monitor}/ground-truth", json={"model": "model2", "ground_truths": [truth]}, timeout=10
    ).json()
    assert receipt == {"accepted": 1, "duplicates": 0, "spooled": 0, "rejected": []}


def test_an_anomaly_is_answered_explained_and_shown_on_the_dashboard(platform: Platform, browser: Browser) -> None:
    question = {"feature_vector": [9000, 5000], "score": True, "explain": True}
    answer = requests.post(f"{platform.anomaly}/prediction", json=question, timeout=30).json()
    assert answer["is_inlier"] == -1
    assert answer["anomaly_score"] < -0.8
    assert set(answer["explanation"]["contributions"]) == {"mean", "sd"}

    eventually(lambda: predictions_shown(platform, "anomaly_detector") == 1)
    page = browser.new_page()
    page.goto(f"{platform.monitor}/ui/models/anomaly_detector")
    assert page.get_by_text("Anomaly Detection").first.is_visible()
    page.close()


def test_a_version_trained_by_the_script_is_served_without_a_restart(platform: Platform) -> None:
    before = predict(platform)["version"]
    result = subprocess.run(
        [sys.executable, "run_model.py"],
        cwd=project_root() / "ml_models",
        env=platform.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert predict(platform)["version"] == before + 1
    requests.post(f"{platform.models}/models/model2/rollbacks", timeout=10)
    assert predict(platform)["version"] == before


def test_the_dashboard_reads_the_store_and_not_the_other_app(platform: Platform, tmp_path: Path) -> None:
    alone = Platform(tmp_path)
    alone.environment["ML_STORE_URL"] = platform.environment["ML_STORE_URL"] + "/"  # told apart by its spelling
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=project_root() / "ml_monitor", env=alone.environment, stderr=subprocess.DEVNULL
    )
    try:
        session = requests.Session()
        session.mount(
            "http://", requests.adapters.HTTPAdapter(max_retries=requests.adapters.Retry(8, backoff_factor=0.2))
        )
        with session:
            answer = session.get(f"{alone.monitor}/models", timeout=10).json()
        assert answer["success"] is True
        assert "model1" in answer["data"]
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_every_app_refuses_to_listen_beyond_this_machine_without_tokens(tmp_path: Path) -> None:
    alone = Platform(tmp_path)
    for package, variable in (
        ("ml_monitor", "ML_MONITOR__HOST"),
        ("ml_models", "ML_MODELS__HOST"),
        ("anomaly_api", "ML_ANOMALY__HOST"),
    ):
        result = alone.run(package, "serve", **{variable: "0.0.0.0"})
        assert result.returncode == 1
        assert len(result.stderr.strip().splitlines()) == 1
        assert "ML_AUTH__READ_TOKENS" in result.stderr


def test_a_port_in_use_is_told_in_one_line_and_nothing_is_started(tmp_path: Path) -> None:
    alone = Platform(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(alone.environment["ML_MODELS__PORT"])))
        taken.listen()
        result = alone.run("ml_core.launcher", "start")
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "ML_MODELS__PORT" in result.stderr
    assert alone.processes() == {}


def test_a_store_that_cannot_be_written_is_told_in_one_line_and_nothing_is_started(tmp_path: Path) -> None:
    alone = Platform(tmp_path)
    (tmp_path / "store").write_text("a file")
    result = alone.run("ml_core.launcher", "start")
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert alone.processes() == {}


def test_an_unknown_setting_is_told_by_its_name(tmp_path: Path) -> None:
    result = Platform(tmp_path).run("ml_core.launcher", "start", ML_MONITR__PORT="1")
    assert result.returncode == 1
    assert "ML_MONITR__PORT: there is no setting monitr" in result.stderr


def test_stopping_leaves_no_process(platform: Platform) -> None:
    predict(platform)
    assert len(platform.processes()) >= 4  # two servers, and the worker that holds the model
    result = platform.run("ml_core.launcher", "stop")
    assert result.returncode == 0, result.stderr
    assert platform.processes() == {}
    assert platform.run("ml_core.launcher", "stop").returncode == 0
