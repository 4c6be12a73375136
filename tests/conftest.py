"""What all tests share: no setting of the machine reaches them, and tests that need TensorFlow run only where it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

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


@pytest.hookimpl(tryfirst=True)  # xdist looks at the groups in this hook too
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of the neural family after ``install.sh --no-deep``; keep tests that share something together."""
    if find_spec("tensorflow") is None:
        left_out = [item for item in items if item.get_closest_marker("deep")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        # With many workers these go to one, which makes once what they share; whole programs go by the order in a file.
        if item.path.is_relative_to(_TESTS / "e2e") or item.path.is_relative_to(_TESTS / "integration"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        elif isinstance(item, pytest.Function) and _shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(_TESTS))))


def _shares_with_its_module(item: pytest.Function) -> bool:
    fixtures = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]
    return any(fixture.scope == "module" for fixture in fixtures)


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
