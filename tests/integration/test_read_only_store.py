"""A store in a folder that may only be read: what reads works, and what writes says in one line what it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_prediction, a_version

AS_NOBODY = """
import os, sys
from ml_core.config import load_settings
from ml_core.store.__main__ import main
from ml_monitor.app import create_app

def ask(store, *words):
    os.environ["ML_STORE_URL"] = f"json:///{store}"
    if words[0] == "get":
        answer = create_app(load_settings()).test_client().get(words[1])
        print(answer.status_code, answer.text)
    else:
        main(words, standalone_mode=False)

ask(sys.argv[1], *sys.argv[3:])  # imports all that it needs, from where nobody may perhaps read nothing
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print("as nobody")
ask(sys.argv[2], *sys.argv[3:])
"""


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store with a model, a prediction and what killed writers left, which its reader may not write to."""
    folder = tmp_path / "store"
    with closing(JsonStore(folder)) as store:
        store.put_model(a_model("fraud"))
        store.add_version(a_version("fraud", artifact=None))
        store.record_predictions("fraud", [a_prediction(NOON)])
    (folder / "documents" / ".models.json.1.tmp").touch()
    (folder / "records" / "predictions" / "fraud" / ".2026-11-20.jsonl.1.tmp").touch()
    # An unprivileged user has to be let through to the folder, which is a private one.
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/") and "pytest" in str(parent):
            parent.chmod(0o755)
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for each in folders:
        each.chmod(0o555)
    yield folder
    for each in folders:
        each.chmod(0o755)


def run(store: Path, *words: str) -> tuple[int, str, str]:
    """Ask a copy of the store, and then the store itself as a user whom the rights of files bind.

    Return the exit status, and what the latter printed on standard output and standard error.
    """
    project, copy = Path(__file__).resolve().parents[2], store.with_name("copy")
    shutil.copytree(store, copy, dirs_exist_ok=True)
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(copy), str(store), *words],
        capture_output=True,
        text=True,
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": str(project),
            "PYTHONUNBUFFERED": "1",
            "ML_ARTIFACTS_FOLDER": str(store.with_name("artifacts")),
        },
    )
    return done.returncode, done.stdout.rpartition("as nobody\n")[2], done.stderr


def test_commands_that_read_work(read_only: Path, tmp_path: Path) -> None:
    code, counted, trouble = run(read_only, "stats")
    assert (code, counted.splitlines()[0]) == (0, "predictions: 1"), trouble
    code, verified, trouble = run(read_only, "verify")
    assert (code, verified.endswith(": all as written\n")) == (0, True), trouble
    target = tmp_path / "elsewhere"
    target.mkdir()
    target.chmod(0o777)
    code, saved, trouble = run(read_only, "backup", "--no-artifacts", str(target / "backup.tar.gz"))
    assert (code, "predictions: 1 copied" in saved) == (0, True), trouble


def test_a_command_that_writes_says_in_one_line_what_it_needs(read_only: Path) -> None:
    code, _, trouble = run(read_only, "compact")
    assert (code, "Traceback" in trouble) == (1, False)
    assert trouble.splitlines()[-1].startswith(f"error: cannot write {read_only}/")
    assert "check the rights" in trouble.splitlines()[-1]


def test_the_page_of_a_model_answers_and_readiness_tells_of_it(read_only: Path) -> None:
    _, page, trouble = run(read_only, "get", "/ui/models/fraud")
    assert page.startswith("200 ") and "fraud" in page, trouble
    _, ready, _ = run(read_only, "get", "/readyz")
    assert ready.startswith("503 ") and "Permission denied" in ready
