from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.clock import Clock
from ml_core.retraining.shadows import record_shadows
from ml_core.store.__main__ import main
from ml_core.store.json_store import JsonStore
from ml_core.store.names import RECORD_KINDS
from ml_core.tracking.predictions import NewLine, TrackedPredictions
from tests.factories import a_point, a_prediction, a_truth, an_observation


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    return CliRunner()


def fill(store: JsonStore, days: int) -> list[str]:
    now = Clock().now()
    rows = [a_prediction(now - timedelta(days=day)) for day in range(days)]
    store.record_predictions("churn", rows)
    store.record_truths("churn", [a_truth(rows[0].prediction_id, received_time=now)])
    return [row.prediction_id for row in rows]


def test_stats_count_what_is_kept(command: CliRunner, json_store: JsonStore) -> None:
    fill(json_store, 3)
    json_store.record_observations("web/cpu", [an_observation()])
    lines = command.invoke(main, ["stats"]).output.splitlines()
    assert lines[0] == "predictions: 3"
    assert lines[1].split()[:2] == ["churn", "3"]
    assert "newest 20" in lines[1]
    assert lines[2:4] == ["ground_truths: 1", f"  {'churn':<32} {1:>12}"]
    assert lines[4:] == ["metric_points: 0", "observations: 1", f"  {'web/cpu':<32} {1:>12}", "forecasts: 0"]


def test_retain_forgets_whole_days_only(command: CliRunner, json_store: JsonStore) -> None:
    fill(json_store, 10)
    result = command.invoke(main, ["retain", "--days", "3"])
    assert result.exit_code == 0, result.output
    assert "predictions: 6 forgotten" in result.output  # the day that is three days ago is kept whole
    assert json_store.count_records()["predictions"] == {"churn": 4}


