"""``python -m anomaly_api.tester``: asks the running app for predictions, so that one sees the platform at work.

As the first system's tester did: 1,000 requests in random order, three in ten of which ask for the score. What is sent
are the windows that training holds out, or the rows of a CSV file. At the default pace that takes 20 s, long enough to
see Prometheus and Grafana follow; ``--per-second 0`` asks as fast as it is answered.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd

from anomaly_api.generator import HELD_OUT_ROWS, generate_windows
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.csv_tables import read_number_table
from ml_core.errors import SuiteError
from ml_core.launcher.apps import platform_apps
from ml_core.launcher.programs import Program
from ml_core.settings import Settings
from ml_core.store.progress import ShownProgress

REQUESTS = 1_000
SCORED_SHARE = 0.3
_TIMEOUT_SECONDS = 30.0


class NotAnswered(SuiteError):
    """The app could not be asked, or refused what was sent; it is shown on a terminal only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: how long it took in seconds, and what it said."""

    seconds: float
    is_inlier: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a test came to."""

    answers: tuple[Answer, ...]
    seconds: float

    def lines(self) -> Iterator[str]:
        """Yield the summary for people."""
        count = len(self.answers)
        p50, p99 = np.quantile([answer.seconds for answer in self.answers], [0.5, 0.99]) * 1000
        anomalies = sum(answer.is_inlier < 0 for answer in self.answers)
        scores = [answer.score for answer in self.answers if answer.score is not None]
        yield f"{count:,} requests in {self.seconds:.1f} s: {count / self.seconds:,.0f} requests/s"
        yield f"latency: p50 {p50:.2f} ms, p99 {p99:.2f} ms"
        yield f"anomalies: {anomalies:,} ({anomalies / count:.2%})"
        if scores:
            yield f"scores: {len(scores):,} asked for, from {min(scores):.3f} (most anomalous) to {max(scores):.3f}"


@click.command()
@click.option("--requests", type=click.IntRange(min=1), default=REQUESTS, show_default=True, help="How many to send.")
@click.option("--all", "everything", is_flag=True, help="Send every row instead.")
@click.option("--data", type=click.Path(path_type=Path), help="CSV of numbers, a column a feature, in place of ours.")
@click.option("--per-second", type=click.FloatRange(min=0), default=50.0, show_default=True, help="Pace; 0 is none.")
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True, help="How many ask at once.")
@click.option("--seed", type=int, default=None, help="Makes the order, and who asks for scores, the same again.")
def main(
    requests: int, everything: bool, data: Path | None, per_second: float, connections: int, seed: int | None
) -> None:
    """Send shuffled rows to the running anomaly app, and sum up how it answered."""
    with plain_errors():
        settings = load_settings()
        random = np.random.default_rng(seed)
        bodies = make_bodies(read_rows(data), None if everything else requests, random)
        client = Client(settings)
        click.echo(f"asking {client.url} {len(bodies):,} times")
        for line in send(client, bodies, per_second=per_second, connections=connections).lines():
            click.echo(line)


def read_rows(data: Path | None) -> pd.DataFrame:
    """Return the rows of a file, or the windows that training holds out."""
    return generate_windows().tail(HELD_OUT_ROWS) if data is None else read_number_table(data, least_rows=1)


def make_bodies(rows: pd.DataFrame, count: int | None, random: np.random.Generator) -> list[bytes]:
    """Return ``count`` bodies (None: one a row) of shuffled rows; more than there are rows begin anew."""
    count = len(rows) if count is None else count
    values = rows.to_numpy(dtype=np.float64)
    rounds = -(-count // len(rows))
    order = np.concatenate([random.permutation(len(rows)) for _ in range(rounds)])[:count]
    is_scored = np.zeros(count, dtype=bool)
    is_scored[: round(count * SCORED_SHARE)] = True
    random.shuffle(is_scored)
    return [
        json.dumps({"feature_vector": values[row].tolist(), "score": bool(scored)}).encode()
        for row, scored in zip(order, is_scored, strict=True)
    ]


class Client:
    """Asks the app that the settings name, on a connection of its own in each thread."""

    def __init__(self, settings: Settings) -> None:
        self._app: Program = next(app for app in platform_apps(settings) if app.name == "anomaly_api")
        self._headers = {"Content-Type": "application/json"}
        if settings.auth.write_tokens:
            self._headers["Authorization"] = f"Bearer {settings.auth.write_tokens[0].get_secret_value()}"
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    @property
    def url(self) -> str:
        """The address that is asked."""
        return f"{self._app.url}prediction"

    def ask(self, body: bytes) -> Answer:
        """Send one row; raise ``NotAnswered`` if it is not answered with a prediction."""
        began = time.perf_counter()
        try:
            connection = self._connection()
            connection.request("POST", "/prediction", body, self._headers)
            with connection.getresponse() as response:
                content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswered(f"{self.url} does not answer ({error or type(error).__name__}): make run-api") from None
        seconds = time.perf_counter() - began
        if response.status != http.client.OK:
            shown = content[:300].decode("utf-8", errors="replace")
            raise NotAnswered(f"{self.url} answered {response.status} to {body.decode()}: {shown}")
        answer = json.loads(content)
        return Answer(seconds, answer["is_inlier"], answer.get("anomaly_score"))

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Not by urllib or requests: those would send the call to a proxy that the environment names.
            connection = http.client.HTTPConnection(self._app.own_host, self._app.port, timeout=_TIMEOUT_SECONDS)
            self._local.connection = connection
            self._opened.append(connection)
        return connection


def send(client: Client, bodies: Sequence[bytes], *, per_second: float = 0.0, connections: int = 4) -> Summary:
    """Send all bodies at a pace (0: as fast as they are answered), and return how they were answered.

    The first that fails ends the test: its ``NotAnswered`` is raised, and what was not sent yet is not.
    """
    began = time.perf_counter()

    def ask(number: int) -> Answer:
        if per_second:
            time.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        return client.ask(bodies[number])

    answers: list[Answer] = []
    with _shown_progress() as progress, ThreadPoolExecutor(connections) as threads:
        asked = [threads.submit(ask, number) for number in range(len(bodies))]
        try:
            for future in as_completed(asked):
                answers.append(future.result())
                progress("requests", len(answers), len(bodies))
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
            client.close()
    return Summary(tuple(answers), time.perf_counter() - began)


@contextmanager
def _shown_progress() -> Iterator[ShownProgress]:
    progress = ShownProgress(sys.stderr)
    try:
        yield progress
    finally:
        progress.close()


if __name__ == "__main__":
    main(prog_name="python -m anomaly_api.tester")
