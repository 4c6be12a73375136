"""``python -m ml_core.store``: what an operator does about records that wait or were set apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.settings import SpoolSettings
from ml_core.store.__main__ import main
from ml_core.store.opening import open_spool
from ml_core.store.poison import damaged_line
from ml_core.store.spool import Spool
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    return server.new_database()


@pytest.fixture
def spool(url: str, tmp_path: Path) -> Spool:
    return open_spool(url, SpoolSettings(folder=str(tmp_path)))


@pytest.fixture
def command(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ML_STORE_URL", url)
    monkeypatch.setenv("ML_SPOOL__FOLDER", str(tmp_path))
    return CliRunner()


def test_replay_sends_what_waits_and_tells_what_became_of_it(command: CliRunner, spool: Spool, url: str) -> None:
    rows = [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(3)]
    other = a_prediction(NOON, prediction_id="order-0", value=9.0)
    spool.append("predictions", MODEL, [*rows, rows[1], other], NOON)
    result = command.invoke(main, ["replay"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "nothing waits any more: 3 stored, 1 stored already, 1 set apart\n"
    assert "0 still wait" in result.stderr
    with closing(SqlStore(url)) as store:
        assert store.count_records()["predictions"] == {MODEL: 3}
    assert command.invoke(main, ["replay"]).stdout.startswith("nothing waits any more: 0 stored")


def test_replay_tells_that_the_database_is_away_and_keeps_what_waits(
    command: CliRunner, spool: Spool, server: MariaDbServer
) -> None:
    spool.append("predictions", MODEL, [a_prediction()], NOON)
    server.stop()
    try:
        result = command.invoke(main, ["replay"])
    finally:
        server.start()
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert server.password not in result.output
    assert spool.status().records == 1


def test_replay_leaves_it_to_a_process_that_is_at_it(
    command: CliRunner, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.store.spool_commands._LOCK_SECONDS", 0.05)
    with spool.replaying():
        result = command.invoke(main, ["replay"])
    assert result.exit_code == 1
    assert result.stderr == "error: another process replays what waits now; look again in a moment\n"


@pytest.fixture
def conflict(command: CliRunner, spool: Spool, url: str) -> str:
    """Two records that contradict stored ones are set apart; return the id of the first."""
    rows = [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(2)]
    with closing(SqlStore(url)) as store:
        store.record_predictions(MODEL, rows)
    changed = [a_prediction(NOON, prediction_id=row.prediction_id, value=9.0) for row in rows]
    spool.append("predictions", MODEL, changed, NOON)
    assert command.invoke(main, ["replay"]).exit_code == 0
    return spool.poisoned()[0].poison_id


def test_poisoned_lists_each_record_with_its_reason(command: CliRunner, conflict: str) -> None:
    lines = command.invoke(main, ["poisoned"]).stdout.splitlines()
    assert lines[0].startswith(f"{conflict[:12]}  20")
    assert lines[0].endswith("predictions housing_price order-0")
    assert lines[1].startswith(
        "    prediction_id: this id is stored already with another content: value 250000.0, not 9.0"
    )
    first, second = map(json.loads, command.invoke(main, ["poisoned", "--json"]).stdout.splitlines())
    assert first["poison_id"] == conflict
    assert (second["row"]["prediction_id"], second["row"]["value"]) == ("order-1", 9.0)


def test_nothing_set_apart_is_told(command: CliRunner) -> None:
    assert command.invoke(main, ["poisoned"]).stdout == "no record is set apart\n"
    assert command.invoke(main, ["poisoned", "--json"]).stdout == ""
    assert command.invoke(main, ["requeue", "--all"]).stdout.startswith("0 put back")


def test_requeue_takes_beginnings_of_ids_or_all(command: CliRunner, spool: Spool, conflict: str) -> None:
    assert command.invoke(main, ["requeue", conflict[:12]]).stdout.startswith("1 put back")
    assert spool.status().records == spool.status().poisoned == 1
    assert command.invoke(main, ["requeue", "--all"]).exit_code == 0
    assert (spool.status().records, spool.status().poisoned) == (2, 0)


def test_a_damaged_line_stays_apart_and_is_told(command: CliRunner, spool: Spool) -> None:
    spool.set_apart([damaged_line(b'{"kind":"pred', NOON)])
    assert command.invoke(main, ["poisoned"]).stdout.splitlines()[0].endswith("a damaged line")
    result = command.invoke(main, ["requeue", "--all"])
    assert "1 cannot be put back" in result.stdout
    assert spool.status().poisoned == 1


def test_an_id_that_fits_none_or_several_is_refused(command: CliRunner, conflict: str) -> None:
    for beginning, count in (("xyz", "no"), ("", "2")):
        result = command.invoke(main, ["requeue", beginning])
        assert result.exit_code == 1
        assert result.stderr == (
            f"error: {count} records that are set apart have an id that begins with {beginning!r}\n"
        )


@pytest.mark.parametrize("arguments", [["requeue"], ["requeue", "--all", "abc"]])
def test_a_requeue_that_names_nothing_or_both_is_refused(command: CliRunner, arguments: list[str]) -> None:
    result = command.invoke(main, arguments)
    assert result.exit_code == 2
    assert "--all" in result.stderr


@pytest.mark.parametrize("verb", [["replay"], ["poisoned"], ["requeue", "--all"]])
@pytest.mark.parametrize("store", ["json:///{}", "sqlite:///{}/store.db"])
def test_a_store_without_a_spool_says_so(
    store: str, verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_STORE_URL", store.format(tmp_path))
    result = CliRunner().invoke(main, verb)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: store_url: only a store at mysql+pymysql://... has a spool")
