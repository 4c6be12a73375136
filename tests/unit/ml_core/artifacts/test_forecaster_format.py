"""Forecasters on disk: plain arrays, read without pickle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_core.artifacts import forecaster_format
from ml_core.artifacts.folders import load_artifact, save_artifact
from ml_core.artifacts.forecaster_format import FILE, TriedForecasters
from ml_core.errors import ArtifactError
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.catalogue import make_forecaster
from ml_core.timeseries.series import Series

HISTORY = Series(
    datetime(2026, 11, 1, tzinfo=UTC),
    timedelta(minutes=5),
    50 + 20 * np.sin(np.arange(1200) * 2 * np.pi / 288) + np.random.default_rng(3).normal(size=1200),
)
SAID = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.25]])
TIMES = (datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 2, 1, tzinfo=UTC))
REFERENCE = pd.DataFrame({"value": [1.0], "truth": [2.0]})


def fitted(name: str) -> Forecaster:
    forecaster = make_forecaster(name, horizon=3)
    forecaster.fit(HISTORY)
    return forecaster


def tried(*names: str) -> TriedForecasters:
    return TriedForecasters({name: fitted(name) for name in names}, TIMES, {name: SAID + len(name) for name in names})


@pytest.mark.parametrize("names", [("naive",), ("naive", "ridge")])
def test_forecasters_come_back_as_they_were(tmp_path: Path, names: tuple[str, ...]) -> None:
    written = tried(*names)
    saved = save_artifact(tmp_path, "cpu-i-1", "first", "forecaster", written, REFERENCE)
    loaded = load_artifact(tmp_path / saved.path, saved.sha256)
    assert isinstance(loaded, TriedForecasters)
    assert (tuple(loaded.members), loaded.origin_times) == (names, TIMES)
    for name in names:
        assert loaded.points[name].tolist() == written.points[name].tolist()
        expected = written.members[name].forecast(HISTORY).point
        assert loaded.members[name].forecast(HISTORY).point.tolist() == expected.tolist()


def test_each_row_is_answered_with_what_was_to_be_expected_after_it(tmp_path: Path) -> None:
    path = tmp_path / FILE
    forecaster_format.save(tried("naive"), path)
    outputs = forecaster_format.load(path).predict(pd.DataFrame({"value": [1.0, 4.0, 2.0]}))
    assert list(outputs.values) == [1.0, 4.0, 2.0]


def test_a_file_that_is_none_or_of_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"no arrays")
    with pytest.raises(ArtifactError, match="cannot be read by NumPy"):
        forecaster_format.load(path)
    values = {"horizon": np.array(3), "seconds": np.array([0]), "points": SAID[None]}
    np.savez(path, names=np.array(["oracle"]), **values)
    with pytest.raises(ArtifactError, match=r"expected one of .*: train anew"):
        forecaster_format.load(path)
    np.savez(path, names=np.array(["naive"]), **values)
    with pytest.raises(ArtifactError, match=r"naive\.npz"):  # the file of the forecaster itself is gone
        forecaster_format.load(path)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    np.savez(path, names=np.array([{"a": "pickle"}], dtype=object), horizon=np.array(3))
    with pytest.raises(ArtifactError, match="cannot be read by NumPy"):
        forecaster_format.load(path)
