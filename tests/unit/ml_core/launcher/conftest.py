"""A platform of small web apps that are real processes, started and stopped by the launcher itself."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ml_core.launcher.ending import end, end_leftovers
from ml_core.launcher.pid_files import Record, read_record, recorded
from ml_core.launcher.programs import Program
from ml_core.launcher.start import start
from ml_core.settings import Settings
from ml_core.store.opening import open_store
from tests.factories import a_model

_FAKE_APP = """
import http.server, json, pathlib, signal, subprocess, sys, time

conduct = json.loads(pathlib.Path(__file__).with_suffix(".json").read_text())
assert sys.argv[1:] == ["serve"]
print("first line of", conduct["name"], flush=True)
if conduct["dies"]:
    sys.exit(conduct["dies"])
if conduct["stubborn"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if conduct["helper"]:
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    pathlib.Path(conduct["helper"]).write_text(str(helper.pid))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        away = pathlib.Path(__file__).with_suffix(".away").exists()
        self.send_response(200 if conduct["ready"] and not away and self.path == "/readyz" else 503)
        self.end_headers()
        self.wfile.write(b"store: away")

http.server.ThreadingHTTPServer(("127.0.0.1", conduct["port"]), Handler).serve_forever()
"""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Platform:
    """Two fake apps with folders of their own; ``conduct()`` says how one behaves when it is started."""

    folder: Path
    settings: Settings
    apps: tuple[Program, ...]
    train_command: tuple[str, ...] = (sys.executable, "-c", "raise SystemExit('the training was not expected')")
    pids: set[int] = field(default_factory=set)

    @property
    def run_folder(self) -> Path:
        return Path(self.settings.run_folder)

    @property
    def log_folder(self) -> Path:
        return Path(self.settings.log_folder)

    def conduct(self, app: Program, **changes: object) -> None:
        values = {"name": app.name, "port": app.port, "ready": True, "dies": 0, "stubborn": False, "helper": ""}
        (self.folder / f"{module_of(app)}.json").write_text(json.dumps(values | changes))

    def lose_readiness(self, app: Program) -> None:
        """Let an app that runs answer from now on that it is not ready."""
        (self.folder / f"{module_of(app)}.away").touch()

    def start(self, ready_seconds: float = 20.0) -> None:
        start(self.settings, self.apps, train_command=self.train_command, ready_seconds=ready_seconds)
        self.pids.update(record.pid for record in self.records().values())

    def reap(self) -> None:
        """Collect those that ended: the launcher has left them to themselves, but here they are our own children."""
        for pid in self.pids:
            with contextlib.suppress(ChildProcessError):  # collected before, or not started by this process
                os.waitpid(pid, os.WNOHANG)

    def records(self) -> dict[str, Record]:
        return recorded(self.run_folder)

    def record(self, app: Program) -> Record:
        record = read_record(self.run_folder, app.name)
        assert record is not None
        return record

    def log(self, app: Program) -> str:
        return (self.log_folder / f"{app.name}.log").read_text()


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform that is stopped and has a registered model; what a test leaves running is ended."""
    # A start in another process gets its settings from there.
    for name in ("store", "run", "log"):
        monkeypatch.setenv(f"ML_{name.upper()}_{'URL' if name == 'store' else 'FOLDER'}", _setting(tmp_path, name))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = Settings(
        store_url=SecretStr(_setting(tmp_path, "store")),
        run_folder=_setting(tmp_path, "run"),
        log_folder=_setting(tmp_path, "log"),
    )
    apps = tuple(fake_app(name, free_port()) for name in ("monitor", "models"))
    made = Platform(tmp_path, settings, apps)
    for app in apps:
        (tmp_path / f"{module_of(app)}.py").write_text(_FAKE_APP)
        made.conduct(app)
    register_model(settings)
    yield made
    for name, record in made.records().items():
        end(record, grace_seconds=0)
        end_leftovers(made.run_folder, name, record, grace_seconds=0)
    made.reap()


def fake_app(name: str, port: int, **more: Any) -> Program:
    """Return a fake app; its module is on the path of what is started."""
    command = (sys.executable, "-m", f"fake_{name}", "serve")
    values: dict[str, Any] = {
        "section": name,
        "host": "127.0.0.1",
        "title": f"the {name}",
        "command": command,
        "reads_store": True,
        "may_move": True,
        "train_command": (sys.executable, "-m", f"fake_{name}", "train"),
    }
    return Program(name=name, port=port, **(values | more))


def module_of(app: Program) -> str:
    """Return the name of a fake app's module."""
    return app.command[2]


def register_model(settings: Settings) -> None:
    """Put a model into the store, so that nothing must be trained."""
    store = open_store(settings.store_url.get_secret_value())
    store.put_model(a_model())
    store.close()


def _setting(folder: Path, name: str) -> str:
    return f"json:///{folder / name}" if name == "store" else str(folder / name)
