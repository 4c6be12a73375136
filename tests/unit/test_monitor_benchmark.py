"""The monitor's benchmark, as far as it runs without the libraries it compares with: its parts' lines, our own side."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.figures import QUICK
from benchmarks.monitor import main
from benchmarks.monitor_anchors import ask
from benchmarks.monitor_classification import write_columns
from benchmarks.monitor_drift import MANY, RACES, write_tables
from benchmarks.monitor_drift_ours import EVIDENTLY, NANNYML

CHUNKS = 4


def test_exactness_is_measured_for_each_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "exactness"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(line.endswith("(asked: at most 1e-9) ok") for line in lines)


def test_each_race_has_a_task_of_ours() -> None:
    assert {race.ours for race in (*RACES, *MANY)} <= {*EVIDENTLY, *NANNYML, "nannyml pca"}


@pytest.mark.parametrize("task", ["evidently chi2", "nannyml js", "nannyml pca"])
def test_our_side_answers_with_its_costs_and_a_value_for_each_chunk(task: str, tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", QUICK.monitored_rows)
    answer = ask(sys.executable, "monitor_drift_ours.py", [task, tmp_path / "tables", str(CHUNKS)])
    assert 0 < answer.cpu_seconds < 60
    assert 0 <= answer.added_megabytes < 100
    assert len(answer.values) == {"evidently chi2": 5, "nannyml js": 20, "nannyml pca": 1}[task]
    assert all(len(values) == CHUNKS for values in answer.values.values())


def test_our_side_of_the_classifier_answers_with_six_metrics_for_each_chunk(tmp_path: Path) -> None:
    write_columns(tmp_path / "columns", QUICK.monitored_rows)
    answer = ask(sys.executable, "monitor_classification_ours.py", [tmp_path / "columns", str(CHUNKS)])
    assert set(answer.values) == {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"}
    assert all(len(values) == CHUNKS for values in answer.values.values())
    assert all(0.5 < auc < 1 for auc in answer.values["roc_auc"])


def test_a_task_that_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)monitor_drift_ours.py nannyml js ended with 1: .*No such file"):
        ask(sys.executable, "monitor_drift_ours.py", ["nannyml js", tmp_path, str(CHUNKS)])
