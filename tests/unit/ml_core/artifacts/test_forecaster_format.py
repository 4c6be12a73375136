"""Forecasters on disk: plain arrays, read without pickle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_core.artifacts import forecaster_format
from ml_core.artifacts.folders import load_artifact, save_artifact
from ml_core.errors import ArtifactError
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.catalogue import make_forecaster
from ml_core.timeseries.series import Series

HISTORY = Series(
    datetime(2026, 11, 1, tzinfo=UTC),
    timedelta(minutes=5),
    50 + 20 * np.sin(np.arange(1200) * 2 * np.pi / 288) + np.random.default_rng(3).normal(size=1200),
)
ERRORS = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.25]])
REFERENCE = pd.DataFrame({"value": [1.0], "truth": [2.0]})


def fitted(name: str) -> Forecaster:
    forecaster = make_forecaster(name, horizon=3)
    forecaster.fit(HISTORY)
    return forecaster


def tried(forecaster: Forecaster) -> forecaster_format.TriedForecaster:
    return forecaster_format.TriedForecaster(forecaster, ERRORS)


@pytest.mark.parametrize("name", ["naive", "ridge"])
def test_a_forecaster_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    forecaster = fitted(name)
    saved = save_artifact(tmp_path, "cpu-i-1", "first", "forecaster", tried(forecaster), REFERENCE)
    loaded = load_artifact(tmp_path / saved.path, saved.sha256)
    assert isinstance(loaded, forecaster_format.ForecasterPredictor)
    assert loaded.errors.tolist() == ERRORS.tolist()
    assert loaded.forecaster.forecast(HISTORY).point.tolist() == forecaster.forecast(HISTORY).point.tolist()


def test_each_row_is_answered_with_what_was_to_be_expected_after_it(tmp_path: Path) -> None:
    path = tmp_path / "forecaster.npz"
    forecaster_format.save(tried(fitted("naive")), path)
    outputs = forecaster_format.load(path).predict(pd.DataFrame({"value": [1.0, 4.0, 2.0]}))
    assert list(outputs.values) == [1.0, 4.0, 2.0]


def test_a_file_that_is_none_or_of_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forecaster.npz"
    path.write_bytes(b"no arrays")
    with pytest.raises(ArtifactError, match="cannot be read by NumPy"):
        forecaster_format.load(path)
    np.savez(path, __name__=np.array("oracle"), __horizon__=np.array(3))
    with pytest.raises(ArtifactError, match="cannot be read by NumPy"):  # its errors are gone
        forecaster_format.load(path)
    np.save(tmp_path / "errors.npy", ERRORS)
    with pytest.raises(ArtifactError, match=r"expected one of .*: train anew"):
        forecaster_format.load(path)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forecaster.npz"
    np.savez(path, __name__=np.array([{"a": "pickle"}], dtype=object), __horizon__=np.array(3))
    with pytest.raises(ArtifactError, match="cannot be read by NumPy"):
        forecaster_format.load(path)
