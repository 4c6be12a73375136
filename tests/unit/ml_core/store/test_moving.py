"""The commands copy, backup, restore, verify and import, as an operator calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_core.clock import Clock
from ml_core.store.__main__ import main
from ml_core.store.json_store import JsonStore
from ml_core.store.sql_store import SqlStore
from tests.factories import a_model, a_prediction
from tests.snapshots import everything, fill


@pytest.fixture
def filled(json_store: JsonStore) -> JsonStore:
    fill(json_store)
    for name in ("housing_price", "churn"):
        assert name in {model.name for model in json_store.list_models()}
    return json_store


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'other.db'}")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "artifacts"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.parametrize("url", ["json:///{}/stroe", "sqlite:///{}/stroe.db"])
def test_a_store_that_is_not_there_is_not_copied_as_an_empty_one(url: str, tmp_path: Path) -> None:
    result = run("copy", url.format(tmp_path), f"json:///{tmp_path / 'to'}")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: FROM: there is no store at {tmp_path}/stroe")
    assert not list(tmp_path.glob("*"))


def test_an_empty_store_is_copied_with_a_word(json_store: JsonStore, tmp_path: Path) -> None:
    assert run("copy", f"json:///{json_store.folder}", f"json:///{tmp_path / 'to'}").stdout == "nothing is in FROM\n"


def test_copy_tells_what_was_copied_and_what_was_there(filled: JsonStore, other: SqlStore, tmp_path: Path) -> None:
    urls = f"json:///{filled.folder}", f"sqlite:///{tmp_path / 'other.db'}"
    first, second = run("copy", *urls), run("copy", *urls)
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.splitlines() == [
        "models: 2 copied",
        "versions: 4 copied",
        "predictions: 22 copied",
        "ground_truths: 10 copied",
        "job_runs: 3 copied",
        "metric_points: 6 copied",
        "observations: 10 copied",
        "forecasts: 36 copied",
        "documents: 1 copied",
    ]
    assert "predictions: 0 copied, 22 there already" in second.stdout
    assert everything(other) == everything(filled)


def test_a_conflict_is_named_on_standard_error_and_ends_with_status_1(
    filled: JsonStore, other: SqlStore, tmp_path: Path
) -> None:
    other.record_predictions("unregistered", [a_prediction(prediction_id="order-1")])
    filled.record_predictions("unregistered", [a_prediction(prediction_id="order-1", value=1.0)])
    result = run("copy", f"json:///{filled.folder}", f"sqlite:///{tmp_path / 'other.db'}")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "conflict: prediction 'order-1' of model 'unregistered': "
        "this id is stored already with another content: value 250000.0, not 1.0",
        "error: 1 records differ in the target and were left there",
    ]


def test_models_that_differ_stop_a_copy_in_one_line(filled: JsonStore, other: SqlStore, tmp_path: Path) -> None:
    other.put_model(a_model(title="Other"))
    result = run("copy", f"json:///{filled.folder}", f"sqlite:///{tmp_path / 'other.db'}")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nothing was copied, since the target differs: ")
    assert other.count_records()["predictions"] == {}


@pytest.mark.parametrize("target", ["json:///x", "nonsense"])
def test_a_copy_onto_itself_or_to_no_store_is_refused(tmp_path: Path, target: str) -> None:
    url = f"json:///{tmp_path / 'store'}"
    result = run("copy", url, url if target == "json:///x" else target)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_a_backup_is_restored_into_another_kind_of_store(
    filled: JsonStore, other: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "file").write_text("x")
    made = run("backup", tmp_path / "b.tar.gz")
    assert made.exit_code == 0
    assert made.stdout.splitlines()[0] == f"{tmp_path / 'b.tar.gz'}: {(tmp_path / 'b.tar.gz').stat().st_size:,} bytes"
    monkeypatch.setenv("ML_STORE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "new"))
    restored = run("restore", tmp_path / "b.tar.gz")
    assert "predictions: 22 copied" in restored.stdout
    assert everything(other) == everything(filled)
    assert (tmp_path / "new" / "file").read_text() == "x"
    again = run("restore", tmp_path / "b.tar.gz")
    assert again.exit_code == 1
    assert again.stderr.startswith("error: the store is not empty (2 models, ")


def test_artifacts_may_be_left_out_of_a_backup(filled: JsonStore, tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "file").write_bytes(bytes(range(256)) * 100)
    assert run("backup", tmp_path / "with.tar.gz").exit_code == 0
    assert run("backup", "--no-artifacts", tmp_path / "without.tar.gz").exit_code == 0
    assert (tmp_path / "without.tar.gz").stat().st_size < (tmp_path / "with.tar.gz").stat().st_size


def test_backups_by_weekday_keep_a_file_for_each_day_and_make_their_folder(
    filled: JsonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (0, 1, 7):
        monkeypatch.setenv("ML_CLOCK_OFFSET", f"P{days}D")
        result = run("backup", "--by-weekday", "--no-artifacts", tmp_path / "backups" / "store.tar.gz")
        assert result.exit_code == 0, result.stderr
    today = Clock().now().isoweekday()
    names = {f"store-{day}.tar.gz" for day in (today, today % 7 + 1)}
    assert {path.name for path in (tmp_path / "backups").iterdir()} == names


def test_verify_says_that_all_is_as_written_or_names_what_is_not(filled: JsonStore, tmp_path: Path) -> None:
    result = run("verify")
    assert result.exit_code == 1  # the versions of these tests have no files
    assert len(result.stdout.splitlines()) == 3
    assert result.stdout.startswith("version 1 of model 'housing_price': ")
    assert result.stderr.endswith(" files: 3 problems\n")


def test_verify_of_an_empty_store_finds_nothing(json_store: JsonStore) -> None:
    result = run("verify")
    assert (result.exit_code, result.stdout) == (0, "0 lines in 0 files: all as written\n")


def test_import_tells_what_became_of_each_model(json_store: JsonStore, tmp_path: Path) -> None:
    file = tmp_path / "db.json"
    file.write_text(json.dumps({"model1": {"name": "Housing Price Prediction", "metrics": {"r2_score": 0.9}}}))
    assert run("import", file).stdout == "housing_price: version 1 imported, champion\n"
    assert run("import", file).stdout == "housing_price: version 1 there already, champion\n"


def test_the_task_of_imported_models_may_be_said(json_store: JsonStore, tmp_path: Path) -> None:
    (tmp_path / "db.json").write_text('{"m": {"name": "X", "metrics": {}}}')
    assert run("import", tmp_path / "db.json").exit_code == 1
    assert run("import", tmp_path / "db.json", "--task", "anomaly").exit_code == 0
    assert run("import", tmp_path / "db.json", "--task", "other").exit_code == 2


def test_a_forecast_needs_its_series_and_time(json_store: JsonStore, tmp_path: Path) -> None:
    (tmp_path / "predictions.json").write_text('{"prediction": [0.5]}')
    result = run("import", tmp_path / "predictions.json", "--series", "cpu")
    assert result.exit_code == 1
    assert "say --series and --issue-time" in result.stderr
    wrong = run("import", tmp_path / "predictions.json", "--series", "cpu", "--issue-time", "2026-11-20")
    assert wrong.exit_code == 2
    assert "expected a time with a UTC offset" in wrong.stderr


@pytest.mark.parametrize("command", ["copy", "backup", "restore", "verify", "import"])
def test_every_command_has_help(command: str) -> None:
    assert run(command, "--help").exit_code == 0
