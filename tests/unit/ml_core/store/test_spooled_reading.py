"""What is read from a store on a MariaDB that is away: models that are known, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import StageChange
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction, a_version
from tests.mariadb import MariaDbServer
from tests.processes import eventually

MODEL = "housing_price"
HOUR = timedelta(hours=1)
StoredIds = Callable[[], list[str]]
OpenSpooled = Callable[[], SpooledSqlStore]


def test_known_models_are_served_during_an_outage_also_by_a_process_that_was_started_then(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, open_spooled: OpenSpooled
) -> None:
    spooled.put_model(a_model(seed_id="model1"))
    spooled.add_version(a_version())
    spooled.change_stage(MODEL, StageChange(NOON, "promote", 1, None))
    model, versions = spooled.list_models()[0], spooled.list_versions(MODEL)
    assert spooled.get_version(MODEL, 1) == versions[0]
    stoppable_server.stop()
    for each in (spooled, open_spooled()):
        assert each.list_models() == [model]
        assert each.get_model(MODEL) == model
        assert each.get_model("model1") is None  # no name; the caller goes on to look for the seed id
        assert each.list_versions(MODEL) == versions
        assert each.get_version(MODEL, 1) == versions[0]
        assert each.record_predictions(MODEL, [a_prediction()]).spooled == 1


def test_a_process_that_was_ready_once_knows_what_it_was_never_asked(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, open_spooled: OpenSpooled
) -> None:
    spooled.put_model(a_model())
    spooled.add_version(a_version())
    spooled.add_version(a_version())
    spooled.change_stage(MODEL, StageChange(NOON, "promote", 2, None))
    fresh = open_spooled()
    fresh.check()
    stoppable_server.stop()
    model = fresh.get_model(MODEL)
    assert model is not None
    assert model.champion == 2
    champion = fresh.get_version(MODEL, 2)
    assert champion is not None
    assert champion.number == 2
    with pytest.raises(StoreUnavailable):
        fresh.get_version(MODEL, 1)  # not served, so not asked for beforehand


def test_what_is_not_known_is_unavailable_and_so_is_all_else(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore
) -> None:
    stoppable_server.stop()
    change = StageChange(NOON, "promote", 1, None)
    for work in (
        spooled.list_models,
        lambda: spooled.get_model(MODEL),
        lambda: spooled.get_version(MODEL, 1),
        lambda: spooled.list_versions(MODEL),
        lambda: spooled.put_model(a_model()),
        lambda: spooled.add_version(a_version()),
        lambda: spooled.change_stage(MODEL, change),
        lambda: spooled.claim_run("nightly", NOON, now=NOON, lease=HOUR, holder="me"),
        lambda: spooled.predictions(MODEL, NOON, NOON + HOUR),
        spooled.count_records,
    ):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            work()


def test_a_change_of_champion_is_seen_as_soon_as_the_database_is_back(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spooled_url: str
) -> None:
    spooled.put_model(a_model())
    spooled.add_version(a_version())
    assert spooled.get_model(MODEL) is not None
    stoppable_server.stop()
    found = spooled.get_model(MODEL)
    assert found is not None
    assert found.champion is None
    stoppable_server.start()
    with closing(SqlStore(spooled_url)) as elsewhere:
        elsewhere.change_stage(MODEL, StageChange(NOON, "promote", 1, None))

    def is_seen() -> bool:
        model = spooled.get_model(MODEL)
        return model is not None and model.champion == 1

    eventually(is_seen, seconds=5)