def test_retain_keeps_what_the_settings_say(
    command: CliRunner, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(json_store, 10)
    forgotten = command.invoke(main, ["retain"]).stdout.splitlines()
    kinds = ["predictions", "ground_truths", "metric_points", "observations", "forecasts"]
    assert forgotten == [f"{kind}: 0 forgotten" for kind in kinds]
    monkeypatch.setenv("ML_RETENTION__PREDICTIONS_DAYS", "3")
    assert "predictions: 6 forgotten" in command.invoke(main, ["retain"]).output


def test_retain_by_days_leaves_metrics_and_series_unless_their_kind_is_said(
    command: CliRunner, json_store: JsonStore
) -> None:
    fill(json_store, 10)
    old = Clock().now() - timedelta(days=5)
    json_store.put_metric_points([a_point(old, model="churn")])
    assert command.invoke(main, ["retain", "--days", "3"]).exit_code == 0
    assert json_store.count_records()["metric_points"] == {"churn": 1}
    result = command.invoke(main, ["retain", "--days", "3", "--kind", "metric_points"])
    assert result.stdout == "metric_points: 1 forgotten\n"
    assert command.invoke(main, ["retain", "--kind", "models"]).exit_code == 2


def test_erase_removes_a_prediction_and_its_truth(command: CliRunner, json_store: JsonStore) -> None:
    first, *_ = fill(json_store, 2)
    went = "served 1, ground truths 1, said by hidden versions 0, tracked lines 0, set apart 0"
    result = command.invoke(main, ["erase", "churn", first, first, "unknown"])
    assert result.output == f"erased 1 of 2 predictions of churn: {went}\n"
    counts = json_store.count_records()
    assert (counts["predictions"], counts["ground_truths"]) == ({"churn": 1}, {})


def test_erase_says_what_went_of_hidden_versions_and_of_tracked_metrics(
    command: CliRunner, json_store: JsonStore
) -> None:
    first, *_ = fill(json_store, 2)
    record_shadows(json_store, "churn", 3, [a_prediction(prediction_id=first)])
    TrackedPredictions(json_store, Clock()).add_new("churn", [NewLine(first, 0, 0, {"input": 1})])
    output = command.invoke(main, ["erase", "churn", first]).output
    assert output.endswith("said by hidden versions 1, tracked lines 1, set apart 0\n")
    assert json_store.count_records()["metric_points"] == {}


def test_erasing_what_is_not_there_is_told_in_one_line(command: CliRunner) -> None:
    result = command.invoke(main, ["erase", "churn", "unknown"])
    assert result.exit_code == 1
    assert result.output == "error: none of the 1 ids is stored for model 'churn'\n"


def test_compact_packs_older_days_and_tells_what_it_came_to(command: CliRunner, json_store: JsonStore) -> None:
    fill(json_store, 6)
    before = json_store.count_records()
    result = command.invoke(main, ["compact"])
    assert result.exit_code == 0, result.output
    assert "predictions/churn/" in result.stderr
    assert re.fullmatch(r"2 files or tables: [\d,]+ bytes became [\d,]+\n", result.stdout)
    assert json_store.count_records() == before
    assert command.invoke(main, ["compact", "--days", "1"]).stdout.startswith("2 files or tables: ")
    assert command.invoke(main, ["compact"]).stdout == "0 files or tables: 0 bytes became 0\n"


def test_compact_tells_of_lines_left_out_and_of_damage(command: CliRunner, json_store: JsonStore) -> None:
    fill(json_store, 6)
    slot = Clock().now() - timedelta(days=60)
    lease = json_store.claim_run("nightly", slot, now=slot, lease=timedelta(hours=1), holder="me")
    assert lease is not None
    for _ in range(3):
        json_store.renew_run(lease, now=slot, lease=timedelta(hours=1))
    oldest = min((json_store.folder / "records/predictions/churn").glob("20*.jsonl"))
    oldest.write_bytes(oldest.read_bytes().replace(b"rooms", b"roomy"))
    output = command.invoke(main, ["compact"]).stdout.splitlines()
    assert output[1:] == ["2 lines left out that later ones had superseded", "1 damaged lines kept as they are"]


@pytest.mark.parametrize(
    "arguments", [["retain", "--days", "0"], ["retain", "--days", "99999999999"], ["erase", "churn"]]
)
def test_a_command_that_is_not_complete_is_refused(command: CliRunner, arguments: list[str]) -> None:
    assert command.invoke(main, arguments).exit_code == 2


def test_the_tables_of_a_database_are_made_and_then_left_alone(
    command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    assert command.invoke(main, ["migrate", "--pending"]).output.startswith("to be done: ")
    assert not (tmp_path / "store.db").exists()
    assert command.invoke(main, ["create-tables"]).output == "the tables are there\n"
    assert command.invoke(main, ["create-tables"]).exit_code == 0
    assert command.invoke(main, ["migrate", "--pending"]).output == "nothing is to be done\n"
    assert command.invoke(main, ["migrate"]).output == "nothing was to be done\n"


def test_migrating_an_empty_database_makes_its_tables(
    command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    result = command.invoke(main, ["migrate"])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].startswith("done: ")
    assert command.invoke(main, ["stats"]).output == "".join(f"{kind}: 0\n" for kind in RECORD_KINDS)


def test_the_embedded_store_has_no_tables_and_says_so(command: CliRunner) -> None:
    result = command.invoke(main, ["create-tables"])
    assert result.exit_code == 1
    assert "only a store at sqlite:///... or mysql+pymysql://... has tables" in result.output


def test_an_embedded_store_of_an_older_format_is_brought_up_to_date(command: CliRunner, tmp_path: Path) -> None:
    assert command.invoke(main, ["migrate", "--pending"]).output == "to be done: format 2, format 3\n"
    assert not (tmp_path / "store").exists()
    JsonStore(tmp_path / "store")
    (tmp_path / "store/format.json").write_text('{"format": 1}')
    assert command.invoke(main, ["migrate", "--pending"]).output == "to be done: format 2, format 3\n"
    assert command.invoke(main, ["migrate"]).output == "done: format 2, format 3\n"
    assert command.invoke(main, ["migrate"]).output == "nothing was to be done\n"
    assert command.invoke(main, ["migrate", "--pending"]).output == "nothing is to be done\n"


def test_an_embedded_store_of_a_newer_format_is_refused(command: CliRunner, json_store: JsonStore) -> None:
    (json_store.folder / "format.json").write_text('{"format": 4}')
    for arguments in (["migrate"], ["migrate", "--pending"], ["stats"]):
        result = command.invoke(main, arguments)
        assert result.exit_code == 1
        assert "has format 4, this version of the suite reads 3" in result.output


def test_numbers_stand_below_each_other_whatever_the_length_of_a_name(
    command: CliRunner, json_store: JsonStore
) -> None:
    for series in ("cpu", "response-time/ABP/ABP/avg_response_time_summary_ms"):
        json_store.record_observations(series, [an_observation()])
    lines = command.invoke(main, ["stats"]).output.splitlines()
    told = lines[lines.index("observations: 2") + 1 :][:2]
    assert len({len(line) for line in told}) == 1
