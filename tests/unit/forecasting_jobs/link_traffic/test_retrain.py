"""Training anew from what was served: nothing from what is held out, paired losses, hidden forecasts, and a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries, links_of
from forecasting_jobs.link_traffic.parts import make_parts
from forecasting_jobs.link_traffic.retrain import LinkTraffic, owner
from forecasting_jobs.link_traffic.served_forecasts import served_forecasts
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from ml_core.artifacts.windowed_network import loaded
from ml_core.clock import FixedClock, format_time
from ml_core.errors import InvalidInput
from ml_core.records import ModelVersion
from ml_core.retraining.comparing import FEWEST_HELD_OUT, compare
from ml_core.retraining.shadows import each_shadow
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON
from tests.networks import PAIRS, add_network
from tests.traffic import HOURLY
from tests.unit.forecasting_jobs.link_traffic.conftest import SMALL
from tests.unit.forecasting_jobs.link_traffic.served_world import ServedWorld

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]
DAY = timedelta(days=1)
START = NOON - 20 * DAY
HASTY = replace(SMALL, epochs=1)


@pytest.fixture
def world(settings: Settings, json_store: JsonStore, clock: FixedClock) -> ServedWorld:
    """A world in which a network serves that forecasts the mean of its window."""
    world = ServedWorld(make_parts(settings, json_store, clock), clock)
    clock.time = START
    add_network(world.parts.registry)
    return world


def made_up(change_time: datetime | None = None) -> list[LinkSeries]:
    """Return three weeks of the hours of the two links that the network knows, without gaps."""
    table = SimulatedLinks(change_time=change_time).traffic(START - 2 * DAY, NOON + DAY)
    links = [series for series in links_of(table) if series.pair in PAIRS]
    return [replace(series, values=np.nan_to_num(series.values, nan=5.0)) for series in links]


def champion(world: ServedWorld) -> ModelVersion:
    registry = world.parts.registry
    version = registry.champion(registry.find(HOURLY))
    assert version is not None
    return version


def weights_of(world: ServedWorld, version: ModelVersion) -> dict[str, list[float]]:
    network = loaded(str(world.parts.registry.artifact_folder(version)), version.artifact_sha256 or "")
    return {name: array.tolist() for name, array in network.weights.items()}


def test_nothing_from_the_held_out_chunk_on_is_learnt(make_world: Callable[[], ServedWorld]) -> None:
    until, versions, worlds = NOON - 5 * DAY, [], [make_world(), make_world()]
    for world, level in zip(worlds, (1.0, 50.0), strict=True):
        links = made_up()
        for series in links:
            series.values[(until - series.start_time) // HOUR :] *= level
        world.live(links, START, NOON)
        versions.append(LinkTraffic(world.parts, "hourly", HASTY).train(until, NOON))
    assert weights_of(worlds[0], versions[0]) == weights_of(worlds[1], versions[1])
    lineages = [
        {name: value for name, value in version.lineage.items() if name != "known_at_time"} for version in versions
    ]
    assert lineages[0] == lineages[1]
    assert lineages[0]["trained_until_time"] == format_time(until)
    assert lineages[0]["end_time"] < format_time(until)


@pytest.fixture
def make_world(settings: Settings, json_store: JsonStore, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Return what makes worlds with a store and files of their own."""

    def make() -> ServedWorld:
        folder, clock = tmp_path_factory.mktemp("world"), FixedClock(START)
        own = settings.model_copy(update={"artifacts_folder": str(folder / "artifacts")})
        world = ServedWorld(make_parts(own, JsonStore(folder / "store"), clock), clock)
        add_network(world.parts.registry)
        return world

    return make


def test_truth_that_came_after_it_was_asked_for_is_not_learnt(world: ServedWorld) -> None:
    links = made_up()
    world.live(links, START, NOON - 4 * DAY)
    late = world.serve(links[0], NOON - 4 * DAY)
    world.label(late, np.full((6, 2), 1e4), NOON)
    version = LinkTraffic(world.parts, "hourly", HASTY).train(NOON, NOON - 3 * DAY)
    assert version.lineage["end_time"] == format_time(NOON - 4 * DAY)


def test_too_little_to_train_on_is_refused_with_what_is_lacking(world: ServedWorld) -> None:
    subject = LinkTraffic(world.parts, "hourly", HASTY)
    with pytest.raises(InvalidInput, match=f"too little is known of {HOURLY} to train on: nothing was served"):
        subject.train(NOON, NOON)
    world.live(made_up(), NOON - DAY, NOON)
    with pytest.raises(InvalidInput, match="bring a longer history"):
        subject.train(NOON, NOON)


