"""The monitor sees what the anomaly app has logged: it judges the drift of inputs, scores and labels."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from anomaly_api.app import create_app
from anomaly_api.generator import generate_windows
from anomaly_api.train import run
from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app as create_monitor
from ml_monitor.check import check
from tests.factories import NOON
from tests.processes import own_folders


@pytest.mark.parametrize(("factor", "drifted"), [(1.0, False), (4.0, True)])
def test_windows_that_have_changed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float, drifted: bool
) -> None:
    for name, value in own_folders(tmp_path).items():
        monkeypatch.setenv(name, value)
    windows = generate_windows(3_000)
    windows.to_csv(tmp_path / "windows.csv", index=False)
    store = JsonStore(tmp_path / "store")
    run(Registry(store, tmp_path / "artifacts", FixedClock(NOON)), tmp_path / "windows.csv")
    app = create_app(Settings(artifacts_folder=str(tmp_path / "artifacts")), store, FixedClock(NOON))
    rows = (generate_windows(1_000, seed=2).to_numpy() * np.array([factor, 1.0])).tolist()
    assert app.test_client().post("/predictions", json={"feature_vectors": rows}).status_code == 200
    app.extensions["predictor"].close()

    result = CliRunner().invoke(check, ["--as-of", format_time(NOON + timedelta(days=1))])
    assert result.exit_code == 0, result.output
    settings = Settings(artifacts_folder=str(tmp_path / "artifacts"))
    client = create_monitor(settings, store, FixedClock(NOON + timedelta(days=1))).test_client()
    (chunk,) = client.get("/models/anomaly_detector/drift").get_json()["chunks"]
    p_values = {each["column"]: each["p_value"] for each in chunk["metrics"] if each["p_value"] is not None}
    assert {"mean", "sd", "value", "score"} <= set(p_values)
    assert (p_values["mean"] < 1e-6) == drifted
    assert p_values["sd"] > 1e-6
    store.close()
