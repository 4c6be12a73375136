"""A script written for CML runs against the served app as it is, and the monitor judges what it has tracked."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml_core.clock import Clock, format_time
from ml_core.config import project_root
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.tracking.names import time_of
from tests.cml_script import HORIZON, HOUR, CmlScript
from tests.mariadb import new_server
from tests.networks import add_network, mean_of_window
from tests.processes import most_resident_megabytes, own_folders, resident_megabytes, start_app
from tests.traffic import HOURLY, RX, TX

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]
CRN = "crn:cdp:ml:us-west-1:4f2a:workspace:91c0/5d7e"
DAY = timedelta(days=1)
COUNT = 724  # the last forecast, the fifty-ninth, sees three of its six hours come


@dataclass
class World:
    """The script after its run, and what it has left behind; ``noon`` is about when it ran, by the suite's clock."""

    script: CmlScript
    store: Store
    noon: datetime
    pid_sizes: dict[int, float]
    libraries: str
    checked: str


@pytest.fixture(scope="module", params=["json", "mariadb"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp(f"cml-{request.param}")
        environment = own_folders(folder) | {"ML_CML__DEPLOYMENTS": f"{CRN}={HOURLY}"}
        if request.param == "mariadb":
            server = new_server()
            stack.callback(server.remove)
            environment["ML_STORE_URL"] = server.new_database()
        store = open_store(environment["ML_STORE_URL"])
        stack.callback(store.close)
        now = datetime.now(UTC).replace(microsecond=0)
        noon = now.replace(hour=12, minute=0, second=0)  # the run must not cross a midnight
        add_network(Registry(store, folder / "artifacts", Clock(noon - now)))
        environment["ML_CLOCK_OFFSET"] = duration(noon - now)
        app = stack.enter_context(start_app("ml_models", environment))
        script = a_script(app.url, noon)
        script.roll()
        script.score_again()
        sizes = resident_megabytes(app.pid)
        libraries = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in sizes)
        environment["ML_CLOCK_OFFSET"] = duration(noon - now + DAY)
        yield World(script, store, noon, sizes, libraries, check(environment))


def a_script(url: str, noon: datetime) -> CmlScript:
    """Return the script with a month of made-up hours up to noon."""
    hours = np.arange(COUNT)
    noise = np.random.default_rng(3).normal(0, 0.3, (2, COUNT))
    rx, tx = 6 + 2 * np.sin(hours * np.pi / 12) + noise[0], 3 + np.cos(hours * np.pi / 12) + noise[1]
    return CmlScript(url, CRN, noon - (COUNT - 1) * HOUR, rx.tolist(), tx.tolist())


def duration(offset: timedelta) -> str:
    """Write a duration as the setting ``clock_offset`` takes it, below zero too."""
    seconds = int(offset.total_seconds())
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds)}S"


