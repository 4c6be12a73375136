"""JupyterLab as ``make run-jupyter`` starts it: the notebook behind a token, and nothing left in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ml_core.config import project_root
from ml_core.processes import free_port
from tests.processes import own_folders


def launcher(environment: dict[str, str], *words: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "ml_core.launcher", *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=project_root(),
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a launcher with folders and a home of its own; what it has started is stopped."""
    made = {name: value for name, value in os.environ.items() if not name.startswith(("ML_", "JUPYTER"))}
    made |= own_folders(tmp_path) | {"ML_JUPYTER__PORT": str(free_port()), "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    yield made
    launcher(made, "stop", "--all")


def test_it_shows_the_notebook_to_whoever_has_the_token_and_to_nobody_else(
    environment: dict[str, str], tmp_path: Path
) -> None:
    told = launcher(environment, "start", "jupyter")
    (address,) = (word for word in told.split() if word.startswith("http://"))
    assert urlsplit(address).path == "/lab/tree/explore.ipynb"
    (token,) = parse_qs(urlsplit(address).query)["token"]
    contents = f"http://127.0.0.1:{environment['ML_JUPYTER__PORT']}/api/contents"
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(contents, timeout=30).status_code == 403
        assert session.get(contents, params={"token": "guessed"}, timeout=30).status_code == 403
        found = session.get(contents, params={"token": token}, timeout=30).json()["content"]
        assert "explore.ipynb" in {file["name"] for file in found}
        assert session.get(address, timeout=30).status_code == 200
    assert address in launcher(environment, "start", "jupyter")  # the token of the one that runs
    assert launcher(environment, "stop") == "nothing to stop\n"  # it is no part of the platform
    assert launcher(environment, "stop", "jupyter").startswith("stopped jupyter")
    assert list((tmp_path / "home").iterdir()) == []
