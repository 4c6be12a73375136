"""The Python of the README and of docs/client.md runs as it stands, against a real monitor app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ml_core.clock import FixedClock
from ml_core.config import project_root
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.serving import serving

ADDRESS = "http://localhost:5001"
DOCUMENTS = (project_root() / "README.md", project_root() / "docs" / "client.md")


@pytest.fixture
def url(settings: Settings, json_store: JsonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HOME", str(tmp_path))  # where the queue lies
    with serving(create_app(settings, json_store, FixedClock(datetime.now(UTC) + timedelta(minutes=1)))) as served:
        yield served


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_python_of_a_document_runs_as_it_stands(
    document: Path, url: str, json_store: JsonStore, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"```python\n(.+?)```", document.read_text(), re.DOTALL)
    assert len(examples) >= 2
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"age": random.normal(size=50), "calls": random.normal(size=50)})
    truths = (rows["age"] > 0).astype(int)
    model = LogisticRegression().fit(rows, truths)
    reference = rows.assign(value=model.predict(rows), truth=truths)
    names: dict[str, Any] = {"model": model, "rows": rows, "truths": truths, "reference": reference}
    exec("\n".join(examples).replace(ADDRESS, url), names)
    client = names["client"]
    if document.name == "README.md":
        client.close()
    status = client.status()
    assert status.accepted + status.duplicates == status.logged
    assert (status.refused, status.not_queued) == (0, 0)
    now = datetime.now(UTC)
    stored = json_store.scored("churn", now - timedelta(days=1), now + timedelta(days=1))
    assert stored["truth"].notna().sum() == 50
    assert set(stored["prediction_id"]) >= set(names["ids"])


def test_the_readme_needs_two_lines_beside_the_import() -> None:
    section = (project_root() / "README.md").read_text().split("## Monitor your model in two lines", 1)[1]
    first = re.findall(r"```python\n(.+?)```", section, re.DOTALL)[0]
    lines = [line for line in first.splitlines() if line and not line.startswith("from ")]
    assert len(lines) == 2
