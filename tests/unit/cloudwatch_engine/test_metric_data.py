"""Data sets as people send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwatch_engine.metric_data import MOST_POINTS, UNNAMED, read_dataset
from ml_core.errors import InvalidInput, MalformedBody, SuiteError

START = datetime(2019, 7, 8, tzinfo=UTC)


def a_result(query_id: str = "cpu", label: str = "CPUUtilization", **changes: Any) -> dict[str, Any]:
    times = [(START + number * timedelta(minutes=5)).isoformat() for number in range(3)]
    values = {"Id": query_id, "Label": label, "Timestamps": times, "Values": [1.0, 2.0, 3.0], "StatusCode": "Complete"}
    return values | changes


def as_json(*results: Any) -> bytes:
    return json.dumps({"MetricDataResults": list(results), "Messages": []}).encode()


def test_json_of_the_aws_cli_is_read() -> None:
    dataset = read_dataset(as_json(a_result()))
    assert dataset.cpu() == (UNNAMED, {START + n * timedelta(minutes=5): n + 1.0 for n in range(3)})
    assert dataset.notes == ()


@pytest.mark.parametrize(
    ("label", "metric"),
    [
        ("AWS/EC2 NetworkIn", "NetworkIn"),
        ("System/Linux MemoryUtilization", "MemoryUtilization"),
        ("CWAgent mem_used_percent", "MemoryUtilization"),
    ],
)
def test_metrics_are_known_by_the_labels_that_cloudwatch_gives(label: str, metric: str) -> None:
    dataset = read_dataset(as_json(a_result(), a_result("m1", label)))
    assert set(dataset.series) == {(UNNAMED, "CPUUtilization"), (UNNAMED, metric)}


def test_instances_are_known_by_the_labels_that_we_ask_for() -> None:
    labels = ("i-1 AWS/EC2 CPUUtilization", "i-2 AWS/EC2 CPUUtilization")
    dataset = read_dataset(as_json(*(a_result(f"q{n}", label) for n, label in enumerate(labels))))
    assert list(dataset.series) == [("i-1", "CPUUtilization"), ("i-2", "CPUUtilization")]


def test_a_label_that_says_nothing_leaves_it_to_the_id() -> None:
    assert set(read_dataset(as_json(a_result("cpu", "my machine"))).series) == {(UNNAMED, "CPUUtilization")}


def test_the_agents_memory_goes_before_the_old_scripts_whatever_the_order() -> None:
    old = a_result("m1", "System/Linux MemoryUtilization", Values=[50.0, 50.0, 50.0])
    new = a_result("m2", "CWAgent mem_used_percent", Values=[40.0, 41.0, 42.0])
    for results in ([old, new], [new, old]):
        dataset = read_dataset(as_json(*results))
        assert list(dataset.series[UNNAMED, "MemoryUtilization"].values()) == [40.0, 41.0, 42.0]


def test_several_documents_in_a_row_are_read_since_the_first_system_appended_them() -> None:
    later = a_result(Timestamps=[(START + timedelta(hours=1)).isoformat()], Values=[9.0])
    dataset = read_dataset(as_json(a_result()) + b"\n" + as_json(later) + b"\n")
    assert len(dataset.cpu()[1]) == 4


def test_times_as_seconds_and_with_z_are_read() -> None:
    times = [START.timestamp(), "2019-07-08T00:05:00Z", "2019-07-08T02:10:00+02:00"]
    assert [time.minute for time in read_dataset(as_json(a_result(Timestamps=times))).cpu()[1]] == [0, 5, 10]


def test_the_table_of_the_first_system_is_read() -> None:
    text = (
        "Timestamps,AWS/EC2 NetworkIn,AWS/EC2 NetworkOut,System/Linux MemoryUtilization,AWS/EC2 CPUUtilization\n"
        "2019-10-04 00:00:00,1,2,3,4\n2019-10-04 00:05:00,5,6,,8\n"
    )
    dataset = read_dataset(text.encode())
    assert list(dataset.cpu()[1].values()) == [4.0, 8.0]
    assert list(dataset.series[UNNAMED, "MemoryUtilization"].values()) == [3.0]
    assert dataset.notes == ("1 cells hold no number; these times are gaps",)


def test_a_single_series_is_that_of_cpu_in_utc() -> None:
    dataset = read_dataset(
        b"\xef\xbb\xbftimestamp,value\r\n2014-02-14 14:30:00,0.132\r\n\r\n2014-02-14 14:35:00,nan\r\n"
    )
    assert dataset.cpu()[1] == {datetime(2014, 2, 14, 14, 30, tzinfo=UTC): 0.132}


def test_disorder_and_duplicates_are_put_right_and_said() -> None:
    text = "timestamp,value\n2026-01-01T00:05Z,2\n2026-01-01T00:00Z,1\n2026-01-01T00:05Z,3\n"
    dataset = read_dataset(text.encode())
    assert list(dataset.cpu()[1].values()) == [1.0, 3.0]
    assert dataset.notes == (
        "1 points were out of order and were sorted",
        "1 points had a time that was there already; the last one counts",
    )


def test_what_is_of_no_use_here_is_said() -> None:
    assert read_dataset(as_json(a_result(), a_result("e1", "SELECT 1"))).notes == ("not used here: SELECT 1",)
    assert read_dataset(b"timestamp,value,colour\n2026-01-01,1,red\n").notes == ("not used here: colour",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "not in UTF-8"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (as_json(a_result(Values=[1.0, float("nan"), 3.0])), "NaN is no number"),
        (b"[]", "MetricDataResults: expected a list"),
        (b'{"MetricDataResults": {}}', "MetricDataResults: expected a list"),
        (as_json(3), "MetricDataResults[0]: expected an object"),
        (as_json(a_result(Label=3)), "MetricDataResults[0]: expected Id and Label to be text"),
        (as_json(a_result(Values=[1.0])), "MetricDataResults[0]: expected Timestamps and Values"),
        (as_json(a_result(Values=[1.0, "x", 3.0])), "MetricDataResults[0].Values[1]: expected a finite number"),
        (as_json(a_result(Values=[1.0, True, 3.0])), "MetricDataResults[0].Values[1]: expected a finite number"),
        (as_json(a_result(Values=[1.0, 10**400, 3.0])), "MetricDataResults[0].Values[1]: expected a finite number"),
        (as_json(a_result(Timestamps=["now", 0, 0])), "MetricDataResults[0].Timestamps[0]: expected an ISO 8601 time"),
        (as_json(a_result(Timestamps=[1e300, 0, 0])), "Timestamps[0]: expected an ISO 8601 time"),
        (as_json(), "expected at least one point"),
        (b"a,b\n1,2\n", "line 1: expected a header"),
        (b"timestamp,colour\n2026-01-01,red\n", "line 1: expected a column of CPUUtilization"),
        (b"timestamp,value\n", "expected at least one point"),
        (b"timestamp,value\n2026-01-01,1,2\n", "line 2: expected 2 cells"),
        (b"timestamp,value\nyesterday,1\n", "line 2: expected an ISO 8601 time"),
        (b"timestamp,value\n2026-01-01,1\n2026-01-02,red\n", "line 3: CPUUtilization: expected a number"),
        (b"timestamp,value\n2026-01-01,inf\n", "line 2: CPUUtilization: expected a finite number"),
    ],
)
def test_what_is_not_clear_is_refused_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(SuiteError) as refused:
        read_dataset(content)
    assert message in refused.value.message
    assert isinstance(refused.value, (InvalidInput, MalformedBody))


def test_a_data_set_without_cpu_is_told_apart_from_a_wrong_one() -> None:
    dataset = read_dataset(as_json(a_result("n", "AWS/EC2 NetworkIn")))
    with pytest.raises(InvalidInput, match="expected a series of CPUUtilization"):
        dataset.cpu()


def test_two_hundred_thousand_points_are_read_and_more_than_the_limit_refused() -> None:
    lines = [f"{(START + number * timedelta(minutes=1)).isoformat()},{number % 100}" for number in range(200_000)]
    assert len(read_dataset("\n".join(["timestamp,value", *lines]).encode()).cpu()[1]) == 200_000
    with pytest.raises(InvalidInput, match="at most 250,000 points"):
        read_dataset(("timestamp,value\n" + "2026-01-01,1\n" * (MOST_POINTS + 1)).encode())