def check(environment: dict[str, str]) -> str:
    """Run the monitor's check; return what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    result = subprocess.run(
        [sys.executable, "-m", "ml_monitor", "check", "--model", HOURLY],
        env=inherited | environment,
        cwd=project_root(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return result.stdout


def expected_errors(script: CmlScript, name: str) -> dict[datetime, list[float]]:
    """Return the error of each step whose hour has come, by its day."""
    found: defaultdict[datetime, list[float]] = defaultdict(list)
    truths = script.rx if name == "rx_bytes" else script.tx
    for _, place, said in script.forecasts:
        for step in range(1, HORIZON + 1):
            if place + step < len(truths):
                day = (script.start + (place + step) * HOUR).replace(hour=0)
                found[day].append(said[name][step - 1] - truths[place + step])
    return found


def root_of_mean_square(errors: list[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def test_all_fifty_nine_forecasts_are_the_networks_own(world: World) -> None:
    assert len(world.script.forecasts) == 59
    for _, place, said in world.script.forecasts:
        assert said["rx_bytes"] == pytest.approx(mean_of_window(world.script.rx[place - 24 : place + 1]))
        first = (world.script.start + (place + 1) * HOUR).replace(tzinfo=None)
        assert datetime.fromisoformat(said["time"][0]) == first


def test_everything_that_was_tracked_is_read_back_equal(world: World) -> None:
    items = {item["predictionUuid"]: item["metrics"] for item in world.script.read() if "predictionUuid" in item}
    link = {"link": "Verizon", "location": "US-DC4"}  # which the deployment tracks beside what the script sends
    assert items == {key: link | metrics for key, metrics in world.script.sent.items()}
    assert list(items) == [prediction_id for prediction_id, _, _ in world.script.forecasts]


def test_every_forecast_is_labelled_the_last_odd_one_too(world: World) -> None:
    lengths = [len(metrics["final_rx_gbs_label"]) for metrics in world.script.sent.values()]
    assert lengths == [6] * 58 + [3]
    scored = world.store.scored(HOURLY, world.noon - DAY, world.noon + DAY)
    assert len(scored) == 59 * 12
    assert scored["truth"].notna().sum() == 58 * 12 + 6


def test_a_window_that_was_scored_twice_is_one_row_with_both_values(world: World) -> None:
    assert len(world.script.windows) == 4
    assert {len(values) for values in world.script.windows.values()} == {2}
    items = [item for item in world.script.read(withHistory=True) if "predictionUuid" not in item]
    found = {(item["startTimestampMs"], item["endTimestampMs"]): item for item in items}
    assert found.keys() == world.script.windows.keys()
    for window, values in world.script.windows.items():
        assert found[window]["metrics"] == {"rmse": values[-1]}
        assert [each["value"] for each in found[window]["history"]["rmse"]] == values
    rows = world.store.metric_series(HOURLY, "tracked/rmse", world.noon - 60 * DAY, world.noon)
    assert rows["mean"].to_list() == [values[-1] for _, values in sorted(world.script.windows.items())]


def test_what_was_known_before_the_second_scoring_can_be_read(world: World) -> None:
    items = [item for item in world.script.read(withHistory=True) if "predictionUuid" not in item]
    second = min(item["history"]["rmse"][1]["knownTimestampMs"] for item in items)
    then = [item for item in world.script.read(knownAtTimestampMs=second - 1) if "predictionUuid" not in item]
    assert [item["metrics"]["rmse"] for item in then] == [values[0] for values in world.script.windows.values()]


def test_an_item_has_the_keys_by_which_the_first_system_tells_it_from_an_aggregate(world: World) -> None:
    items = world.script.read()
    assert [len(item["metrics"]) < 5 for item in items] == ["predictionUuid" not in item for item in items]
    assert {item["modelDeploymentCrn"] for item in items} == {CRN}
    assert items == sorted(items, key=lambda item: item["startTimestampMs"])


def test_the_monitor_finds_the_same_error_over_all_predictions(world: World) -> None:
    assert "1 model checked" in world.checked
    points = world.store.metric_series(HOURLY, "day/performance/rmse", world.noon - DAY, world.noon + DAY)
    (point,) = points.to_dict("records")
    both = [expected_errors(world.script, name) for name in ("rx_bytes", "tx_bytes")]
    errors = [error for by_day in both for of_day in by_day.values() for error in of_day]
    assert point["details"]["rows"] == len(errors) == 58 * 12 + 6
    assert point["details"]["value"] == pytest.approx(root_of_mean_square(errors))


@pytest.mark.parametrize(("name", "series"), [("rx_bytes", RX), ("tx_bytes", TX)])
def test_the_monitor_finds_the_same_error_of_each_series_day_by_day(world: World, name: str, series: str) -> None:
    points = world.store.metric_series(
        HOURLY, "day/performance/rmse", world.noon - 40 * DAY, world.noon + DAY, segment=series
    )
    found = {point["start_time"].to_pydatetime(): point["details"]["value"] for point in points.to_dict("records")}
    expected = {day: root_of_mean_square(errors) for day, errors in expected_errors(world.script, name).items()}
    assert len(found) >= 29
    assert found == pytest.approx({day: expected[day] for day in found})


def test_no_process_has_loaded_tensorflow_or_is_large(world: World) -> None:
    assert "tensorflow" not in world.libraries
    assert len(world.pid_sizes) >= 2  # the worker, too
    assert max(world.pid_sizes.values()) <= most_resident_megabytes(world.store), world.pid_sizes


def test_a_wrong_length_is_an_error_that_says_so_and_the_next_request_is_answered(world: World) -> None:
    import requests

    request = {
        "rx_gbs": [1.0] * 24, "tx_gbs": [1.0] * 25, "time": [format_time(time_of(0))],
        "link": ["Verizon"], "location": ["US-DC4"],
    }  # fmt: skip
    answer = requests.post(f"{world.script.endpoint}/model", json={"accessKey": "", "request": request}, timeout=30)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == [
        {"field": "request.rx_gbs", "message": "expected 25 values, the window of 24 and one before it, not 24"}
    ]
    request["rx_gbs"] = [1.0] * 25
    answer = requests.post(f"{world.script.endpoint}/model", json={"accessKey": "", "request": request}, timeout=30)
    assert answer.status_code == 200
