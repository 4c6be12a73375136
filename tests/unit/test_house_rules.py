"""Rules that hold for the whole tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml_core.config import project_root

PACKAGES = ("ml_core", "ml_models", "ml_monitor", "forecasting_jobs", "cloudwatch_engine", "anomaly_api")
APPS = ("ml_models", "ml_monitor", "cloudwatch_engine", "anomaly_api")
HEAVY = {"tensorflow", "keras", "xgboost", "statsmodels", "scipy", "sklearn"}
SOURCES = sorted(path for package in PACKAGES for path in (project_root() / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(project_root()))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=relative)
def test_a_package_file_holds_a_docstring_and_nothing_else(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert len(body) == 1
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "__init__.py"], ids=relative)
def test_a_module_has_a_docstring_and_at_most_300_lines(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 300


def test_no_module_of_an_app_bears_a_name_of_the_standard_library() -> None:
    # `python app.py` puts the app's folder first on the path: such a module would take the place of the real one.
    names = {
        relative(path) for path in SOURCES if path.parts[-2] in PACKAGES[1:] and path.stem in sys.stdlib_module_names
    }
    assert names <= {"ml_models/test.py"}  # the door to that app's tests, as the first system had it


def test_nobody_changes_a_champion_past_the_history() -> None:
    past = {relative(path) for path in SOURCES if re.search(r"registry\.(promote|roll_back)\(", path.read_text())}
    assert {path for path in past if not path.startswith("ml_core/retraining/")} == set()


@pytest.mark.parametrize("app", APPS)
def test_a_web_app_imports_no_heavy_library(app: str) -> None:
    code = (
        f"import sys; import {app}.app, {app}.__main__; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert app in loaded
    assert HEAVY & set(loaded) == set()


def test_importing_any_module_reads_no_environment_and_opens_no_socket_or_file_for_writing() -> None:
    modules = [relative(path)[:-3].replace("/", ".") for path in SOURCES if path.name not in ("__init__.py", "test.py")]
    code = f"""
import importlib, os, socket, sys
import pandas, flask_openapi3, flask_openapi3_swagger, prometheus_client, sqlalchemy, tinydb, pymysql, granian.server
import click, filelock, crc32c, uuid_utils, yaml, orjson, requests
def hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen"):
        raise SystemExit(f"{{event}} {{arguments}}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"{{event}} {{arguments}}")
sys.addaudithook(hook)
sys.dont_write_bytecode = True
class Environment(dict):
    def get(self, name, default=None):
        if name.startswith("ML_"): raise SystemExit("environment " + name)
        return super().get(name, default)
os.environ = Environment(os.environ)
for name in {modules!r}:
    importlib.import_module(name)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=project_root())
    assert result.returncode == 0, result.stderr[-2000:]


def test_apps_start_from_inside_their_folders() -> None:
    for folder, script in (
        ("ml_models", "app.py"),
        ("ml_monitor", "app.py"),
        ("cloudwatch_engine", "app.py"),
        ("cloudwatch_engine", "engine.py"),
        ("anomaly_api", "app.py"),
        ("ml_models", "run_model.py"),
    ):
        code = f"import runpy; runpy.run_path({script!r}, run_name='not_main')"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=project_root() / folder
        )
        assert result.returncode == 0, result.stderr
