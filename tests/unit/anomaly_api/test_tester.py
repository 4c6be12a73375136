"""The tester, against a small app of its own; that the real one answers it is shown end to end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from anomaly_api.generator import HELD_OUT_ROWS, TRAINING_ROWS, generate_windows
from anomaly_api.tester import Answer, Client, NotAnswered, Summary, main, make_bodies, read_rows, send
from ml_core.processes import free_port
from ml_core.settings import AnomalySettings, AuthSettings, Settings


class App:
    """Answers like the anomaly app: a mean above 1,000 is an anomaly. It keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.status = 200
        self.threads: set[int] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.tokens.add(self.headers["Authorization"])
                outer.threads.add(threading.get_ident())
                answer: dict[str, Any] = {"is_inlier": -1 if body["feature_vector"][0] > 1000 else 1}
                if body["score"]:
                    answer["anomaly_score"] = -0.4
                content = json.dumps(answer if outer.status == 200 else {"detail": "no"}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Tests read what was asked."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def settings(self) -> Settings:
        return Settings(anomaly=AnomalySettings(port=self.server.server_port))


@contextmanager
def running(app: App) -> Iterator[App]:
    thread = threading.Thread(target=app.server.serve_forever)
    thread.start()
    try:
        yield app
    finally:
        app.server.shutdown()
        thread.join()
        app.server.server_close()


ROWS = pd.DataFrame({"mean": [float(number) for number in range(10)], "sd": [1.0] * 10})


def vectors(bodies: list[bytes]) -> list[float]:
    return [json.loads(body)["feature_vector"][0] for body in bodies]


def test_rows_are_shuffled_each_once_and_three_in_ten_ask_for_the_score() -> None:
    bodies = make_bodies(ROWS, None, np.random.default_rng(1))
    assert sorted(vectors(bodies)) == list(ROWS["mean"])
    assert vectors(bodies) != list(ROWS["mean"])
    assert sum(json.loads(body)["score"] for body in bodies) == 3
    assert bodies != make_bodies(ROWS, None, np.random.default_rng(2))
    assert bodies == make_bodies(ROWS, None, np.random.default_rng(1))


@pytest.mark.parametrize("count", [1, 10, 25])
def test_as_many_are_sent_as_were_asked_for_none_twice_before_all_were_sent(count: int) -> None:
    sent = vectors(make_bodies(ROWS, count, np.random.default_rng(1)))
    assert len(sent) == count
    assert len(set(sent)) == min(count, 10)
    counts = [sent.count(value) for value in set(sent)]
    assert max(counts) - min(counts) <= 1


def test_without_a_file_the_windows_are_those_that_training_holds_out() -> None:
    rows = read_rows(None)
    assert len(rows) == HELD_OUT_ROWS
    assert rows.equals(generate_windows().iloc[TRAINING_ROWS:])


def test_all_are_answered_and_the_anomalies_counted() -> None:
    rows = pd.DataFrame({"mean": [5.0] * 18 + [2000.0] * 2, "sd": [1.0] * 20})
    with running(App()) as app:
        summary = send(Client(app.settings), make_bodies(rows, None, np.random.default_rng(1)), connections=3)
    assert len(app.asked) == len(summary.answers) == 20
    assert sum(answer.is_inlier for answer in summary.answers) == 18 - 2
    assert sum(answer.score is not None for answer in summary.answers) == 6
    assert len(app.threads) <= 3  # a thread of the server for each connection, which is kept
    assert app.tokens == {None}


def test_a_pace_is_kept() -> None:
    with running(App()) as app:
        began = time.monotonic()
        send(Client(app.settings), make_bodies(ROWS, 10, np.random.default_rng(1)), per_second=50)
        assert time.monotonic() - began >= 9 / 50  # the first is sent at once


def test_where_the_app_wants_a_token_it_is_sent() -> None:
    with running(App()) as app:
        settings = app.settings.model_copy(update={"auth": AuthSettings(write_tokens=("writes",))})
        send(Client(settings), make_bodies(ROWS, 2, np.random.default_rng(1)))
    assert app.tokens == {"Bearer writes"}


def test_a_refusal_is_told_with_what_was_sent_and_ends_the_test() -> None:
    with running(App()) as app:
        app.status = 422
        with pytest.raises(NotAnswered, match=r'answered 422 to {"feature_vector": .*"detail": "no"'):
            send(Client(app.settings), make_bodies(ROWS, 1000, np.random.default_rng(1)), connections=1)
    assert len(app.asked) < 1000


def test_an_app_that_does_not_run_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("ML_ANOMALY__PORT", str(port))
    result = CliRunner().invoke(main, ["--requests", "3"])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: http://127.0.0.1:{port}/prediction does not answer (")
    assert line.endswith("make run-api")


def test_the_command_sends_the_rows_of_a_file_and_sums_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "windows.csv"
    path.write_text("mean,sd\n5,1\n6,1\n2000,1\n")
    with running(App()) as app:
        monkeypatch.setenv("ML_ANOMALY__PORT", str(app.server.server_port))
        result = CliRunner().invoke(main, ["--all", "--data", str(path), "--per-second", "0"])
    assert result.exit_code == 0, result.output
    assert "asking" in result.stdout
    assert "3 requests in " in result.stdout
    assert "anomalies: 1 (33.33%)" in result.stdout
    assert sorted(body["feature_vector"][0] for body in app.asked) == [5.0, 6.0, 2000.0]


def test_a_summary_tells_quantiles_of_the_time_and_the_range_of_scores() -> None:
    answers = tuple(Answer(number / 1000, 1, -0.4 if number % 2 else None) for number in range(1, 101))
    assert list(Summary(answers, 2.0).lines()) == [
        "100 requests in 2.0 s: 50 requests/s",
        "latency: p50 50.50 ms, p99 99.01 ms",
        "anomalies: 0 (0.00%)",
        "scores: 50 asked for, from -0.400 (most anomalous) to -0.400",
    ]
