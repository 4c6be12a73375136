from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ml_core.store.json_store import JsonStore
from ml_monitor.__main__ import main
from ml_monitor.alerting import rules_command
from ml_monitor.alerting.rules import DEFAULT_RULES, list_rules, read_rule

EXAMPLE = Path(__file__).parents[4] / "deploy" / "rules.example.yaml"
FILE = """
rules:
  - name: churn-recall
    model: churn
    watches: performance
    metrics: [recall]
    threshold: {lower: 0.7}
    chunk: 1000
  - name: default-drift
    watches: drift
    severity: critical
"""


@pytest.fixture
def file(tmp_path: Path, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of rules, and the settings' store."""
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    path = tmp_path / "rules.yaml"
    path.write_text(FILE)
    return path


def run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], input=answer)


def stored(store: JsonStore) -> list[str]:
    return [document.key for document in store.list_documents("alert_rules")]


def test_what_would_change_is_shown_before_anything_is_changed(file: Path, json_store: JsonStore) -> None:
    result = run("apply", file)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        '+ churn-recall: {"model":"churn","watches":"performance","metrics":["recall"],"chunk":"1000",'
        '"threshold":{"lower":0.7,"upper":null}}',
        "~ default-drift",
        '    severity: "warning" -> "critical"',
        "1 added, 1 changed, 0 removed, 0 unchanged",
        "nothing was changed: there is nobody to ask here; --yes applies it",
    ]
    assert stored(json_store) == []


def test_with_yes_the_rules_are_those_of_the_file(file: Path, json_store: JsonStore) -> None:
    assert run("apply", file, "--yes").stdout.endswith("done\n")
    rules = {rule.name: rule for rule in list_rules(json_store)}
    assert rules["churn-recall"].chunk == "1000"
    assert rules["default-drift"].severity == "critical"
    assert run("apply", file, "--yes").stdout == "0 added, 0 changed, 0 removed, 2 unchanged\n"


@pytest.mark.parametrize(("answer", "names"), [("y", ["churn-recall", "default-drift"]), ("n", [])])
def test_on_a_terminal_it_asks(
    file: Path, json_store: JsonStore, answer: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    class System:
        stdin = Terminal

    monkeypatch.setattr(rules_command, "sys", System)
    result = run("apply", file, answer=answer)
    assert result.exit_code == 0
    assert "Apply? [y/N]" in result.stdout
    assert stored(json_store) == names


def test_rules_that_the_file_does_not_name_go_only_when_asked_for(file: Path, json_store: JsonStore) -> None:
    run("apply", file, "--yes")
    file.write_text("rules: []")
    assert run("apply", file, "--yes").stdout == "0 added, 0 changed, 0 removed, 0 unchanged\n"
    assert len(stored(json_store)) == 2
    assert "- churn-recall" in run("apply", file, "--yes", "--prune").stdout
    assert list_rules(json_store) == sorted(DEFAULT_RULES, key=lambda rule: rule.name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [{name: a}]", "rules[0].watches: field required"),
        ("rules: [{name: a, watches: drift}, {name: a, watches: drift}]", "rules[1].name: 'a' is there twice"),
        ("rules: [{name: a, watches: drift, colour: red}]", "rules[0].colour: there is no such field"),
        ("rules: [{name: a, watches: drift, repeat_after_hours: .nan}]", "rules[0].repeat_after_hours"),
        ("rules: [{name: a, watches: drift, threshold: {deviations: -1}}]", "rules[0].threshold.deviations"),
        ("rules: [7]", "rules[0]: expected keys and values"),
        ("rules: [{name: a, watches: drift, 7: x}]", "rules[0].7"),
        ('rules: [{name: a, watches: drift, metrics: ["\\ud800"]}]', "holds what no rule can"),
        ("rules: &a [*a]", "holds what no rule can"),
        ("rules:", "expected one key, rules, with a list"),
        ("alerts: []", "expected one key, rules, with a list"),
        ("rules: [", "is not YAML, line 1"),
        ("rules: [2026-13-45]", "is not YAML"),
    ],
)
def test_a_wrong_file_changes_nothing_and_is_told_by_its_fields(
    file: Path, json_store: JsonStore, text: str, says: str
) -> None:
    file.write_text(text)
    result = run("apply", file, "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert says in result.stderr
    assert stored(json_store) == []


def test_every_wrong_rule_of_a_file_is_told_at_once(file: Path, json_store: JsonStore) -> None:
    file.write_text("rules: [{name: good, watches: drift}, {name: a}, {name: -b, watches: drift}]")
    told = run("apply", file, "--yes").stderr
    assert "rules[1].watches" in told
    assert "rules[2].name" in told
    assert stored(json_store) == []


def test_a_file_that_is_not_there_is_named(file: Path, tmp_path: Path) -> None:
    result = run("apply", tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "none.yaml: No such file" in result.stderr


def test_what_is_exported_can_be_applied_and_changes_nothing(file: Path, json_store: JsonStore) -> None:
    run("apply", file, "--yes")
    exported = run("export").stdout
    assert [read_rule(values) for values in yaml.safe_load(exported)["rules"]] == list_rules(json_store)
    file.write_text(exported)
    assert "0 added, 0 changed, 0 removed, 10 unchanged" in run("apply", file).stdout


def test_the_list_says_which_rules_are_default_and_which_are_stored(file: Path) -> None:
    run("apply", file, "--yes")
    lines = run("list").stdout.splitlines()
    assert len(lines) == 10
    assert "churn-recall             stored   warning   performance of churn, 2 of 3" in lines
    assert "default-ingest           default  critical  ingest of all models, 1 of 1" in lines


def test_the_example_rules_can_be_applied(file: Path, json_store: JsonStore) -> None:
    file.write_text(EXAMPLE.read_text())
    assert "4 added, 0 changed, 0 removed, 0 unchanged" in run("apply", file, "--yes").stdout.splitlines()
    assert {rule.watches for rule in list_rules(json_store)} >= {"forecast", "metric"}
