"""Training: nothing from the held-out weeks, a race that decides, and a version that can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from forecasting_jobs.link_traffic.features import examples_of
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from forecasting_jobs.link_traffic.network import gate_of
from forecasting_jobs.link_traffic.parts import make_parts
from forecasting_jobs.link_traffic.race import LAST_VALUE, NETWORK, SEASONAL_NAIVE
from forecasting_jobs.link_traffic.train import Learnt, Registered, learn, split, train
from ml_core.artifacts.folders import read_reference
from ml_core.clock import FixedClock, parse_time
from ml_core.errors import InvalidInput
from ml_core.process_parts import ProcessParts
from ml_core.settings import Settings, WorkerSettings
from ml_core.store.json_store import JsonStore
from ml_core.worker.client import Worker
from tests.factories import NOON
from tests.unit.forecasting_jobs.link_traffic.conftest import SMALL

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]


@pytest.fixture
def parts(settings: Settings, json_store: JsonStore, clock: FixedClock) -> ProcessParts:
    return make_parts(settings, json_store, clock)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(WorkerSettings())
    yield worker
    worker.close()


def trained(parts: ProcessParts, links: list[LinkSeries], **changes: object) -> Registered:
    return train(parts, links, "hourly", "a test", settings=replace(SMALL, epochs=6), **changes)  # type: ignore[arg-type]


def random_walks(links: list[LinkSeries]) -> list[LinkSeries]:
    """Series of which the last value is all that can be known."""
    random = np.random.default_rng(1)
    walks = [100 + random.normal(size=series.values.shape).cumsum(axis=0) for series in links]
    return [replace(series, values=walk) for series, walk in zip(links, walks, strict=True)]


def test_the_network_beats_the_last_value_and_the_day_before_on_weeks_that_it_has_not_seen(learnt: Learnt) -> None:
    assert learnt.race.ratio(LAST_VALUE) < 0.7
    assert learnt.race.ratio(SEASONAL_NAIVE) < 0.9
    assert learnt.race.is_won()
    assert learnt.race.examples.seconds.min() >= learnt.cut_off.timestamp()


def test_what_happens_after_the_cut_off_changes_nothing_that_is_learnt(links: list[LinkSeries], learnt: Learnt) -> None:
    spoiled = []
    for series in links:
        after = np.arange(len(series)) >= series.index_at(learnt.cut_off) + 1
        spoiled.append(replace(series, values=np.where(after[:, None], 1e6, series.values)))
    again = learn(spoiled, "hourly", SMALL)
    assert again.fitted.trained.spec == learnt.fitted.trained.spec
    before, after = learnt.fitted.trained.served().weights, again.fitted.trained.served().weights
    for name, array in before.items():
        assert array.tolist() == after[name].tolist(), name


def test_a_version_that_wins_is_promoted_and_its_lineage_says_where_it_comes_from(
    parts: ProcessParts, links: list[LinkSeries]
) -> None:
    done = trained(parts, links, more_lineage={"mlflow_run_id": "0f"})
    assert (done.model, done.is_promoted, done.served) == ("link_traffic_hourly", True, 1)
    assert "version 1: promoted" in done.told()
    version = parts.registry.version(parts.registry.find(done.model), 1)
    assert version.parameters["format"] == "windowed_network"
    assert version.lineage["mlflow_run_id"] == "0f"
    assert version.lineage["artifact_name"] == f"lstm_model_hourly_{NOON:%Y%m%d_%H%M%S}"
    assert parse_time(version.lineage["cut_off_time"]) < parse_time(version.lineage["end_time"]) == NOON - HOUR
    assert version.metrics["rmse"] == pytest.approx(done.race.rmse(NETWORK))
    reference = read_reference(parts.registry.artifact_folder(version), str(version.artifact_sha256))
    assert list(reference) == ["time", *(feature.name for feature in version.features), "value", "truth"]
    assert reference.groupby(["target", "step"]).size().nunique() == 1
    first = reference.iloc[0]  # as a step is served: the first of received traffic, then the first of sent
    assert (first["target"], first["step"], reference["target"][1], reference["step"][2]) == ("rx_gbs", 1, "tx_gbs", 2)
    assert reference["value"].corr(reference["truth"]) > 0.8


def test_a_network_that_does_not_beat_both_is_registered_but_not_promoted_and_says_so(
    parts: ProcessParts, links: list[LinkSeries]
) -> None:
    trained(parts, links)
    done = trained(parts, random_walks(links))
    assert done.race.ratio(LAST_VALUE) > 1
    assert (done.version.number, done.is_promoted, done.served) == (2, False, 1)
    assert "not promoted, since it does not beat both naive forecasts" in done.told()
    assert "version 1 is served" in done.told()
    assert parts.registry.find(done.model).champion == 1


def test_a_registered_network_answers_in_the_worker_as_it_did_in_the_race(
    parts: ProcessParts, links: list[LinkSeries], worker: Worker
) -> None:
    done = trained(parts, links)
    folder = parts.registry.artifact_folder(done.version)
    examples = done.race.examples
    place = len(examples) // 2
    link, location = examples.pairs[place]
    rx, tx = examples.windows[place].T.tolist()
    time = NOON + timedelta(seconds=int(examples.seconds[place]) - int(NOON.timestamp()))
    window = {"link": link, "location": location, "time": time.isoformat(), "rx_gbs": rx, "tx_gbs": tx}
    arguments = {"folder": str(folder), "sha256": done.version.artifact_sha256, "windows": [window]}
    (answer,) = worker.call("ml_core.artifacts.windowed_network:forecast", arguments)
    assert answer["rx_gbs"] == pytest.approx(done.race.said[place, :, 0].tolist(), rel=1e-5)
    assert answer["tx_gbs"] == pytest.approx(done.race.said[place, :, 1].tolist(), rel=1e-5)
    assert answer["time"] == [(time + step * HOUR).isoformat() for step in range(1, 7)]
    arguments["windows"] = [{**window, "rx_gbs": rx[1:]}]
    with pytest.raises(InvalidInput, match=r"windows\[0\].rx_gbs: expected a list of 25 numbers, not 24"):
        worker.call("ml_core.artifacts.windowed_network:forecast", arguments)


def test_the_parts_of_the_split_share_no_truth_and_the_newest_before_the_cut_off_is_learnt_from(
    links: list[LinkSeries], learnt: Learnt
) -> None:
    examples = examples_of(links, learnt.fitted.trained.spec)
    learning, validation = split(examples, learnt.cut_off, 6 * HOUR)
    held_out = examples.since(learnt.cut_off)
    times = [
        {int(second) + step * 3600 for second in part.seconds for step in range(1, 7)}
        for part in (learning, validation, held_out)
    ]
    assert not times[0] & times[1] and not times[1] & times[2] and not times[0] & times[2]
    cut = int(learnt.cut_off.timestamp())
    assert learning.seconds.max() + 6 * 3600 == cut <= held_out.seconds.min()
    assert 0.05 < len(validation) / len(learning) < 0.15


def test_a_history_that_is_too_short_or_of_another_step_is_refused(links: list[LinkSeries]) -> None:
    short = [replace(series, values=series.values[:60]) for series in links[:1]]
    with pytest.raises(InvalidInput, match="bring a longer history"):
        learn(short, "hourly", SMALL)
    with pytest.raises(InvalidInput, match="step of 0:05:00"):
        learn(links, "5min", SMALL)


@pytest.mark.parametrize(
    ("said", "targets", "gate"),
    [([2.0, -2.0], [1.0, -1.0], 0.5), ([1.0], [-1.0], 0.0), ([1.0], [3.0], 1.0), ([0.0], [1.0], 0.0)],
)
def test_a_network_is_trusted_as_far_as_it_has_earned(said: list[float], targets: list[float], gate: float) -> None:
    assert gate_of(np.array(said, dtype=np.float32), np.array(targets, dtype=np.float32)) == gate


def test_the_folder_of_a_version_holds_no_pickle(parts: ProcessParts, links: list[LinkSeries]) -> None:
    folder: Path = parts.registry.artifact_folder(trained(parts, links).version)
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.json", "reference.csv", "model.keras", "network.npz", "spec.json"}
