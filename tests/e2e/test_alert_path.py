"""From a prediction to an alert and back: HTTP, a real cron, mail with a plot, a signed webhook, a real Prometheus."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from ml_core.clock import Clock, format_time
from ml_core.config import project_root
from ml_core.webhook import is_signed
from tests.e2e.cron import every_minute
from tests.integration.test_prometheus import alerts_in, prometheus
from tests.processes import eventually, own_folders, start_app
from tests.receivers import MailServer, Receiver
from tests.worlds import World

SECRET = "only-for-tests"
TODAY = Clock().now().replace(hour=0, minute=0, second=0, microsecond=0)
CHECK = f"{sys.executable} -m ml_monitor check"
LONGEST_SECONDS = 150  # cron begins at a full minute


@dataclass
class Suite:
    """A running monitor, and who is told by it."""

    url: str
    folder: Path
    environment: dict[str, str]
    mail: MailServer
    webhook: Receiver

    def post(self, path: str, body: Any, **more: Any) -> Any:
        answer = requests.post(f"{self.url}{path}", json=body, timeout=30, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def record(self, days_ago: int, world: World) -> None:
        """Post a day of predictions and their truths."""
        start = TODAY - timedelta(days=days_ago)
        rows = world.draw(300).to_dict("records")
        times = [start + number * timedelta(minutes=4) for number in range(len(rows))]
        predictions = [self._prediction(days_ago, number, row, times[number]) for number, row in enumerate(rows)]
        assert self.post("/predictions", {"model": "fraud", "predictions": predictions})["accepted"] == 300
        truths = [{"prediction_id": f"{days_ago}-{number}", "value": row["truth"]} for number, row in enumerate(rows)]
        assert self.post("/ground-truth", {"model": "fraud", "ground_truths": truths})["accepted"] == 300

    def _prediction(self, days_ago: int, number: int, row: dict[Any, Any], time: datetime) -> dict[str, Any]:
        features = {name: row[name] for name in ("amount", "age", "country")}
        return {
            "prediction_id": f"{days_ago}-{number}",
            "time": format_time(time),
            "features": features,
            "value": row["value"],
            "score": row["score"],
        }

    def alert(self, subject: str) -> dict[str, Any] | None:
        alerts = self.get("/alerts?model=fraud")["alerts"]
        return next((alert for alert in alerts if (alert["cause"], alert["subject"]) == ("performance", subject)), None)

    def is_in_state(self, subject: str, state: str) -> bool:
        alert = self.alert(subject)
        return alert is not None and alert["state"] == state


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    with MailServer() as mail, Receiver() as webhook:
        environment = own_folders(tmp_path) | {
            "ML_MAIL__HOST": "127.0.0.1",
            "ML_MAIL__PORT": str(mail.port),
            "ML_MAIL__SECURITY": "none",
            "ML_MAIL__SENDER": "suite@example.org",
            "ML_MAIL__RECIPIENTS": "ops@example.org",
            "ML_WEBHOOK__URL": webhook.url,
            "ML_WEBHOOK__SECRET": SECRET,
        }
        with start_app("ml_monitor", environment) as app:
            yield Suite(app.url, tmp_path, environment, mail, webhook)


def test_a_model_that_turns_wrong_is_told_of_acknowledged_and_resolved(suite: Suite) -> None:
    suite.post("/models", {"name": "fraud", "task": "binary", "headline_metric": "roc_auc"})
    reference = World(seed=99).draw(3000).to_csv(index=False)
    put = requests.put(
        f"{suite.url}/models/fraud/reference", data=reference, headers={"Content-Type": "text/csv"}, timeout=30
    )
    assert put.status_code == 201, put.text
    # The newest prediction is days old, and an ingest that has failed would make everything else no news.
    rule = {"watches": "ingest", "enabled": False}
    assert requests.put(f"{suite.url}/alert-rules/default-ingest", json=rule, timeout=30).status_code == 200
    for days_ago in (8, 7):
        suite.record(days_ago, World(seed=days_ago))
    for days_ago in (6, 5):
        suite.record(days_ago, World(seed=days_ago, swapped=True))

    with every_minute(suite.folder, f"cd {project_root()} && {CHECK}", suite.environment) as output:
        eventually(lambda: suite.is_in_state("roc_auc", "firing"), LONGEST_SECONDS)
        eventually(lambda: bool(suite.mail.mails and suite.webhook.calls))
    assert "chunks evaluated" in output.read_text()

    mail = next(mail for mail in suite.mail.mails if "performance" in mail["Subject"])
    assert "fraud" in mail["Subject"]
    (picture, *_) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    call = next(call for call in suite.webhook.calls if b"roc_auc" in call.body)
    assert orjson.loads(call.body)["model"] == "fraud"
    timestamp = int(call.headers["x-ml-timestamp"])
    assert is_signed(SECRET, timestamp, call.body, call.headers["x-ml-signature"])

    with Receiver() as listener, prometheus(suite.folder, suite.url, listener.url) as urls:
        eventually(lambda: ("ModelAlertCritical", "roc_auc") in alerts_in(urls["prometheus"]), 60)

    alert = suite.alert("roc_auc")
    assert alert is not None
    suite.post(f"/alerts/{alert['alert_id']}/acknowledgements", {"author": "Ada", "note": "the label was turned round"})
    assert suite.is_in_state("roc_auc", "acknowledged")

    for days_ago in (4, 3):
        suite.record(days_ago, World(seed=days_ago))
    told = len(suite.mail.mails)
    result = subprocess.run(
        [sys.executable, "-m", "ml_monitor", "check", "--model", "fraud"],
        env=suite.environment,
        cwd=project_root(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert suite.is_in_state("roc_auc", "resolved")
    assert any("resolved" in mail["Subject"] for mail in suite.mail.mails[told:])
