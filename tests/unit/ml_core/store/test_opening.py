"""Which store and which spool a URL names."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ml_core.errors import ConfigurationError
from ml_core.settings import SpoolSettings
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_spool, open_store
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore

SERVER = "mysql+pymysql://suite:secret@127.0.0.1:1/suite"


@pytest.fixture
def settings(tmp_path: Path) -> SpoolSettings:
    return SpoolSettings(folder=str(tmp_path / "spool"), max_megabytes=3)


def test_only_a_store_on_a_server_gets_a_spool(settings: SpoolSettings, tmp_path: Path) -> None:
    kinds = {f"json:///{tmp_path / 'json'}": JsonStore, f"sqlite:///{tmp_path / 'db'}": SqlStore}
    for url, kind in (kinds | {SERVER: SpooledSqlStore}).items():
        with closing(open_store(url, spool=settings)) as store:
            assert type(store) is kind
            assert store.notices() == []
    assert not (tmp_path / "spool").exists()


def test_without_settings_of_a_spool_there_is_none() -> None:
    with closing(open_store(SERVER)) as store:
        assert type(store) is SqlStore
        assert store.spool_status() is None


def test_the_spool_lies_in_a_folder_of_its_database_and_is_as_large_as_set(
    settings: SpoolSettings, tmp_path: Path
) -> None:
    spool = open_spool(SERVER, settings)
    assert spool.folder.parent == tmp_path / "spool"
    assert spool.max_bytes == 3_000_000
    assert open_spool(SERVER.replace("secret", "changed"), settings).folder == spool.folder


@pytest.mark.parametrize("url", ["json:///var/store", "sqlite:///var/store.db", "mysql+pymysql://", "http://[", ""])
def test_a_url_without_a_server_has_no_spool(url: str, settings: SpoolSettings) -> None:
    with pytest.raises(ConfigurationError, match=r"^store_url: only a store at mysql\+pymysql://... has a spool"):
        open_spool(url, settings)
