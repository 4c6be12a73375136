"""What all tests share: no setting of the machine reaches them, and tests that need TensorFlow run only where it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Several pytest workers, and the servers of their tests, share the cores: threads that spin while they wait for others
# of their process take them away. To be said before numpy is loaded; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import pytest

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import CloudWatchSettings, Settings, SpoolSettings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

_TESTS = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of the neural family after ``install.sh --no-deep``."""
    if find_spec("tensorflow") is None:
        left_out = [item for item in items if item.get_closest_marker("deep")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With many workers let one make what a file shares: pytest 9.2 does not heed the groups of xdist 3.8."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if _is_kept_together(file) else nodeid

    return Together(config, log)


@cache
def _is_kept_together(file: str) -> bool:
    """Return whether tests of a file share servers, go by the order in it, or share what a fixture has made."""
    path = _TESTS.parent / file
    if path.is_relative_to(_TESTS / "e2e") or path.is_relative_to(_TESTS / "integration"):
        return True
    text = path.read_text()
    return 'scope="module"' in text or "pytest.mark.xdist_group" in text


_MADE_UP = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{11,12}", re.IGNORECASE)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a case alike in every process: an id, which is drawn anew in each, has no place in its name."""
    text = val if isinstance(val, str) else repr(val)
    return _MADE_UP.sub("new", text) if _MADE_UP.search(text) else None


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("ML_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose every folder is the test's own."""
    return Settings(
        store_url=f"json:///{tmp_path / 'store'}",
        artifacts_folder=str(tmp_path / "artifacts"),
        run_folder=str(tmp_path / "run"),
        log_folder=str(tmp_path / "log"),
        spool=SpoolSettings(folder=str(tmp_path / "spool")),
        cloudwatch=CloudWatchSettings(folder=str(tmp_path / "cloudwatch")),
    )


@pytest.fixture
def json_store(tmp_path: Path) -> Iterator[JsonStore]:
    """An empty embedded store."""
    store = JsonStore(tmp_path / "store")
    yield store
    store.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon."""
    return FixedClock(NOON)


@pytest.fixture
def registry(json_store: JsonStore, tmp_path: Path, clock: FixedClock) -> Registry:
    """A registry on the empty embedded store."""
    return Registry(json_store, tmp_path / "artifacts", clock)