def test_only_the_newest_of_what_is_labelled_is_looked_at_so_that_little_is_held_out(world: ServedWorld) -> None:
    world.live(made_up(), NOON - 2 * DAY, NOON)
    unlabelled = world.serve(made_up()[0], NOON)
    subject = LinkTraffic(world.parts, "hourly")
    labelled = subject.labelled(START, NOON + DAY, NOON + DAY)
    assert len(labelled) == 2 * 4 and unlabelled not in {each.forecast_id for each in labelled}
    assert list(subject.labelled_times(START, NOON + DAY, NOON + DAY)) == [each.time for each in labelled]
    world.live(made_up(), START, NOON - 2 * DAY)
    times = subject.labelled_times(START, NOON + DAY, NOON + DAY)
    assert len(times) == min(4 * FEWEST_HELD_OUT, 2 * 40) and list(times) == sorted(times)
    assert times[-1] == labelled[-1].time


def test_what_a_version_lost_is_what_it_said_or_says_when_it_is_asked(world: ServedWorld) -> None:
    links = made_up()
    world.live(links, NOON - DAY, NOON)
    other = add_network(world.parts.registry)
    subject = LinkTraffic(world.parts, "hourly")
    known = served_forecasts(world.parts, HOURLY, START, NOON + DAY, NOON + DAY)
    served, asked = (subject.losses(version, START, NOON + DAY, NOON + DAY) for version in (first(world), other))
    assert set(served.index) == set(asked.index) == {each.forecast_id for each in known}
    assert served["loss"].to_dict() == {each.forecast_id: each.loss for each in known}  # the last value again
    for each in known:
        mean = np.repeat(each.window[1:].mean(axis=0)[None], 6, axis=0)  # which such a network says
        expected = replace(each, said=mean).loss
        assert asked["loss"][each.forecast_id] == pytest.approx(expected, rel=1e-4)
        assert asked["known_time"][each.forecast_id] == each.known_time


def first(world: ServedWorld) -> ModelVersion:
    return world.parts.registry.version(world.parts.registry.find(HOURLY), 1)


def test_a_challenger_forecasts_in_the_shadow_under_the_ids_of_the_served_steps_and_once(world: ServedWorld) -> None:
    links = made_up()
    world.live(links, NOON - DAY, NOON)
    challenger = add_network(world.parts.registry)
    subject = LinkTraffic(world.parts, "hourly")
    ids = set(world.parts.store.predictions(HOURLY, START, NOON)["prediction_id"])
    assert subject.predict_beside(challenger, START, NOON) == len(ids) == 2 * 2 * 12
    assert subject.predict_beside(challenger, START, NOON) == 0
    hidden = each_shadow(world.parts.store, HOURLY, challenger.number, START, NOON)
    assert {each.prediction_id for each in hidden} == ids
    assert {each.version for each in hidden} == {challenger.number}
    losses = subject.losses(challenger, START, NOON + DAY, NOON + DAY)
    folder = world.parts.registry.artifact_folder(challenger)
    (folder / "spec.json").unlink()  # what was said in the shadow is known without asking the network
    assert subject.losses(challenger, START, NOON + DAY, NOON + DAY).equals(losses)


def test_after_a_change_a_challenger_of_what_was_served_beats_the_champion(world: ServedWorld) -> None:
    change = NOON - 9 * DAY
    links = made_up(change)
    world.live(links, START, NOON)
    subject = LinkTraffic(world.parts, "hourly", replace(SMALL, epochs=15))
    until = NOON - 2 * DAY
    challenger = subject.train(until, NOON - DAY)
    evidence = compare(subject, champion(world), challenger, until, NOON + DAY, world.parts.settings.retraining)
    assert evidence.rival_mean < 0.75 * evidence.mean
    assert challenger.lineage["trained_on"].startswith(("all", "what is since "))


def test_the_owner_trains_the_networks_that_are_registered(world: ServedWorld) -> None:
    def named() -> Sequence[str]:
        return [subject.model for subject in owner(world.parts).subjects]

    assert named() == ["link_traffic_hourly"]
    add_network(world.parts.registry, "link_traffic_5min", 300)
    assert sorted(named()) == ["link_traffic_5min", "link_traffic_hourly"]
