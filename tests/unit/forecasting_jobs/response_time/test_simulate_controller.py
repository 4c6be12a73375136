"""The made-up controller answers as the real one does, and its load is what it says it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import requests

from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, METRIC_PATHS, metric_path, summary_of
from forecasting_jobs.response_time.simulate_controller import FAULTS, SimulatedController
from forecasting_jobs.response_time.simulated_load import SERVERS, SimulatedLoad
from ml_core.clock import FixedClock
from ml_core.errors import ConfigurationError
from tests.factories import NOON
from tests.hours_world import CLIENT, SECRET

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FORM = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def ask(session: requests.Session, controller: SimulatedController, **changes: Any) -> requests.Response:
    question = {
        "metric-path": metric_path(METRIC_PATHS[ART]),
        "time-range-type": "BETWEEN_TIMES",
        "start-time": round((NOON - HOUR).timestamp() * 1000),
        "end-time": round(NOON.timestamp() * 1000),
        "rollup": "false",
        "output": "JSON",
    }
    asked = {name.replace("_", "-"): value for name, value in changes.items()}
    return session.get(
        f"{controller.url}/controller/rest/applications/ABP/metric-data",
        params={name: value for name, value in {**question, **asked}.items() if value is not None},
        headers={"Authorization": f"Bearer {controller.new_token()}"},
    )


def test_it_answers_xml_unless_json_is_asked_for_and_one_point_unless_rollup_is_false(
    session: requests.Session, controller: SimulatedController
) -> None:
    assert ask(session, controller, output=None).headers["Content-Type"] == "application/xml"
    (point,) = ask(session, controller, rollup=None).json()[0]["metricValues"]
    minutes = ask(session, controller).json()[0]["metricValues"]
    assert len(minutes) == 60
    assert point["sum"] == sum(minute["sum"] for minute in minutes)


def milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


@pytest.mark.parametrize(
    "changes",
    [
        {"time_range_type": "BEFORE_NOW", "start_time": None, "end_time": None},
        {"time_range_type": "BEFORE_TIME", "start_time": None, "end_time": milliseconds(NOON)},
        {"time_range_type": "AFTER_TIME", "start_time": milliseconds(NOON - HOUR), "end_time": None},
    ],
)
def test_an_hour_is_the_same_in_each_way_to_ask_for_it(
    session: requests.Session, controller: SimulatedController, changes: dict[str, Any]
) -> None:
    asked = ask(session, controller, duration_in_mins=60, **changes)
    assert asked.json() == ask(session, controller).json()


@pytest.mark.parametrize(
    ("minutes", "frequency", "points"),
    [(1459, "ONE_MIN", 1459), (1460, "TEN_MIN", 146), (2940, "TEN_MIN", 294), (2941, "SIXTY_MIN", 50)],
)
def test_the_longer_the_stretch_the_farther_apart_the_points(
    session: requests.Session, controller: SimulatedController, minutes: int, frequency: str, points: int
) -> None:
    asked = {"time_range_type": "BEFORE_NOW", "duration_in_mins": minutes}
    element, _ = ask(session, controller, **asked).json()
    assert (element["frequency"], len(element["metricValues"])) == (frequency, points)


@pytest.mark.parametrize(
    "changes",
    [
        {"time_range_type": "EVER"},
        {"time_range_type": "BEFORE_NOW"},
        {"time_range_type": "AFTER_TIME", "duration_in_mins": "-5"},
        {"time_range_type": "BEFORE_TIME", "duration_in_mins": 60, "end_time": None},
        {"start_time": "noon"},
        {"end_time": 0},
        {"metric_path": None},
    ],
)
def test_a_question_it_does_not_understand_is_a_400(
    session: requests.Session, controller: SimulatedController, changes: dict[str, Any]
) -> None:
    assert ask(session, controller, **changes).status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"), [({}, 200), ({"grant_type": "password"}, 400), ({"client_secret": "x"}, 401)]
)
def test_a_token_is_given_to_who_knows_the_secret(
    session: requests.Session, controller: SimulatedController, changes: dict[str, str], status: int
) -> None:
    answer = session.post(f"{controller.url}{TOKEN_PATH}", data=FORM | changes)
    assert answer.status_code == status
    assert ("access_token" in answer.json()) == (status == 200)


def test_faults_are_asked_for_by_kind_and_a_wrong_wish_is_refused(
    session: requests.Session, controller: SimulatedController
) -> None:
    address = f"{controller.url}/simulator/faults"
    for kind in FAULTS:
        assert session.post(address, data={"kind": kind, "times": "2"}).status_code == 200
    assert list(controller.faults) == [kind for kind in FAULTS for _ in range(2)]
    for wrong in ({"kind": "fire"}, {"kind": "xml", "times": "often"}, {"kind": "xml", "times": "-1"}):
        assert session.post(address, data=wrong).status_code == 400


def test_a_port_that_is_taken_is_told(controller: SimulatedController, clock: FixedClock) -> None:
    port = int(controller.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=r"response_time\.simulator_port: cannot listen"):
        SimulatedController(SimulatedLoad(), clock, client_id=CLIENT, client_secret=SECRET, port=port)


def hourly_means(load: SimulatedLoad, days: int, metric: str = ART) -> np.ndarray:
    start = datetime.combine(NOON.date(), datetime.min.time(), NOON.tzinfo) - days * DAY
    measured = load.measured("ABP", metric, start, start + days * DAY, NOON)
    hours = measured.minutes // 60 - measured.minutes[0] // 60
    return np.bincount(hours, measured.total) / np.bincount(hours, measured.count)


def test_its_load_has_a_day_a_week_and_incidents() -> None:
    calls = hourly_means(SimulatedLoad(is_punctual=True), 28, "calls_per_minute").reshape(28, 24)
    assert calls[:, 13].mean() > 2 * calls[:, 3].mean()
    first = (NOON.date() - timedelta(days=28)).weekday()
    weekend = np.array([(first + day) % 7 >= 5 for day in range(28)])
    assert calls[weekend, 13].mean() < 0.7 * calls[~weekend, 13].mean()
    response = hourly_means(SimulatedLoad(is_punctual=True), 56)
    assert response.max() > 1.5 * np.median(response[response > np.quantile(response, 0.7)])


def test_any_stretch_is_the_same_whenever_it_is_asked_for_and_all_metrics_are_there() -> None:
    load = SimulatedLoad(is_punctual=True)
    for metric in ALL_METRICS:
        for server in SERVERS:
            long = load.measured(server, metric, NOON - DAY, NOON, NOON)
            short = load.measured(server, metric, NOON - HOUR, NOON, NOON + DAY)
            assert long.total[-60:].tolist() == short.total.tolist()
            assert (long.total >= 0).all() and (long.count > 0).all()
    with pytest.raises(ValueError, match="there is no"):
        load.measured("another", ART, NOON - HOUR, NOON, NOON)


def test_a_tier_says_what_its_only_node_says() -> None:
    load = SimulatedLoad()
    for metric in (ART, "calls_per_minute", "socket_reads"):
        node, tier = (load.measured("ABP", name, NOON - DAY, NOON, NOON) for name in (metric, summary_of(metric)))
        assert (node.minutes.tolist(), node.total.tolist()) == (tier.minutes.tolist(), tier.total.tolist())


def test_it_loses_minutes_and_hours_now_and_then_and_tells_nothing_of_the_future() -> None:
    measured = SimulatedLoad().measured("ABP", ART, NOON - 30 * DAY, NOON + DAY, NOON)
    assert 0.95 < len(measured.minutes) / (30 * 1440) < 0.995
    assert measured.minutes.max() * 60 < NOON.timestamp()
