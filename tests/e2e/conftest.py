"""A real browser, and a dashboard that is a real process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ml_core.clock import Clock
from ml_core.config import project_root
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from tests.processes import RunningApp, own_folders, start_app

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without a sandbox of its own it runs as root too; the rest keeps it from asking anyone else.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class LiveMonitor:
    """A served dashboard, and the registry whose store it reads."""

    app: RunningApp
    registry: Registry

    @property
    def url(self) -> str:
        return self.app.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own chromium or chrome, without a window."""
    found = [path for path in map(shutil.which, _BROWSERS) if path]
    assert found, f"a browser is needed on the PATH: one of {', '.join(_BROWSERS)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, as install.sh --dev fetches it."""
    path = project_root() / "var" / "tools" / "axe" / "package" / "axe.min.js"
    assert path.exists(), "needs axe-core: run ./install.sh --dev"
    return path.read_text()


@pytest.fixture(scope="module")
def live_monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMonitor]:
    """A dashboard on an empty store of its own."""
    folder: Path = tmp_path_factory.mktemp("monitor")
    store = JsonStore(folder / "store")
    with start_app("ml_monitor", own_folders(folder)) as app:
        yield LiveMonitor(app, Registry(store, folder / "artifacts", Clock()))
    store.close()
