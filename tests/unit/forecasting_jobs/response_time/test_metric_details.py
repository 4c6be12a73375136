"""What a controller says of an hour besides its mean."""

from __future__ import annotations

from typing import Any

import pytest

from forecasting_jobs.response_time.metric_details import NUMBERS, Details, read_details
from forecasting_jobs.response_time.metrics import ART, METRIC_PATHS, metric_path
from tests.factories import NOON

HOUR = int(NOON.timestamp()) // 3600
PATTERN = METRIC_PATHS[ART]


def minute(number: int, **changes: Any) -> dict[str, Any]:
    value = {"occurrences": 1, "current": 5, "min": 2, "max": 9, "useRange": True, "count": 2, "sum": 10}
    return {"startTimeInMillis": (HOUR * 60 + number) * 60_000, **value, **changes}


def element(values: list[dict[str, Any]], server: str = "ABP", **changes: Any) -> dict[str, Any]:
    path = metric_path(PATTERN.replace("*", server), server)
    return {"metricId": 7, "metricName": "BTM|a", "metricPath": path, "metricValues": values, **changes}


def details(*elements: Any) -> Details:
    (found,) = read_details(elements, PATTERN, {"ABP": {}}).values()
    return found


def test_an_hour_has_the_sums_and_extremes_of_its_points_and_the_newest_current() -> None:
    found = details(element([minute(1, current=8, max=30), minute(0, min=1, sum=90), minute(60, current=3)]))
    assert found.of_hour(HOUR) == {
        "occurrences": 2,
        "current": 8,
        "min": 1,
        "max": 30,
        "useRange": 1,
        "count": 4,
        "sum": 100,
    }
    assert found.of_hour(HOUR + 1)["current"] == 3
    assert (found.metric_id, found.name) == (7, "BTM|a")


def test_of_two_points_of_one_time_the_one_with_the_larger_count_is_taken() -> None:
    found = details(element([minute(0, count=2, sum=10), minute(0, count=0, sum=0), minute(1)]))
    assert (found.of_hour(HOUR)["count"], found.of_hour(HOUR)["sum"]) == (4, 20)


@pytest.mark.parametrize("wrong", ["many", None, float("nan"), 1e300, [1]])
def test_a_number_that_is_none_or_too_large_is_left_out_alone(wrong: Any) -> None:
    found = details(element([minute(0), minute(1, min=wrong)], metricId="7"))
    assert found.metric_id is None
    assert [name for name in NUMBERS if found.of_hour(HOUR)[name] is None] == ["min"]


def test_an_hour_of_which_nothing_was_said_has_no_numbers() -> None:
    assert set(details(element([minute(0)])).of_hour(HOUR + 5).values()) == {None}


def test_servers_that_are_not_asked_for_and_elements_without_data_are_passed_over() -> None:
    not_found = {"metricName": "METRIC DATA NOT FOUND", "metricPath": metric_path(PATTERN), "metricValues": []}
    others = [not_found, "a text", element([minute(0)], "ABPServer1"), element([]), {"metricPath": "Backends|x"}]
    assert read_details(others, PATTERN, {"ABP": {}}) == {}
