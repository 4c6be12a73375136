"""The client against the made-up controller: what it reads, and what it makes of every fault."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from forecasting_jobs.response_time.appdynamics import Controller
from forecasting_jobs.response_time.controller_config import ControllerConfig
from forecasting_jobs.response_time.errors import ControllerFault, ControllerRefused, ControllerUnavailable
from forecasting_jobs.response_time.metric_data import hourly_values, read_answer
from forecasting_jobs.response_time.metrics import ART, METRIC_PATHS, metric_path
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.errors import SuiteError
from tests.factories import NOON

HOUR = timedelta(hours=1)
PATTERN = METRIC_PATHS[ART]
PATH = metric_path(PATTERN)


def ask(client: Controller, hours: int = 3, end: datetime = NOON) -> list[dict[str, object]]:
    return client.metric_data("ABP", PATH, end - hours * HOUR, end)


def test_one_question_brings_the_minutes_of_all_servers(client: Controller) -> None:
    content = ask(client)
    assert [element["metricPath"] for element in content] == [
        f"Overall Application Performance|{server}|Individual Nodes|{server}|Average Response Time (ms)"
        for server in ("ABP", "ABPServer1")
    ]
    assert {element["frequency"] for element in content} == {"ONE_MIN"}
    points = read_answer(content, PATTERN).points["ABP"]
    assert len(points) == 180
    assert points[0].time == NOON - 3 * HOUR


@pytest.mark.parametrize(("hours", "frequency"), [(24, "ONE_MIN"), (25, "TEN_MIN"), (49, "TEN_MIN"), (50, "SIXTY_MIN")])
def test_an_hour_is_the_same_at_every_distance_of_points(client: Controller, hours: int, frequency: str) -> None:
    content = ask(client, hours)
    # A day has 1,440 minutes, which is still within the 1,459 that come as single ones.
    assert content[0]["frequency"] == frequency
    far = hourly_values(read_answer(content, PATTERN).points["ABP"], NOON)
    near = hourly_values(read_answer(ask(client, 3), PATTERN).points["ABP"], NOON)
    assert len(far) == hours
    assert {hour: far[hour] for hour in near} == near


def test_the_hour_that_is_not_over_is_told_by_the_controller_and_not_taken(client: Controller) -> None:
    points = read_answer(ask(client, 3, end=NOON + HOUR), PATTERN).points["ABP"]
    assert max(point.time for point in points) < NOON
    half_past = [point for point in points if point.time < NOON - HOUR / 2]
    assert max(hourly_values(half_past, NOON - HOUR / 2)) == NOON - 2 * HOUR


def test_a_token_is_used_until_it_runs_out_and_then_renewed(
    config: ControllerConfig, controller: SimulatedController
) -> None:
    client = Controller(config, pause_seconds=0.01)
    ask(client)
    ask(client)
    assert len(controller.tokens) == 1
    controller.tokens = dict.fromkeys(controller.tokens, 0.0)  # five minutes are over
    ask(client)
    assert len(controller.tokens) == 2
    client.close()


def test_a_short_lived_token_is_renewed_before_its_end(
    config: ControllerConfig, controller: SimulatedController
) -> None:
    controller.token_seconds = 0.0
    client = Controller(config, pause_seconds=0.01)
    with pytest.raises(ControllerRefused, match="does not accept the tokens"):
        ask(client)
    client.close()


def test_a_wrong_secret_is_refused_without_being_told(config: ControllerConfig) -> None:
    client = Controller(replace(config, client_secret="wrong-secret"), pause_seconds=0.01)
    with pytest.raises(ControllerRefused, match="check client_id and client_secret") as caught:
        ask(client)
    assert "wrong-secret" not in str(caught.value)
    assert "wrong-secret" not in repr(config)
    client.close()


def test_an_unknown_application_is_refused(client: Controller) -> None:
    with pytest.raises(ControllerRefused, match="answered 404"):
        client.metric_data("another", PATH, NOON - HOUR, NOON)


def test_a_question_that_the_controller_does_not_understand_is_refused(client: Controller) -> None:
    with pytest.raises(ControllerRefused, match="answered 400"):
        client.metric_data("ABP", PATH, NOON, NOON)


def test_a_path_that_nothing_matches_has_no_points(client: Controller) -> None:
    assert client.metric_data("ABP", metric_path(PATTERN, "no such server"), NOON - HOUR, NOON) == []


@pytest.mark.parametrize("fault", ["unavailable", "unauthorised", "half"])
def test_a_fault_that_passes_is_asked_away(client: Controller, controller: SimulatedController, fault: str) -> None:
    expected = ask(client)
    controller.faults.append(fault)
    before = controller.questions
    assert ask(client) == expected
    assert controller.questions == before + 2


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("unavailable", ControllerUnavailable, "it answered 503"),
        ("unauthorised", ControllerRefused, "does not accept the tokens"),
        ("half", ControllerFault, "cut off"),
        ("xml", ControllerFault, "XML or HTML"),
    ],
)
def test_a_fault_that_stays_is_told(
    client: Controller, controller: SimulatedController, fault: str, kind: type[SuiteError], message: str
) -> None:
    controller.faults.extend([fault] * 20)
    with pytest.raises(kind, match=message):
        ask(client)


def test_a_controller_that_is_down_or_slow_is_unavailable(
    config: ControllerConfig, controller: SimulatedController
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = Controller(replace(config, url=f"http://127.0.0.1:{probe.getsockname()[1]}"), pause_seconds=0.01)
        with pytest.raises(ControllerUnavailable, match="cannot be reached"):
            ask(nobody)
    nobody.close()
    slow = Controller(replace(config, timeout_seconds=0.05), pause_seconds=0.01)
    controller.faults.extend(["slow"] * 3)
    with pytest.raises(ControllerUnavailable):
        ask(slow)
    slow.close()


def test_a_text_for_a_number_spoils_its_server_alone(client: Controller, controller: SimulatedController) -> None:
    controller.faults.append("text")
    answer = read_answer(ask(client), PATTERN)
    assert answer.faults == {"ABP": "metricValues[0].sum: expected a number from 0 on"}
    assert list(answer.points) == ["ABPServer1"]


def test_of_duplicates_the_complete_point_is_taken(client: Controller, controller: SimulatedController) -> None:
    expected = read_answer(ask(client), PATTERN).points
    controller.faults.append("duplicates")
    assert read_answer(ask(client), PATTERN).points == expected


def test_metric_data_not_found_is_no_fault(client: Controller, controller: SimulatedController) -> None:
    controller.faults.append("empty")
    answer = read_answer(ask(client), PATTERN)
    assert (answer.points, answer.faults) == ({}, {})


def test_many_questions_are_answered_in_order_with_failures_in_place(client: Controller) -> None:
    def fail() -> list[object]:
        raise ControllerFault("no")

    first, second = client.ask_many([fail, lambda: client.metric_data("ABP", PATH, NOON - HOUR, NOON)])
    assert isinstance(first, ControllerFault)
    assert isinstance(second, list)
