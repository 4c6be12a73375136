from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_models.generators.fraud import generate_fraud
from ml_models.generators.housing import generate_housing
from ml_models.run_model import run, train


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Small CSV files with the columns of the public tables."""
    housing, fraud = tmp_path / "housing.csv", tmp_path / "fraud.csv"
    generate_housing(200, seed=1).to_csv(housing, index=False)
    generate_fraud(400, seed=1).to_csv(fraud, index=False)
    return {"housing_price": housing, "payment_fraud": fraud}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs the command on the test's own store."""
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "artifacts"))
    return CliRunner()


def invoke(command: CliRunner, *arguments: object) -> Result:
    return command.invoke(train, [str(argument) for argument in arguments])


def test_both_models_are_registered_with_the_seeds_ids_and_promoted(registry: Registry, files: dict[str, Path]) -> None:
    run(registry, files, promote=True)
    house, fraud = registry.find("model1"), registry.find("model2")
    assert (house.name, house.title) == ("housing_price", "Housing Price Prediction")
    assert (fraud.name, fraud.title) == ("payment_fraud", "Payment Fraud Detection")
    assert (house.champion, fraud.champion) == (1, 1)


def test_a_second_run_adds_a_second_version(registry: Registry, files: dict[str, Path]) -> None:
    run(registry, files, promote=True)
    run(registry, files, promote=True)
    house = registry.find("housing_price")
    assert house.champion == 2
    assert [house.stage_of(version.number) for version in registry.store.list_versions("housing_price")] == [
        "archived",
        "champion",
    ]


def test_without_promotion_the_champion_stays(registry: Registry, files: dict[str, Path]) -> None:
    run(registry, files, promote=True)
    run(registry, files, promote=False)
    house = registry.find("housing_price")
    assert house.champion == 1
    assert house.stage_of(2) == "challenger"


def test_a_version_knows_where_it_comes_from(registry: Registry, files: dict[str, Path]) -> None:
    first, _ = run(registry, files, promote=True)
    again, _ = run(registry, files, promote=True)
    assert first.lineage["data_source"] == "housing.csv"
    assert first.lineage["data_rows"] == 200
    assert first.lineage["data_sha256"] == again.lineage["data_sha256"]
    assert first.lineage["code_version"]
    assert first.parameters["test_size"] == 0.4
    assert first.reference_rows == 80


def test_without_files_the_generated_tables_are_used(command: CliRunner) -> None:
    result = invoke(command)
    assert result.exit_code == 0, result.output
    assert "training on 5,000 rows from a generated table" in result.output
    assert "payment_fraud: version 1 registered as champion" in result.output


def test_progress_is_shown_step_by_step(command: CliRunner, files: dict[str, Path]) -> None:
    result = invoke(command, "--housing", files["housing_price"], "--fraud", files["payment_fraud"], "--no-promote")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "[1/2] housing_price: training on 200 rows from housing.csv"
    assert lines[1] == "[2/2] payment_fraud: training on 400 rows from fraud.csv"
    assert lines[-1].startswith("payment_fraud: version 1 registered as challenger, accuracy_score 0.")


def test_a_column_that_gives_the_label_away_is_warned_of(command: CliRunner, tmp_path: Path) -> None:
    table = generate_fraud(400, seed=1)
    table["localTime"] = table["label"] * 10.0 + table["localTime"] / 24
    leaking = tmp_path / "leaking.csv"
    table.to_csv(leaking, index=False)
    result = invoke(command, "--fraud", leaking)
    assert result.exit_code == 0, result.output
    assert "warning: localTime alone tells label (AUC 1.0000); does it leak the answer?" in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Area Population", "People"), "column 'Area Population' is missing"),
        (("\n1", "\nmany"), "row "),
    ],
)
def test_a_wrong_file_is_told_in_one_line_and_changes_nothing(
    command: CliRunner, files: dict[str, Path], tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(files["housing_price"].read_text().replace(*change))
    if "many" in change[1]:
        content = files["housing_price"].read_text().splitlines(keepends=True)
        content[1] = "many," + content[1].split(",", 1)[1]
        wrong.write_text("".join(content))
    result = invoke(command, "--housing", wrong, "--fraud", files["payment_fraud"])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith(f"error: {wrong}: ")
    assert message in result.output
    store = JsonStore(tmp_path / "store")
    assert store.list_models() == []


def test_a_wrong_fraud_file_leaves_the_house_model_alone_too(
    command: CliRunner, files: dict[str, Path], tmp_path: Path
) -> None:
    result = invoke(command, "--housing", files["housing_price"], "--fraud", tmp_path / "none.csv")
    assert result.exit_code == 1
    assert "No such file" in result.output
    assert JsonStore(tmp_path / "store").list_models() == []


def test_a_store_that_cannot_be_written_is_told_in_one_line(command: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    result = invoke(command)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert str(tmp_path / "store") in result.output
