"""The servers beside which ours is measured: ``python -m benchmarks.serving_servers hello | control``.

Both are bare Flask under the very same granian flags. ``hello`` does nothing; ``control`` calls scikit-learn's
``predict`` and ``score_samples`` for each request, as the first system does. The settings in force say where.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from anomaly_api.names import MODEL
from ml_core.config import load_settings, resolve_path
from ml_core.store.opening import open_store


def hello() -> Flask:
    """Return an app with one route that does nothing."""
    app = Flask(__name__)

    @app.post("/prediction")
    def prediction() -> Response:
        return Response(b'{"is_inlier":1}', mimetype="application/json")

    return app


def control() -> Flask:
    """Return an app that asks scikit-learn twice a request."""
    estimator = load_estimator()
    app = Flask(__name__)

    @app.post("/prediction")
    def prediction() -> Response:
        body: Any = request.get_json()
        rows = [body["feature_vector"]]
        answer = {"is_inlier": int(estimator.predict(rows)[0])}
        if body["score"]:
            answer["anomaly_score"] = float(estimator.score_samples(rows)[0])
        return jsonify(answer)

    return app


def load_estimator() -> Any:
    """Return scikit-learn's forest of the champion in the store in force."""
    from ml_core.artifacts.skops_format import FILE, load_estimator

    settings = load_settings()
    store = open_store(settings.store_url.get_secret_value())
    try:
        model = store.get_model(MODEL)
        assert model is not None and model.champion is not None
        version = store.get_version(MODEL, model.champion)
        assert version is not None and version.artifact is not None
    finally:
        store.close()
    return load_estimator(Path(resolve_path(settings.artifacts_folder)) / version.artifact / FILE)


if __name__ == "__main__":
    from ml_core.web.serving import serve

    in_force = load_settings()
    serve(f"benchmarks.serving_servers:{sys.argv[1]}", "anomaly", in_force, in_force.anomaly)
