"""The world of the tests on the embedded store and on one of SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_core.settings import Settings
from ml_core.store.opening import open_store
from tests.retraining_world import World


@pytest.fixture(params=["json", "sqlite"])
def world(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[World]:
    path = tmp_path / ("store" if request.param == "json" else "store.sqlite")
    url = f"{request.param}:///{path}"
    with closing(open_store(url)) as store:
        yield World(settings.model_copy(update={"store_url": url}), store, tmp_path)
