"""Forecasts of the embedded store under killed writers, torn and damaged lines, and files that cannot grow."""

from __future__ import annotations

import json
import logging
import multiprocessing
import random
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import Forecast
from ml_core.store.json_forecasts import PENDING
from ml_core.store.json_segments import segment_lock
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_forecast, an_observation

WEB = "web/cpu"
HOURS = 60  # over four days
DAY = timedelta(days=1)
KILLS = 20


def a_long_forecast(version: int) -> Forecast:
    forecast = a_forecast(hours=HOURS, version=version)
    return replace(forecast, steps=tuple(replace(step, value=step.value + version) for step in forecast.steps))


def folder_of(store: JsonStore) -> Path:
    return store.folder / "records" / "forecasts" / "web%2Fcpu"


def stored(store: JsonStore, model: str | None = None) -> pd.DataFrame:
    return store.forecasts(WEB, NOON, NOON + 9 * DAY, model=model)


def assert_whole(store: JsonStore, version: int) -> None:
    frame = stored(store, "arima")
    assert frame["version"].to_list() == [version] * HOURS
    assert frame["value"].to_list() == [float(hour + version) for hour in range(1, HOURS + 1)]


# What lies on disk


def test_a_line_holds_the_steps_of_a_forecast_in_a_day_and_nothing_is_pending(json_store: JsonStore) -> None:
    json_store.put_forecast(a_forecast(hours=14))
    files = {path.name: path.read_text().splitlines() for path in folder_of(json_store).glob("*.jsonl")}
    assert {name: len(lines) for name, lines in files.items()} == {"2026-11-20.jsonl": 1, "2026-11-21.jsonl": 1}
    line = json.loads(files["2026-11-21.jsonl"][0])
    assert line["valid_time"] == ["2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z", "2026-11-21T02:00:00Z"]
    assert (line["model"], line["value"], line["lower_95"]) == ("arima", [12.0, 13.0, 14.0], [10.0, 11.0, 12.0])


# Writers that are killed


def _put_until_killed(folder: Path, first: int, acknowledged: Connection) -> None:
    store = JsonStore(folder)
    version = first
    while True:
        store.put_forecast(a_long_forecast(version))
        store.record_observations(WEB, [an_observation(NOON + timedelta(minutes=version), float(version))])
        acknowledged.send(version)
        version += 1


