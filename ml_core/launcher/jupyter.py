"""JupyterLab with the suite's notebooks, for ``make run-jupyter``.

Whoever can call it can run any code, so it asks for a token: that of the variable JUPYTER_TOKEN, or one made for this
start. It listens on loopback alone, and keeps what it writes below ``run_folder``, not in the user's home.
"""

from __future__ import annotations

import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

from ml_core.config import project_root, resolve_path
from ml_core.launcher.pid_files import read_record
from ml_core.launcher.programs import Program
from ml_core.settings import Settings

NAME = "jupyter"
_HOST = "127.0.0.1"


def jupyter(settings: Settings) -> Program:
    """Return JupyterLab with a token that is shown in its address."""
    folder = resolve_path(settings.run_folder) / NAME
    token_file = folder / "token"
    token = _token_in_force(settings, token_file) or os.environ.get("JUPYTER_TOKEN") or secrets.token_urlsafe(24)
    notebooks = project_root() / "anomaly_api" / "notebooks"
    port = settings.jupyter.port
    return Program(
        name=NAME,
        section="jupyter",
        host=_HOST,
        port=port,
        command=(
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--ip={_HOST}", f"--port={port}", "--ServerApp.port_retries=0"),
            f"--ServerApp.root_dir={notebooks}",
            # What asks other hosts: the news and the list of extensions.
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None",
            "--LabApp.extension_manager=readonly",
        ),
        title="JupyterLab with the notebooks",
        ready_path="/api",
        files={token_file: token},
        environment={
            "JUPYTER_TOKEN": token,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "npm_config_cache": str(folder / "npm"),  # it asks npm what it can do, where there is one
        },
        shown_url=f"http://{_HOST}:{port}/lab/tree/explore.ipynb?token={token}",
    )


def _token_in_force(settings: Settings, token_file: Path) -> str | None:
    """Return the token that the JupyterLab which runs already was started with."""
    record = read_record(resolve_path(settings.run_folder), NAME)
    if record is None or not record.is_running():
        return None
    return token_file.read_text(encoding="utf-8") if token_file.exists() else None


def jupyter_is_installed() -> bool:
    """Return whether JupyterLab is among the packages of this Python."""
    return find_spec("jupyterlab") is not None
