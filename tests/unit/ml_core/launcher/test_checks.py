"""What is checked before anything is started."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from ml_core.errors import StoreUnavailable
from ml_core.launcher.checks import check_python
from ml_core.launcher.errors import LauncherError
from tests.unit.ml_core.launcher.conftest import Platform


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_python_that_the_packages_are_locked_for_is_accepted(version: tuple[int, int]) -> None:
    check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (4, 0)])
def test_another_python_is_refused_by_its_version(version: tuple[int, int]) -> None:
    with pytest.raises(LauncherError, match=rf"this is {version[0]}\.{version[1]}: run \./install\.sh"):
        check_python(version)


def test_a_port_in_use_is_told_with_the_program_that_uses_it_and_nothing_is_started(platform: Platform) -> None:
    _, models = platform.apps
    with socket.create_server(("127.0.0.1", models.port)), pytest.raises(LauncherError) as refusal:
        platform.start()
    name = Path("/proc/self/comm").read_text().strip()
    assert refusal.value.message == (
        f"port {models.port} is in use by another program (pid {os.getpid()}, {name}): "
        "stop it, or set ML_MODELS__PORT to another port"
    )
    assert platform.records() == {}
    assert not (platform.log_folder / "monitor.log").exists()


def test_two_apps_on_one_port_are_refused(platform: Platform) -> None:
    monitor, models = platform.apps
    platform.apps = (monitor, replace(models, port=monitor.port))
    with pytest.raises(LauncherError, match=r"monitor and models are both set to port .* set ML_MODELS__PORT"):
        platform.start()


def test_an_address_that_is_not_of_this_machine_is_refused(platform: Platform) -> None:
    platform.apps = (replace(platform.apps[0], host="192.0.2.1"),)
    with pytest.raises(LauncherError, match=r"monitor cannot listen on 192\.0\.2\.1 port .*ML_MONITOR__HOST"):
        platform.start()


def test_of_a_program_that_stays_on_loopback_only_the_port_is_named(platform: Platform) -> None:
    platform.apps = (replace(platform.apps[0], host="192.0.2.1", may_move=False),)
    with pytest.raises(LauncherError, match=r"set ML_MONITOR__PORT to another"):
        platform.start()


def test_a_store_that_cannot_be_written_is_refused_and_nothing_is_started(platform: Platform) -> None:
    occupied = platform.folder / "file"
    occupied.write_text("a file where the store's folder belongs")
    platform.settings = platform.settings.model_copy(update={"store_url": SecretStr(f"json:///{occupied}")})
    with pytest.raises(StoreUnavailable, match=str(occupied)):
        platform.start()
    assert platform.records() == {}


@pytest.mark.parametrize("setting", ["run_folder", "log_folder"])
def test_a_folder_that_cannot_be_written_is_refused_by_its_setting(platform: Platform, setting: str) -> None:
    occupied = platform.folder / "file"
    occupied.write_text("")
    changed = platform.settings.model_copy(update={setting: str(occupied / "below")})
    with pytest.raises(LauncherError, match=f"cannot write to .*below: .*set ML_{setting.upper()} to another"):
        Platform(platform.folder, changed, platform.apps).start()


def test_a_log_that_cannot_be_written_is_refused(platform: Platform) -> None:
    (platform.log_folder / "monitor.log").mkdir(parents=True)
    with pytest.raises(LauncherError, match=r"cannot write to .*/monitor\.log"):
        platform.start()
