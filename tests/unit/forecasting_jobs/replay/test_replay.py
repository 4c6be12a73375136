"""A replay of a model by the command: its own store, truths at their times, and wrong options that are named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forecasting_jobs.__main__ import main
from forecasting_jobs.replay.records import _as_served, _Truths
from forecasting_jobs.replay.scratch import copy_model, scratch_world
from ml_core.clock import format_time
from ml_core.clocks import set_clock_file
from ml_core.errors import SuiteError
from ml_core.records import GroundTruth
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store
from tests.factories import NOON, a_prediction, a_version, an_observation
from tests.processes import own_folders
from tests.retraining_world import MODEL, World, dearer
from tests.snapshots import everything

DAY = timedelta(days=1)
HOURS = 48


@pytest.fixture
def world(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two days of predictions of houses and their truths, the second with dearer houses; then it is noon of the day."""
    for name, value in own_folders(tmp_path).items():
        monkeypatch.setenv(name, value)
    with closing(open_store(settings.store_url.get_secret_value())) as store:
        world = World(settings, store, tmp_path)
        world.live(HOURS // 2)
        world.live(HOURS // 2, price=dearer)
        store.record_observations("cloudwatch/i-0abc/CPUUtilization", [an_observation(NOON, received_time=NOON + DAY)])
        set_clock_file(tmp_path / "clock", world.clock.now() + DAY)
        monkeypatch.setenv("ML_CLOCK_FILE", str(tmp_path / "clock"))
        yield world


def replayed(*options: object, model: str = MODEL, start: datetime = NOON, end: datetime = NOON + 2 * DAY) -> Result:
    given = ("--model", model, "--from", format_time(start), "--to", format_time(end), *options)
    return CliRunner().invoke(main, ["replay", *(str(each) for each in given)])


def contents(folder: Path) -> dict[str, str]:
    """Return what each file below a folder holds, by name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_model_is_replayed_with_its_truths_at_their_times_and_nothing_is_written_to_its_store(
    world: World, tmp_path: Path
) -> None:
    before = everything(world.store), contents(tmp_path / "artifacts")
    folder = tmp_path / "replay"
    done = replayed("--folder", folder, "--every", "1d", model="model1")
    assert done.exit_code == 0, done.output
    assert (everything(world.store), contents(tmp_path / "artifacts")) == before
    told = json.loads((folder / "replay.json").read_text())
    assert (told["model"], told["checks"]) == (MODEL, 2)
    assert "1 of 2: 2026-11-21T12:00:00Z, 96 predictions, 93 truths" in done.stderr  # those of the last hour come later
    assert "2 of 2: 2026-11-22T12:00:00Z, 96 predictions, 96 truths" in done.stderr
    with closing(JsonStore(folder / "store")) as scratch:
        copied = scratch.scored(MODEL, NOON, NOON + 2 * DAY)
    real = world.store.scored(MODEL, NOON, NOON + 2 * DAY)
    is_known = real["truth_received_time"] <= NOON + 2 * DAY
    assert copied["value"].tolist() == real["value"].tolist()
    assert copied["truth"].notna().tolist() == is_known.tolist()
    assert copied["truth_received_time"].dropna().tolist() == real["truth_received_time"][is_known].tolist()
    assert "version 1 serves (promote)" in done.stdout and "written: " in done.stdout


def test_a_truth_comes_when_it_came_with_the_value_that_it_had_then(world: World) -> None:
    right = GroundTruth("house-000000", 5.0, NOON + 40 * DAY, correct=True)
    world.store.record_truths(MODEL, [right])
    truths = _Truths(world.parts.registry, MODEL, NOON, NOON + DAY)
    first = truths.until(NOON + timedelta(hours=1))
    assert [truth.prediction_id for truth in first] == ["house-000000"] and first[0].value != 5.0
    rest = truths.until(NOON + 39 * DAY)
    assert len(rest) == 4 * 24 - 1 and all(truth.received_time <= NOON + 39 * DAY for truth in rest)
    assert truths.until(NOON + 40 * DAY) == [right]
    assert truths.until(NOON + 400 * DAY) == []


def test_what_a_version_of_the_replays_own_says_is_asked_of_it(world: World, tmp_path: Path) -> None:
    with scratch_world(tmp_path / "replay", NOON) as scratch:
        copy_model(world.parts.registry, scratch.parts.registry, MODEL, NOON)
        rows = [
            replace(a_prediction(NOON, version=version, value=-1.0), features=features)
            for version in (1, 2, None)
            for features in [world.store.predictions(MODEL, NOON, NOON + DAY)["features"][0]]
        ]
        by_first = _as_served(scratch, MODEL, rows, copied={1})
        assert [row.value == -1.0 for row in by_first] == [True, True, False]  # the asked come last
        assert {row.version for row in by_first} == {1, None}
        first = scratch.parts.registry.version(scratch.parts.registry.find(MODEL), 1)
        scratch.parts.store.add_version(replace(first, number=0))
        scratch.parts.registry.promote(scratch.parts.registry.find(MODEL), 2)
        by_own = _as_served(scratch, MODEL, rows, copied={1})
        assert {row.version for row in by_own} == {2} and all(row.value != -1.0 for row in by_own)


def test_a_copy_has_the_versions_and_the_champion_of_its_time(world: World, tmp_path: Path) -> None:
    world.store.add_version(a_version(MODEL, created_time=NOON + DAY))
    with scratch_world(tmp_path / "replay", NOON) as scratch:
        target = scratch.parts.registry
        assert copy_model(world.parts.registry, target, MODEL, NOON - DAY) is None
        copied = copy_model(world.parts.registry, target, "model1", NOON)
        assert copied is not None and copied.champion == 1
        assert [version.number for version in scratch.parts.store.list_versions(MODEL)] == [1]


def test_a_folder_that_is_not_empty_or_no_folder_is_refused_and_left_alone(world: World, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    file = tmp_path / "full" / "file"
    file.write_text("mine")
    with pytest.raises(SuiteError, match=r"--folder: .*full is not empty"), scratch_world(tmp_path / "full", NOON):
        pass
    for folder in (tmp_path / "full", file):
        done = replayed("--folder", folder)
        assert done.exit_code == 1 and done.stderr.startswith("error: --folder: ")
    assert contents(tmp_path / "full").keys() == {"file"}


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ((), {"model": "nobody"}, "error: no model 'nobody' is registered"),
        ((), {"end": NOON}, "error: --to: expected a time after 2026-11-20T12:00:00Z, not 2026-11-20T12:00:00Z"),
        ((), {"end": NOON + 9 * DAY}, "error: --to: expected a time that is past, not 2026-11-29T12:00:00Z"),
        ((), {"start": NOON - DAY}, "error: --from: no version of housing_price served at 2026-11-19T12:00:00Z"),
        ((), {"model": "payment_fraud"}, "error: --from: nothing was predicted by payment_fraud from 2026-11-20T12"),
        (("--every", "0d"), {}, "error: --every: expected minutes, hours or days such as 30min, 12h or 1d, not '0d'"),
        (("--every", "1 week"), {}, "error: --every: expected minutes, hours or days"),
        (("--epochs", 3), {}, "error: --epochs: expected only for link traffic"),
        (("--known-after", "1h"), {}, "error: --known-after: expected only for a model that forecasts a series"),
        (("--without-training",), {}, "error: --without-training: expected only for a model that forecasts a series"),
        (("--forecast-every", "1h"), {}, "error: --forecast-every: expected only for a model that forecasts CPU"),
        ((), {"model": "cpu-i-0abc"}, "error: --from: nothing of cloudwatch/i-0abc/CPUUtilization was known at"),
        (("--known-after", "soon"), {"model": "cpu-i-0abc"}, "error: --known-after: expected minutes, hours or days"),
        (("--seed", 3), {"model": "cpu-i-0abc"}, "error: --seed: expected only for link traffic"),
        ((), {"model": "cpu-i-none"}, "error: no model 'cpu-i-none' is registered"),
        ((), {"model": "response-time-Shop"}, "error: --model: the settings are those of response-time-ABP: see resp"),
        (("--change", "2026-11-21T00:00:00Z"), {}, "error: --change: expected only for link traffic"),
        (("--change", "noon"), {}, "error: --change: expected an ISO 8601 time"),
        (("--every", "1d"), {"model": "link_traffic_hourly"}, "error: --every: link traffic is checked after"),
        (
            ("--input", "x.csv", "--seed", 3),
            {"model": "link_traffic_hourly"},
            "error: --seed: expected only without --input",
        ),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(
    world: World, tmp_path: Path, options: tuple[object, ...], changes: dict[str, object], message: str
) -> None:
    done = replayed("--folder", tmp_path / "replay", *options, **changes)  # type: ignore[arg-type]
    assert done.exit_code == 1 and done.stderr.startswith(message), done.stderr
    assert not (tmp_path / "replay").exists()
