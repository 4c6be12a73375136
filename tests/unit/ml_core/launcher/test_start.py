"""Starting the platform: what is checked, what is started, and what is left when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from ml_core.launcher.errors import LauncherError
from ml_core.launcher.health import unready
from ml_core.launcher.pid_files import Record
from ml_core.launcher.proc import process_state
from ml_core.launcher.processes import MAX_LOG_BYTES
from ml_core.launcher.stop import stop
from tests.factories import a_model
from tests.unit.ml_core.launcher.conftest import Platform, module_of


def test_start_returns_when_all_apps_are_ready_and_prints_their_addresses_in_order(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.start()
    monitor, models = platform.apps
    assert unready(monitor) is None
    assert unready(models) is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].split() == ["monitor", monitor.url, "the", "monitor"]
    assert lines[-1].split() == ["models", models.url, "the", "models"]
    assert platform.log(monitor).startswith("first line of monitor\n")


def test_each_app_leads_a_session_of_its_own(platform: Platform) -> None:
    platform.start()
    for record in platform.records().values():
        assert os.getsid(record.pid) == record.pid


def test_a_second_start_changes_nothing(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.start()
    before = platform.records()
    capsys.readouterr()
    platform.start()
    assert platform.records() == before
    assert all(platform.log(app).count("first line") == 1 for app in platform.apps)
    assert capsys.readouterr().out.startswith("the platform runs already:\n")


def test_only_the_missing_app_is_started(platform: Platform) -> None:
    platform.start()
    monitor, models = platform.apps
    before = platform.records()
    os.kill(before[models.name].pid, signal.SIGKILL)
    os.waitpid(before[models.name].pid, 0)
    platform.start()
    assert platform.record(monitor) == before[monitor.name]
    assert platform.record(models) != before[models.name]
    assert unready(models) is None


def test_what_a_killed_app_has_left_behind_is_stopped_before_it_is_started_again(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    helper = platform.folder / "helper"
    platform.conduct(platform.apps[0], helper=str(helper))
    platform.start()
    pid = platform.records()["monitor"].pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    left = int(helper.read_text())
    assert process_state(left) is not None
    capsys.readouterr()
    platform.start()
    assert f"monitor was killed; stopped what it had left behind (pid {left})" in capsys.readouterr().out
    assert process_state(left) is None


def test_an_app_that_runs_on_another_port_than_the_settings_say_is_not_started_twice(platform: Platform) -> None:
    platform.start()
    monitor, models = platform.apps
    platform.apps = (replace(monitor, port=monitor.port + 1), models)
    with pytest.raises(LauncherError, match=r"monitor runs on port .* stop it first"):
        platform.start()


def test_an_app_that_ends_early_is_told_with_the_end_of_its_log_and_the_others_are_stopped(platform: Platform) -> None:
    monitor, models = platform.apps
    platform.conduct(models, dies=3)
    with pytest.raises(LauncherError) as refusal:
        platform.start()
    assert refusal.value.message == (
        f"models ended (3) and {platform.log_folder}/models.log ends with:\nfirst line of models"
    )
    assert platform.records() == {}
    assert unready(monitor) is not None


def test_an_app_that_does_not_get_ready_is_stopped_and_told_with_its_answer(platform: Platform) -> None:
    monitor, models = platform.apps
    platform.conduct(models, ready=False)
    with pytest.raises(LauncherError) as refusal:
        platform.start(ready_seconds=1)
    assert "models is not ready after 1 s: GET" in refusal.value.message
    assert "503 store: away; it was stopped and" in refusal.value.message
    assert platform.records() == {}
    assert unready(monitor) is not None


def test_an_app_that_ran_before_and_is_not_ready_is_told_but_not_stopped(platform: Platform) -> None:
    both = platform.apps
    platform.apps = both[1:]
    platform.start()
    before = platform.records()
    platform.apps = both
    platform.lose_readiness(both[1])
    with pytest.raises(LauncherError, match=r"models is not ready .*\(it ran before, pid \d+"):
        platform.start(ready_seconds=1)
    assert platform.records() == before


def test_the_models_are_trained_first_if_the_store_holds_none(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    _empty_store(platform)
    platform.train_command = (sys.executable, "-c", "print('epoch 1 of 1')")
    platform.start()
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["no model is registered yet: training the first ones", "epoch 1 of 1"]
    assert unready(platform.apps[0]) is None


def test_an_app_gets_its_own_model_before_it_is_started(platform: Platform, capfd: pytest.CaptureFixture[str]) -> None:
    monitor, models = platform.apps
    script = platform.folder / f"{module_of(models)}.py"
    trains = "import sys\nif sys.argv[1:] == ['train']:\n    print('trained')\n    sys.exit()\n"
    script.write_text(trains + script.read_text())
    platform.apps = (monitor, replace(models, model="detector"))
    platform.start()
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["models has no model yet: training detector", "trained"]
    assert unready(models) is None


def test_a_model_that_is_registered_is_not_trained_again(platform: Platform) -> None:
    monitor, models = platform.apps
    platform.apps = (monitor, replace(models, model=a_model().name))
    platform.start()  # the fake app takes no command but serve
    assert unready(models) is None


def test_nothing_is_started_if_the_training_fails(platform: Platform) -> None:
    _empty_store(platform)
    platform.train_command = (sys.executable, "-c", "raise SystemExit(4)")
    with pytest.raises(LauncherError, match=r"the training failed .exit code 4.*nothing was started"):
        platform.start()
    assert platform.records() == {}


def test_a_stale_pid_file_does_not_hinder_the_start(platform: Platform) -> None:
    monitor, models = platform.apps
    _write_pid_file(platform, "monitor", Record(_dead_pid(), 1, monitor.port))
    (platform.run_folder / "models.pid").write_text("{torn")
    platform.start()
    assert platform.record(monitor).is_running()
    assert platform.record(models).is_running()


def test_a_pid_that_another_process_has_got_is_not_taken_for_the_app(platform: Platform) -> None:
    monitor, _ = platform.apps
    _write_pid_file(platform, "monitor", Record(os.getpid(), 1, monitor.port))
    platform.start()
    assert platform.record(monitor).pid != os.getpid()


def test_of_two_starts_at_once_one_waits_and_finds_all_running(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    _empty_store(platform)
    # Time for both to be under way: the first one trains.
    platform.train_command = (sys.executable, "-c", "import time; time.sleep(1)")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            platform.start()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    output = capsys.readouterr().out
    assert output.count("starting monitor") == output.count("starting models") == 1
    assert output.count("another start or stop is under way") == 1
    assert output.count("the platform runs already:") == 1


def test_a_start_that_is_told_to_end_takes_along_what_it_has_started(platform: Platform) -> None:
    monitor, models = platform.apps
    platform.conduct(models, ready=False)
    process = subprocess.Popen([sys.executable, "-c", _START_AS_THE_COMMAND_DOES, str(monitor.port), str(models.port)])
    with process:
        _wait_for(lambda: len(platform.records()) == 2)
        records = platform.records()
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert platform.records() == {}
    assert not any(record.is_running() for record in records.values())


def test_a_log_that_has_grown_large_is_set_aside_once(platform: Platform) -> None:
    platform.log_folder.mkdir()
    (platform.log_folder / "monitor.log").write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    (platform.log_folder / "models.log").write_text("of an earlier run\n")
    platform.start()
    monitor, models = platform.apps
    assert platform.log(monitor).startswith("first line of monitor")
    assert (platform.log_folder / "monitor.log.1").stat().st_size == MAX_LOG_BYTES + 1
    assert platform.log(models).startswith("of an earlier run\nfirst line of models")
    assert not (platform.log_folder / "models.log.1").exists()


def test_start_after_stop_starts_all_again(platform: Platform) -> None:
    platform.start()
    before = platform.records()
    stop(platform.settings)
    platform.start()
    assert platform.records().keys() == before.keys()
    assert all(record.is_running() for record in platform.records().values())


_START_AS_THE_COMMAND_DOES = """
import sys
from ml_core.launcher import __main__ as command
from tests.unit.ml_core.launcher.conftest import fake_app

def programs(settings, names):
    return tuple(fake_app(name, int(port)) for name, port in zip(("monitor", "models"), sys.argv[1:], strict=True))

command.chosen_programs = programs
command.main(["start"])
"""


def _empty_store(platform: Platform) -> None:
    changed = {"store_url": SecretStr(f"json:///{platform.folder / 'empty'}")}
    platform.settings = platform.settings.model_copy(update=changed)


def _write_pid_file(platform: Platform, name: str, record: Record) -> None:
    platform.run_folder.mkdir(exist_ok=True)
    content = f'{{"pid": {record.pid}, "start_ticks": {record.start_ticks}, "port": {record.port}}}'
    (platform.run_folder / f"{name}.pid").write_text(content)


def _dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
