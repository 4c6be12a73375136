"""The check of all models: what it prints, what one failing model does to the others, and its slots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_monitor.check import JOB, check
from tests.factories import NOON, a_model
from tests.processes import own_folders
from tests.worlds import FIRST_DAY, World, add_fraud, record_day

HOUR = timedelta(hours=1)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    for name, value in own_folders(tmp_path).items():
        monkeypatch.setenv(name, value)
    with closing(JsonStore(tmp_path / "store")) as store:
        yield Registry(store, tmp_path / "artifacts", FixedClock(NOON))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_a_check_tells_what_it_did_and_which_alerts_moved(registry: Registry) -> None:
    add_fraud(registry)
    for day in range(2):
        record_day(registry, day, World())
    for day in range(2, 4):
        end = record_day(registry, day, World(swapped=True))
    lines = run("--as-of", format_time(end + 2 * HOUR)).stdout.splitlines()
    assert lines[0] == "1 model checked: 4 chunks evaluated, 192 results"
    assert "fraud: performance of roc_auc: ok -> pending" in lines
    assert "fraud: performance of roc_auc: pending -> firing" in lines
    assert not any("insufficient data -> ok" in line for line in lines)


def test_a_check_that_finds_nothing_new_says_so(registry: Registry) -> None:
    add_fraud(registry)
    end = record_day(registry, 0, World())
    first, second = (run("--as-of", format_time(end + 2 * HOUR)) for _ in range(2))
    assert first.stdout.startswith("1 model checked: 1 chunk evaluated")
    assert second.stdout == "1 model checked: 0 chunks evaluated, 0 results\n"


def test_a_model_that_fails_is_told_and_the_others_are_checked(registry: Registry) -> None:
    add_fraud(registry)
    end = record_day(registry, 0, World())
    registry.add_model(a_model("broken"))
    # What an older program may have left: the evaluation of this model cannot be read.
    registry.store.put_document("evaluations", "model broken", {"chunkings": 5}, expected_revision=None)
    result = run("--as-of", format_time(end + 2 * HOUR))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("2 models checked: 1 chunk evaluated")
    assert lines[-1].startswith("broken: FAILED: ")
    assert "Traceback" not in result.stdout


def test_one_model_can_be_checked_alone_by_name_or_seed_id(registry: Registry) -> None:
    add_fraud(registry)
    registry.add_model(a_model("other", seed_id="model1"))
    assert run("--model", "model1").stdout.startswith("1 model checked")
    unknown = run("--model", "nope")
    assert unknown.exit_code == 1
    assert unknown.stderr == "error: no model 'nope' is registered; GET /models lists those that are\n"


def test_a_time_that_is_none_is_refused(registry: Registry) -> None:
    result = run("--as-of", "yesterday")
    assert result.exit_code == 2
    assert "expected an ISO 8601 time" in result.stderr


def test_by_cron_each_slot_is_done_once_and_kept_in_the_history(registry: Registry) -> None:
    add_fraud(registry)
    record_day(registry, 0, World())
    assert run().exit_code == 0
    assert run().stdout == ""  # the slot is done
    (done,) = registry.store.list_runs(JOB, newest=10)
    assert done.state == "done"
    assert done.message is not None
    assert done.message.startswith("1 model checked")


def test_a_store_without_models_is_checked_in_peace(registry: Registry) -> None:
    assert run("--as-of", format_time(FIRST_DAY)).stdout == "0 models checked: 0 chunks evaluated, 0 results\n"
