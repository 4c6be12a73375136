"""queries.json: what is asked for, and what is wrong with a file that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudwatch_engine.queries import read_queries
from ml_core.config import project_root
from ml_core.errors import ConfigurationError


def an_entry(**changes: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": "i-0abc"}],
    }
    return {"Id": "cpu", "MetricStat": {"Metric": metric | changes, "Period": 300, "Stat": "Average"}}


def written(folder: Path, content: Any) -> Path:
    path = folder / "queries.json"
    path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return path


def test_the_file_that_comes_with_the_suite_asks_for_all_four_metrics_and_memory_by_both_names() -> None:
    queries = read_queries(project_root() / "cloudwatch_engine" / "client" / "queries.json")
    assert [query.metric for query in queries] == [
        "CPUUtilization",
        "NetworkIn",
        "NetworkOut",
        "MemoryUtilization",
        "MemoryUtilization",
    ]
    assert [query.known.namespace for query in queries[3:]] == ["CWAgent", "System/Linux"]


def test_labels_name_instance_namespace_and_metric(tmp_path: Path) -> None:
    (query,) = read_queries(written(tmp_path, [an_entry()]))
    assert (query.instance, query.label) == ("i-0abc", "i-0abc AWS/EC2 CPUUtilization")


def test_any_number_of_instances_may_be_named(tmp_path: Path) -> None:
    entries = [
        an_entry(Dimensions=[{"Name": "InstanceId", "Value": f"i-{number}"}]) | {"Id": f"cpu{number}"}
        for number in range(700)
    ]
    assert len({query.instance for query in read_queries(written(tmp_path, entries))}) == 700


def test_further_dimensions_are_kept_since_all_must_match(tmp_path: Path) -> None:
    dimensions = [{"Name": "ImageId", "Value": "ami-1"}, {"Name": "InstanceId", "Value": "i-0abc"}]
    (query,) = read_queries(written(tmp_path, [an_entry(Dimensions=dimensions)]))
    assert query.dimensions == (("ImageId", "ami-1"), ("InstanceId", "i-0abc"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 1 is not JSON"),
        ({}, "expected a list of metric data queries"),
        ([], "expected a list of metric data queries"),
        ([1], "queries.json[0]: expected an object"),
        ([{"Id": "cpu"}], "queries.json[0].MetricStat: expected an object"),
        ([an_entry() | {"Id": "Cpu"}], "queries.json[0].Id: expected a lowercase letter"),
        ([an_entry(MetricName="Disk")], "queries.json[0].MetricStat.Metric.MetricName: 'Disk' is none of the metrics"),
        ([an_entry(Dimensions=[])], "expected one named InstanceId"),
        ([an_entry(Dimensions=["x"])], "queries.json[0].MetricStat.Metric.Dimensions[0]: expected an object"),
        ([an_entry(Namespace=3)], "queries.json[0].MetricStat.Metric.Namespace: expected text"),
        ([an_entry(), an_entry()], "the Id 'cpu' stands there 2 times"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry_and_what_was_expected(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_queries(written(tmp_path, content))
    assert message in refused.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="queries_file: cannot read"):
        read_queries(tmp_path / "none.json")
