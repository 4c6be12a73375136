"""The notebook runs from its first cell to its last, as JupyterLab would run it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from anomaly_api.train import CONTAMINATION
from ml_core.config import project_root

NOTEBOOK = project_root() / "anomaly_api" / "notebooks" / "explore.ipynb"


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings by which the kernel "own" is this very Python, its sockets files of the test and none on the network."""
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    spec = tmp_path / "JUPYTER_DATA_DIR" / "kernels" / "own" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "display_name": "own", "language": "python"}))
    return Config({"KernelManager": {"transport": "ipc", "ip": str(tmp_path / "kernel")}})


def test_it_is_kept_without_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_it_explores_the_training_set_and_draws_the_boundary(kernels: Config) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, kernel_name="own", timeout=120, resources=folder, config=kernels).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}
    assert [output.name for output in outputs if output.output_type == "stream"] == ["stdout"]  # and no warning
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 5
    (told,) = [output.text for output in outputs if output.output_type == "stream"]
    match = re.search(r"^([\d,]+) of ([\d,]+) windows lie beyond it$", told, re.MULTILINE)
    assert match
    beyond, windows = (int(number.replace(",", "")) for number in match.groups())
    assert beyond / windows == pytest.approx(CONTAMINATION, rel=0.2)
