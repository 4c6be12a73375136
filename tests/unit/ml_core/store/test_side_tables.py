"""Tables beside the store, in a database of their own on a real MariaDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.store.side_tables import Rows, SideTable, SideTables, open_side_tables
from tests.factories import NOON
from tests.mariadb import MariaDbServer, new_server

TABLE = SideTable(
    "model_versions", {"server": "text", "hour": "time", "value": "number", "flag": "letter"}, keys=("hour", "server")
)
ROW = {"server": "ABP", "hour": NOON, "value": 12345.6, "flag": "N"}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A server of this module's own."""
    server = new_server()
    yield server
    server.remove()


@pytest.fixture
def tables(server: MariaDbServer) -> Iterator[SideTables]:
    """The tables beside an empty store, one of them made."""
    tables = open_side_tables(server.new_database(), None)
    assert tables is not None
    with closing(tables):
        tables.create([TABLE], {"newest": "SELECT MAX(hour) AS hour FROM model_versions"})
        yield tables


def test_rows_are_written_once_by_their_keys_wherever_these_stand(tables: SideTables) -> None:
    for value in (1.0, 2.0):
        tables.put(TABLE, [ROW | {"value": value}, ROW | {"server": "abp"}])
    assert tables.select("SELECT server, value FROM model_versions ORDER BY server") == [("ABP", 2.0), ("abp", 12345.6)]
    assert tables.select("SELECT hour FROM newest") == [(NOON.replace(tzinfo=None),)]


def test_of_a_column_that_keeps_its_first_value_null_is_none(tables: SideTables) -> None:
    for value, flag in ((None, "N"), (3.0, "Y"), (4.0, "X")):
        tables.put(TABLE, [ROW | {"value": value, "flag": flag}], keep_first=("value", "flag"))
    assert tables.select("SELECT value, flag FROM model_versions") == [(3.0, "N")]


def test_rows_of_several_tables_are_all_there_or_none(tables: SideTables) -> None:
    missing = SideTable("never_made", {"hour": "time"})
    with pytest.raises(StoreUnavailable, match="lost its tables"):
        tables.put_together([Rows(TABLE, [ROW]), Rows(missing, [{"hour": NOON}])])
    assert tables.select("SELECT * FROM model_versions") == []
    tables.run("UPDATE model_versions SET flag = 'Y'")


def test_what_is_there_stays_and_a_view_is_renewed_only_if_told(tables: SideTables) -> None:
    tables.put(TABLE, [ROW])
    for anew, expected in ((False, "hour"), (True, "later")):
        tables.create([TABLE], {"newest": "SELECT MAX(hour) AS later FROM model_versions"}, anew=anew)
        assert tables.select("SHOW COLUMNS FROM newest")[0][0] == expected
    assert len(tables.select("SELECT * FROM model_versions")) == 1


def test_the_database_is_the_one_that_is_named_and_none_of_the_stores_tables_are_in_it(server: MariaDbServer) -> None:
    url = server.new_database()
    named = open_side_tables(url, "chosen_by_hand")
    assert named is not None
    with closing(named):
        named.create([TABLE], {})
    assert server.execute("SHOW TABLES FROM chosen_by_hand") == [("model_versions",)]
    assert server.execute(f"SHOW TABLES FROM {url.rsplit('/', 1)[1]}") == []
    assert open_side_tables(url, "") is None
    for other in ("json:///var/store", "sqlite:///var/store.db", "http://[", "mysql+pymysql://host"):
        assert open_side_tables(other, None) is None


def test_a_user_who_may_not_make_the_database_is_told_what_to_do(server: MariaDbServer) -> None:
    name = server.new_database().rsplit("/", 1)[1]
    server.execute(
        "CREATE USER IF NOT EXISTS 'narrow'@'127.0.0.1' IDENTIFIED BY 'only-for-tests'",
        f"GRANT ALL ON {name}.* TO 'narrow'@'127.0.0.1'",
    )
    tables = open_side_tables(f"mysql+pymysql://narrow:only-for-tests@127.0.0.1:{server.port}/{name}", None)
    assert tables is not None
    with closing(tables):
        with pytest.raises(StoreUnavailable, match=f"database {name}_art is not there, .*: create it, with all rights"):
            tables.create([TABLE], {})
        server.execute(f"CREATE DATABASE {name}_art", f"GRANT ALL ON {name}_art.* TO 'narrow'@'127.0.0.1'")
        tables.create([TABLE], {})
        assert tables.select("SELECT * FROM model_versions") == []


def test_a_server_that_is_away_is_told_as_such(server: MariaDbServer) -> None:
    url = server.new_database()
    with closing(SideTables(re.sub(r":\d+/", ":1/", url))) as tables, pytest.raises(StoreUnavailable, match="reached"):
        tables.create([TABLE], {})


def test_a_key_may_have_four_texts(tables: SideTables) -> None:
    wide = SideTable("wide", dict.fromkeys(("a", "b", "c", "d", "e"), "text"), keys=4)
    tables.create([wide], {})
    tables.put(wide, [dict.fromkeys(wide.columns, "ä" * 190)])
    assert tables.select("SELECT COUNT(*) FROM wide") == [(1,)]


def test_names_and_keys_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("expected letters, digits and '_'")):
        SideTable("a; DROP TABLE b", {"c": "number"})
    with pytest.raises(ValueError, match="keys: a has no column d"):
        SideTable("a", {"c": "number"}, keys=("c", "d"))
