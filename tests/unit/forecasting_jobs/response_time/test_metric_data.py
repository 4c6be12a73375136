"""What is made of a controller's answer, and of one that is not as it should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from forecasting_jobs.response_time.metric_data import FEWEST_MINUTES, hourly_values, read_answer
from forecasting_jobs.response_time.metrics import (
    ALL_METRICS,
    ART,
    METRIC_PATHS,
    check_pattern,
    metric_path,
    model_name,
    series_name,
    series_parts,
    server_of,
)
from tests.factories import NOON

PATTERN = METRIC_PATHS[ART]
START = round(NOON.timestamp() * 1000)


def element(values: Any, **changes: Any) -> dict[str, Any]:
    return {"metricPath": metric_path(PATTERN, "ABP"), "frequency": "ONE_MIN", "metricValues": values} | changes


def minute(number: int, count: float = 2, total: float = 10) -> dict[str, Any]:
    return {"startTimeInMillis": START + 60_000 * number, "count": count, "sum": total}


def test_an_hour_is_the_mean_of_all_calls_not_of_the_minutes_means() -> None:
    busy = [minute(number, 9, 9 * 100) for number in range(30)]
    idle = [minute(number, 1, 1 * 500) for number in range(30, 60)]
    points = read_answer([element(busy + idle)], PATTERN).points["ABP"]
    assert hourly_values(points, NOON + timedelta(hours=1)) == {NOON: pytest.approx(140.0)}


def test_an_hour_with_too_few_minutes_or_without_a_call_is_none() -> None:
    few = [minute(number) for number in range(FEWEST_MINUTES - 1)]
    silent = [minute(60 + number, 0, 0) for number in range(60)]
    points = read_answer([element(few + silent)], PATTERN).points["ABP"]
    assert hourly_values(points, NOON + timedelta(hours=2)) == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (element("none"), "metricValues: expected a list"),
        (element([3]), r"metricValues\[0\]: expected an object"),
        (element([minute(0) | {"sum": "12"}]), r"metricValues\[0\].sum: expected a number"),
        (element([minute(0) | {"count": True}]), r"metricValues\[0\].count: expected a number"),
        (element([minute(0) | {"startTimeInMillis": 1e300}]), "startTimeInMillis: expected milliseconds"),
        (element([], frequency="FIVE_MIN"), "frequency: expected one of"),
        (element([], metricPath="Backends|x"), "metricPath: expected Overall"),
        ("a text", "expected an object for each metric"),
    ],
)
def test_what_is_wrong_is_named_and_the_rest_is_read(wrong: Any, message: str) -> None:
    good = element([minute(0)], metricPath=metric_path(PATTERN, "ABPServer1"))
    answer = read_answer([wrong, good], PATTERN)
    assert list(answer.points) == ["ABPServer1"]
    (fault,) = answer.faults.values()
    with pytest.raises(ValueError, match=message):
        raise ValueError(fault)


def test_the_metrics_are_those_of_the_first_system_with_their_twins() -> None:
    assert len(set(ALL_METRICS)) == len(set(METRIC_PATHS.values())) == 28
    assert len([metric for metric in ALL_METRICS if "_summary" in metric]) == 15
    assert ALL_METRICS[6] == "avg_response_time_summary_ms"


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_paths_name_their_server_also_where_its_name_needs_escapes(metric: str) -> None:
    pattern = METRIC_PATHS[metric]
    for server in ("ABPServer1", r"a|b\c"):
        assert server_of(metric_path(pattern, server), pattern) == server
    others = [other for other in METRIC_PATHS.values() if other != pattern]
    for other in others:
        with pytest.raises(ValueError, match="metricPath: expected"):
            server_of(metric_path(other, "ABP"), pattern)


@pytest.mark.parametrize("wrong", ["Overall|Calls", "Overall|{server}|x|{server}", "Overall|my {server}|Calls", ""])
def test_a_pattern_names_the_server_in_one_level(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"one of them \{server\}"):
        check_pattern(wrong)


def test_series_and_models_are_named_by_application_server_and_metric() -> None:
    assert series_parts(series_name("ABP", "a/b", ART), "ABP") == ("a/b", ART)
    assert series_parts("cloudwatch/i-1/CPU", "ABP") is None
    assert model_name("My App") == "response-time-My_App"
