"""A body of a thousand rows with scores, against JSON, scikit-learn's two calls and JSON again.

CPU is compared, so the rows a core answers. Ours is the whole WSGI call of the app, in the thread that answers; what
writing the rows to the log takes beside it, which the control does not do, is told as a figure of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_api.app import create_app
from anomaly_api.generator import generate_windows
from anomaly_api.train import run
from benchmarks.figures import Figure, Sizes, in_turns, progress
from ml_core.artifacts.skops_format import FILE, load_estimator
from ml_core.clock import Clock
from ml_core.registry import Registry
from ml_core.settings import AnomalySettings, Settings
from ml_core.store.json_store import JsonStore

_LEAST = 10.0


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield how many times the rows of the control a core answers, and answers and logs."""
    progress("batches: training")
    store = JsonStore(folder / "store")
    registry = Registry(store, folder / "artifacts", Clock())
    version = run(registry)
    estimator = load_estimator(registry.artifact_folder(version) / FILE)
    rows = generate_windows(sizes.rows_per_body, seed=5).to_numpy().tolist()
    body = json.dumps({"feature_vectors": rows, "score": True}).encode()

    def control() -> bytes:
        vectors = json.loads(body)["feature_vectors"]
        labels, scores = estimator.predict(vectors), estimator.score_samples(vectors)
        return json.dumps({"is_inlier": labels.tolist(), "anomaly_score": scores.tolist()}).encode()

    for mode, name, least in (("batched", "answered", _LEAST), ("sync", "answered and logged", None)):
        progress(f"batches: {name}")
        settings = Settings(
            artifacts_folder=str(folder / "artifacts"),
            anomaly=AnomalySettings.model_validate({"log_mode": mode}),
            log_level="WARNING",
        )
        app = create_app(settings, store)
        ask = _asker(app, body)
        expected = json.loads(control())
        assert {name: json.loads(ask())[name] for name in expected} == expected
        pairs = in_turns(sizes.rounds, _cpu_of(ask, sizes.bodies), _cpu_of(control, max(1, sizes.bodies // 10)))
        app.extensions["predictor"].close()
        times = [control / mine for mine, control in zip(pairs.mine, pairs.control, strict=True)]
        yield Figure(
            f"rows a core has {name}, {sizes.rows_per_body:,} a body, ours / json and scikit-learn's two calls",
            f"{np.median(times):.1f} [{min(times):.1f} to {max(times):.1f} in {len(times)} rounds, "
            f"{np.median(pairs.mine) * 1e3:.2f} ms a body against {np.median(pairs.control) * 1e3:.2f} ms]",
            "nothing, for the control logs none" if least is None else f"at least {least:g}",
            least is None or float(np.median(times)) >= least,
        )
    store.close()


def _asker(app: Any, body: bytes) -> Callable[[], bytes]:
    def ask() -> bytes:
        environ = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/predictions",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8080",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
        }
        return b"".join(app(environ, lambda status, headers, error=None: None))

    return ask


def _cpu_of(work: Callable[[], object], times: int) -> Callable[[int], float]:
    """Return what measures the CPU of this thread that one call takes, on average."""

    def measure(number: int) -> float:
        began = time.thread_time()
        for _ in range(times):
            work()
        return (time.thread_time() - began) / times

    return measure
