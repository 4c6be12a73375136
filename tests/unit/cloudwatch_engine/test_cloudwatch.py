"""Reading GetMetricData through boto3 from a CloudWatch with faults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cloudwatch_engine import aws
from cloudwatch_engine.cloudwatch import CloudWatch
from cloudwatch_engine.errors import CloudWatchRefused, CloudWatchUnavailable
from cloudwatch_engine.names import Known
from cloudwatch_engine.queries import MetricQuery
from ml_core.settings import CloudWatchSettings
from tests.cloudwatch_stub import BROKEN, FORBIDDEN, INTERNAL, PARTIAL, THROTTLED, CloudWatchStub, Fault

START = datetime(2026, 11, 20, tzinfo=UTC)
STEP = timedelta(minutes=5)
CPU = ("AWS/EC2", "CPUUtilization", "i-0abc")


def a_query(query_id: str = "cpu", instance: str = "i-0abc", statistic: str = "Average") -> MetricQuery:
    known = Known("AWS/EC2", "CPUUtilization", "CPUUtilization")
    return MetricQuery(query_id, instance, known, (("InstanceId", instance),), statistic)


def series(count: int = 24) -> dict[datetime, float]:
    return {START + number * STEP: 10.0 + number for number in range(count)}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def reader(stub: CloudWatchStub, pauses: list[float]) -> Callable[[], CloudWatch]:
    settings = CloudWatchSettings(region="eu-west-1", endpoint_url=stub.url)
    patience = aws.Patience(attempts=4, sleep=pauses.append)
    return lambda: CloudWatch(aws.new_client(settings), 300, patience)


def test_all_points_come_oldest_first_with_aware_times(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU] = series()
    reading = reader().read([a_query()], START, START + timedelta(hours=2))
    assert reading.points == {"cpu": series()}
    assert list(reading.points["cpu"]) == sorted(series())
    assert all(time.utcoffset() == timedelta(0) for time in reading.points["cpu"])
    assert reading.notes == ()


def test_what_is_asked_for_is_said_in_full(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    reader().read([a_query()], START, START + STEP)
    (call,) = stub.calls
    assert call["ScanBy"] == "TimestampAscending"
    assert call["MetricDataQueries"][0]["Label"] == "i-0abc AWS/EC2 CPUUtilization"
    assert call["MetricDataQueries"][0]["MetricStat"]["Period"] == 300


def test_pages_are_merged_by_id_and_time(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU] = series()
    stub.points["AWS/EC2", "CPUUtilization", "i-1"] = {time: -value for time, value in series().items()}
    stub.page_points = 7
    reading = reader().read([a_query(), a_query("other", "i-1")], START, START + timedelta(hours=2))
    assert reading.points["cpu"] == series()
    assert reading.points["other"] == {time: -value for time, value in series().items()}
    assert len(stub.calls) == 7


def test_points_in_another_order_are_put_in_theirs(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU], stub.shuffled, stub.page_points = series(), True, 10
    reading = reader().read([a_query()], START, START + timedelta(hours=2))
    assert list(reading.points["cpu"].items()) == list(series().items())


def test_more_queries_than_one_call_takes_are_asked_in_several(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch]
) -> None:
    queries = [a_query(f"q{number}", f"i-{number}") for number in range(1001)]
    stub.points["AWS/EC2", "CPUUtilization", "i-1000"] = series(1)
    reading = reader().read(queries, START, START + STEP)
    assert [len(call["MetricDataQueries"]) for call in stub.calls] == [500, 500, 1]
    assert reading.points["q1000"] == series(1)


def test_percentiles_are_asked_for_as_they_are_named(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU] = {START + timedelta(seconds=number): float(number) for number in range(101)}
    reading = reader().read([a_query(statistic="p90")], START, START + STEP)
    assert reading.points["cpu"] == {START: pytest.approx(90.0)}


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, Fault("Throttling", 400), Fault("", 200, "InternalError", 0.0)])
def test_a_busy_answer_is_asked_for_again_after_longer_and_longer_pauses(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch], pauses: list[float], fault: Fault
) -> None:
    stub.points[CPU], stub.faults = series(), [fault, fault, fault]
    assert reader().read([a_query()], START, START + timedelta(hours=2)).points["cpu"] == series()
    assert len(pauses) == 3
    assert 0.25 <= pauses[0] <= 0.75
    assert 1.0 <= pauses[2] <= 3.0


def test_a_partial_answer_is_completed(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU], stub.faults = series(), [PARTIAL]
    reading = reader().read([a_query()], START, START + timedelta(hours=2))
    assert (reading.points["cpu"], reading.notes) == (series(), ())


def test_what_stays_partial_is_returned_and_said(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU], stub.always = series(), PARTIAL
    reading = reader().read([a_query()], START, START + timedelta(hours=2))
    assert len(reading.points["cpu"]) == 12
    assert reading.notes == ("i-0abc AWS/EC2 CPUUtilization: CloudWatch has given a part only; it is asked for again",)


def test_when_nothing_comes_it_says_so_and_names_no_number(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch]
) -> None:
    stub.always = INTERNAL
    with pytest.raises(CloudWatchUnavailable, match="has answered none of 1 queries"):
        reader().read([a_query()], START, START + STEP)


def test_throttling_without_end_is_an_error_that_says_so(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch], pauses: list[float]
) -> None:
    stub.always = THROTTLED
    with pytest.raises(CloudWatchUnavailable, match="failed 4 times, at last with ThrottlingException"):
        reader().read([a_query()], START, START + STEP)
    assert len(pauses) == 3


def test_what_is_forbidden_is_not_asked_for_again(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch], pauses: list[float]
) -> None:
    stub.always = FORBIDDEN
    with pytest.raises(CloudWatchRefused, match=r"cloudwatch:GetMetricData is not allowed \(AccessDeniedException\)"):
        reader().read([a_query()], START, START + STEP)
    assert (len(stub.calls), pauses) == (1, [])


def test_one_forbidden_metric_is_named(stub: CloudWatchStub, reader: Callable[[], CloudWatch]) -> None:
    stub.points[CPU], stub.forbidden = series(), {"CPUUtilization"}
    with pytest.raises(CloudWatchRefused, match="reading is not allowed for i-0abc AWS/EC2 CPUUtilization"):
        reader().read([a_query()], START, START + STEP)


def test_an_empty_answer_is_no_points_and_no_error(reader: Callable[[], CloudWatch]) -> None:
    assert reader().read([a_query()], START, START + STEP).points == {"cpu": {}}


def test_a_parameter_that_is_refused_is_told(reader: Callable[[], CloudWatch]) -> None:
    with pytest.raises(CloudWatchRefused, match=r"was refused .*a limit of GetMetricData"):
        reader().read([a_query()], START, START)


def test_nobody_who_answers_is_unavailable(pauses: list[float]) -> None:
    settings = CloudWatchSettings(region="eu-west-1", endpoint_url="http://127.0.0.1:9")
    client = aws.new_client(settings)
    with pytest.raises(CloudWatchUnavailable, match="EndpointConnectionError"):
        CloudWatch(client, 300, aws.Patience(attempts=2, sleep=pauses.append)).read([a_query()], START, START + STEP)


def test_without_a_region_it_says_what_is_missing() -> None:
    with pytest.raises(CloudWatchRefused, match="You must specify a region"):
        aws.new_client(CloudWatchSettings())


def test_without_credentials_it_says_so(
    stub: CloudWatchStub, reader: Callable[[], CloudWatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CloudWatchRefused, match="Unable to locate credentials"):
        reader().read([a_query()], START, START + STEP)