def test_after_a_kill_the_forecast_is_whole_and_not_older_than_what_was_told(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    chance = random.Random(20261120)
    version = half_done = 0
    for _ in range(KILLS):
        receiver, sender = context.Pipe(duplex=False)
        writer = context.Process(target=_put_until_killed, args=(folder, version + 1, sender))
        writer.start()
        sender.close()
        version = receiver.recv()
        time.sleep(chance.uniform(0, 0.02))
        writer.kill()
        with suppress(EOFError, OSError):  # the last message may be cut
            while True:
                version = receiver.recv()
        writer.join(10)
        writer.close()
        receiver.close()
        store = JsonStore(folder)
        half_done += (folder_of(store) / PENDING).exists()
        (found,) = set(stored(store)["version"])
        assert found in (version, version + 1)
        assert_whole(store, found)
        observed = store.observations(WEB, NOON, NOON + DAY)["value"].to_list()
        assert observed[:version] == [float(number) for number in range(1, version + 1)]
    assert list(folder.rglob("*.tmp")) == []
    assert half_done > 0  # or it has shown nothing


@pytest.fixture
def halfway(json_store: JsonStore, tmp_path: Path, days_written: int) -> JsonStore:
    """A store whose writer was killed when it had replaced version 1 in so many days by version 2."""
    json_store.put_forecast(a_long_forecast(1))
    other = JsonStore(tmp_path / "other")
    other.put_forecast(a_long_forecast(2))
    new_days = sorted(folder_of(other).glob("????-??-??.jsonl"))
    (folder_of(json_store) / PENDING).write_bytes(b"".join(path.read_bytes() for path in new_days))
    for path in new_days[:days_written]:
        with (folder_of(json_store) / path.name).open("ab") as file:
            file.write(path.read_bytes())
    return json_store


@pytest.mark.parametrize("days_written", [0, 1, 3, 4])
def test_wherever_a_writer_was_killed_readers_see_its_forecast_whole(halfway: JsonStore) -> None:
    assert_whole(halfway, 2)
    assert len(halfway.forecasts(WEB, NOON + DAY, NOON + 2 * DAY)) == 24
    assert halfway.count_records()["forecasts"] == {WEB: HOURS}


@pytest.mark.parametrize("days_written", [0, 1, 3, 4])
def test_the_next_writer_finishes_what_a_killed_one_began(halfway: JsonStore) -> None:
    halfway.put_forecast(a_forecast(model="naive"))
    assert not (folder_of(halfway) / PENDING).exists()
    assert_whole(halfway, 2)
    halfway.put_forecast(a_long_forecast(3))
    assert_whole(halfway, 3)


@pytest.mark.parametrize("days_written", [0, 2])
def test_days_that_are_forgotten_do_not_come_back_from_what_was_pending(halfway: JsonStore) -> None:
    assert halfway.drop_before(NOON + 2 * DAY, ["forecasts"]) == {"forecasts": 11 + 24}
    assert stored(halfway)["version"].to_list() == [2] * 25
    assert halfway.drop_before(NOON + 9 * DAY, ["forecasts"]) == {"forecasts": 25}
    assert halfway.list_series() == []


def test_a_writer_that_was_killed_before_all_was_pending_has_changed_nothing(json_store: JsonStore) -> None:
    json_store.put_forecast(a_long_forecast(1))
    stray = folder_of(json_store) / f".{PENDING}.0123.tmp"
    stray.write_bytes(b'{"model":"arima"')
    again = JsonStore(json_store.folder)
    assert_whole(again, 1)
    assert not stray.exists()


def test_a_reader_waits_for_a_writer_that_is_in_the_middle(json_store: JsonStore) -> None:
    json_store.put_forecast(a_long_forecast(1))
    read: list[pd.DataFrame] = []
    reader = threading.Thread(target=lambda: read.append(stored(json_store)))
    with segment_lock(folder_of(json_store)):
        reader.start()
        reader.join(0.2)
        assert read == []
    reader.join(10)
    assert len(read[0]) == HOURS


# Torn and damaged lines


def test_a_torn_last_line_is_no_forecast_and_is_cut_by_the_next_writer(
    json_store: JsonStore, caplog: pytest.LogCaptureFixture
) -> None:
    json_store.put_forecast(a_forecast())
    (path,) = folder_of(json_store).glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert len(stored(json_store)) == 3
    with caplog.at_level(logging.WARNING):
        json_store.put_forecast(a_forecast(model="naive"))
    assert "bytes of a line that was never finished" in caplog.text
    assert path.read_bytes().startswith(whole + b'{"model":"naive"')
    assert stored(json_store)["model"].to_list() == ["arima", "naive"] * 3


def test_a_damaged_line_is_passed_over_and_logged_and_takes_no_other_with_it(
    json_store: JsonStore, caplog: pytest.LogCaptureFixture
) -> None:
    for version in (1, 2, 3):
        json_store.put_forecast(a_long_forecast(version))
    path = folder_of(json_store) / "2026-11-21.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = lines[2].replace(b'"value":[15.0', b'"value":[16.0')
    assert damaged != lines[2]
    path.write_bytes(b"".join([*lines[:2], damaged]))
    with caplog.at_level(logging.WARNING):
        versions = stored(json_store)["version"].to_list()
    assert f"{path}: line 3 after byte 0 is damaged and was passed over" in caplog.text
    assert versions == [3] * 11 + [2] * 24 + [3] * 25


# Files that cannot grow


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_cannot_be_written_leaves_the_old_forecast_or_the_new_one_whole(json_store: JsonStore) -> None:
    json_store.put_forecast(a_long_forecast(1))
    longest = max(path.stat().st_size for path in folder_of(json_store).glob("*.jsonl"))
    pending = 4 * longest
    for _ in range(4):  # so that a day's file is at its limit, while what is pending is not
        json_store.put_forecast(a_long_forecast(1))
    with no_file_longer_than(100), pytest.raises(StoreUnavailable, match="cannot write"):
        json_store.put_forecast(a_long_forecast(2))
    assert_whole(json_store, 1)
    with no_file_longer_than(pending):
        with pytest.raises(StoreUnavailable, match="cannot write"):
            json_store.put_forecast(a_long_forecast(2))
        assert_whole(json_store, 2)
        with pytest.raises(StoreUnavailable, match="cannot write"):
            json_store.put_forecast(a_long_forecast(3))
        assert_whole(json_store, 2)
    json_store.put_forecast(a_long_forecast(3))
    assert_whole(json_store, 3)
    assert list(json_store.folder.rglob("*.tmp")) == []


def test_a_series_whose_folder_is_away_is_empty(json_store: JsonStore) -> None:
    json_store.put_forecast(a_forecast())
    shutil.rmtree(folder_of(json_store))
    assert stored(json_store).empty
    assert not folder_of(json_store).exists()
