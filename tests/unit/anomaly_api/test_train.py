"""Training from the command line: what is registered, what is refused, and that nothing looks ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from anomaly_api.generator import generate_windows
from anomaly_api.train import fit, read_contamination, run, train
from ml_core.artifacts.folders import read_reference
from ml_core.detectors.isolation_forest import load_scorer
from ml_core.errors import InvalidInput
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from tests.unit.anomaly_api.conftest import a_table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own store and artifacts, and a table."""
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'fresh'}")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "fresh-artifacts"))
    a_table().to_csv(tmp_path / "windows.csv", index=False)
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


def models(folder: Path) -> list[tuple[str, int | None]]:
    store = JsonStore(folder / "fresh")
    found = [(model.name, model.champion) for model in store.list_models()]
    store.close()
    return found


def test_a_table_becomes_the_champion_with_its_reference_and_scorer(folder: Path, registry: Registry) -> None:
    version = run(registry, folder / "windows.csv", 0.02)
    model = registry.find("anomaly_detector")
    assert (model.task, model.title, model.champion) == ("anomaly", "Anomaly Detection", version.number)
    assert [feature.name for feature in version.features] == ["mean", "sd"]
    assert version.lineage["data_source"] == "windows.csv"
    assert len(version.lineage["data_sha256"]) == 64
    assert version.lineage["scikit_learn_version"]
    assert version.metrics["held_out_rows"] == 80
    artifact = registry.artifact_folder(version)
    assert load_scorer(artifact)[1] == []
    reference = read_reference(artifact, version.artifact_sha256 or "")
    assert reference.columns.tolist() == ["mean", "sd", "value", "score"]
    assert version.metrics["held_out_anomalies"] == (reference["value"] == -1).sum()


def test_the_last_fifth_is_held_out_and_never_fitted_on() -> None:
    table = a_table(500)
    changed = table.copy()
    changed.iloc[-100:] *= 1000
    first, second = fit(table, 0.01), fit(changed, 0.01)
    rows = table.to_numpy()
    assert np.array_equal(first.estimator.score_samples(rows), second.estimator.score_samples(rows))
    assert first.estimator.offset_ == second.estimator.offset_
    assert first.reference["mean"].tolist() == table["mean"].iloc[-100:].tolist()


def test_the_command_trains_and_promotes(folder: Path) -> None:
    result = invoke("--data", folder / "windows.csv", "--contamination", "auto")
    assert result.exit_code == 0, result.output
    assert "training on 400 rows of mean, sd from windows.csv" in result.output
    assert "version 1 registered as champion" in result.output
    assert "threshold grid" in result.output
    assert models(folder) == [("anomaly_detector", 1)]


def test_without_promotion_it_stays_a_challenger(folder: Path) -> None:
    assert "as challenger" in invoke("--data", folder / "windows.csv", "--no-promote").output
    assert models(folder) == [("anomaly_detector", None)]


def test_more_than_two_columns_are_scored_by_walking_the_trees(folder: Path) -> None:
    a_table().assign(rate=np.arange(400.0)).to_csv(folder / "three.csv", index=False)
    result = invoke("--data", folder / "three.csv")
    assert "rows of mean, sd, rate" in result.output
    assert "tree walk" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("mean,sd\n1,2\n", "1 data rows; at least 100 are needed"),
        ("mean,sd\n" + "1,2\n" * 100 + "1,x\n", "column 'sd', row 101: expected a finite number, not 'x'"),
        ("mean,sd\n" + "1,2\n" * 100 + "1,inf\n", "column 'sd', row 101: expected a finite number, not 'inf'"),
        ("mean,\n" + "1,2\n" * 100, "a column has no name"),
        ("", "is empty"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_and_nothing_is_registered(
    folder: Path, content: str, message: str
) -> None:
    (folder / "wrong.csv").write_text(content)
    result = invoke("--data", folder / "wrong.csv")
    assert result.exit_code == 1
    assert message in result.output
    assert models(folder) == []


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    result = invoke("--data", folder / "none.csv")
    assert result.exit_code == 1
    assert "none.csv: cannot be read" in result.output


@pytest.mark.parametrize("text", ["0", "-0.1", "0.51", "nan", "inf", "many", ""])
def test_a_contamination_that_cannot_be_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"contamination: expected auto, or a number above 0 and at most 0\.5"):
        read_contamination(text)
    assert invoke("--contamination", text).exit_code == 1
    assert models(folder) == []


def test_contamination_is_auto_or_a_number() -> None:
    assert read_contamination("auto") == "auto"
    assert read_contamination("0.5") == 0.5


def test_generated_windows_are_the_same_for_the_same_seed() -> None:
    pd.testing.assert_frame_equal(generate_windows(50), generate_windows(50))
    assert not generate_windows(50).equals(generate_windows(50, seed=2))


def test_generated_windows_are_as_described() -> None:
    windows = generate_windows(20_000)
    assert windows.columns.tolist() == ["mean", "sd"]
    assert (windows > 0).all().all()
    assert windows["mean"].median() == pytest.approx(180, rel=0.03)
    assert (windows["sd"] / windows["mean"]).median() == pytest.approx(np.exp(-1.2), rel=0.03)
    assert 0.003 < (windows["mean"] > 180 * np.exp(0.5 * 3.5)).mean() < 0.01  # bursts, hardly anything else


def test_generated_windows_are_as_many_as_the_first_systems_table() -> None:
    assert len(generate_windows()) == 64_227 + 16_057
