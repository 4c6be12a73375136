"""Reference statistics on disk: used again by the next process, and made anew when they are not what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from ml_monitor.evaluation import kept_statistics
from ml_monitor.evaluation.baseline import Baseline, make_baseline
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.kept_statistics import KeptStatistics
from ml_monitor.evaluation.measuring import measure_chunk
from tests.factories import NOON, a_model
from tests.worlds import DAY, FEATURES, World

FRAUD = a_model("fraud", task="binary")
SCHEMA = {spec.name: spec.kind for spec in FEATURES}
REFERENCE = World(seed=99).draw(2000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fraud" / "0123"
    made.mkdir(parents=True)
    return made


def a_baseline(folder: Path, reference: pd.DataFrame = REFERENCE, sha256: str = "1" * 64, **schema: str) -> Baseline:
    return make_baseline(FRAUD, 1, reference, FEATURES, KeptStatistics(folder, sha256, SCHEMA | schema))


def measured(baseline: Baseline) -> list[Any]:
    drawn = World(shift=0.3, seed=7).draw(300)
    names = [spec.name for spec in FEATURES]
    frame = drawn[["value", "score", "truth"]].assign(
        features=drawn[names].to_dict("records"),
        version=pd.Series([1] * 300, dtype="Int64"),
        time=pd.date_range(NOON, periods=300, freq="min"),
        truth_received_time=pd.date_range(NOON + DAY, periods=300, freq="min"),
    )
    return measure_chunk(frame, "binary", baseline, "day", Stretch(NOON, NOON + DAY), [])


def test_what_is_read_back_measures_to_the_bit_as_what_was_fitted(folder: Path) -> None:
    fitted = measured(a_baseline(folder))
    # Of another reference nothing is learnt: it is what is on disk that is used.
    again = measured(a_baseline(folder, World(seed=5, shift=9.0).draw(50)))
    by_reference = [result for result in fitted if result.group in ("drift", "estimate")]
    assert by_reference == [result for result in again if result.group in ("drift", "estimate")]
    assert len(by_reference) > 10


def test_the_file_lies_beside_the_files_of_the_version_and_holds_no_rows_of_its_own(folder: Path) -> None:
    measured(a_baseline(folder))
    (file,) = [path for path in folder.parent.iterdir() if path != folder]
    assert file.name == "0123.statistics.json"
    assert orjson.loads(file.read_bytes()).keys() == {"key", "drift", "quality", "cbpe"}


@pytest.mark.parametrize("change", ["sha256", "schema", "format"])
def test_statistics_of_something_else_are_not_used(folder: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(a_baseline(folder))
    before = KeptStatistics(folder, "1" * 64, SCHEMA).path.read_bytes()
    if change == "format":
        monkeypatch.setattr(kept_statistics, "FORMAT", 2)
    sha256 = "2" * 64 if change == "sha256" else "1" * 64
    schema = {"age": "category"} if change == "schema" else {}
    assert KeptStatistics(folder, sha256, SCHEMA | schema).load() is None
    measured(a_baseline(folder, sha256=sha256, **schema))
    assert KeptStatistics(folder, sha256, SCHEMA | schema).path.read_bytes() != before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"key": 1}', b"\xff"])
def test_a_damaged_file_is_made_anew(folder: Path, content: bytes) -> None:
    expected = measured(a_baseline(folder))
    kept = KeptStatistics(folder, "1" * 64, SCHEMA)
    kept.path.write_bytes(content)
    assert measured(a_baseline(folder)) == expected
    assert kept.load() is not None


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    baseline = a_baseline(tmp_path / "not there" / "0123")
    assert measured(baseline)
    assert "cannot be kept" in caplog.text
