"""Memory, swap and disk of this machine, and how CloudWatch is told of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloudwatch_engine import aws
from cloudwatch_engine.errors import CloudWatchUnavailable
from cloudwatch_engine.meminfo import read_disk, read_memory
from cloudwatch_engine.push_memory import find_instance_id, measure, push_memory, put
from ml_core.errors import ConfigurationError
from ml_core.settings import CloudWatchSettings
from tests.cloudwatch_stub import THROTTLED, CloudWatchStub

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEMINFO = """MemTotal:       8000 kB
MemFree:        1000 kB
MemAvailable:   6000 kB
Buffers:         500 kB
Cached:         2500 kB
SwapTotal:      4000 kB
SwapFree:       3000 kB
HugePages_Total:   0
Odd line
"""


def meminfo(folder: Path, text: str = MEMINFO) -> Path:
    path = folder / "meminfo"
    path.write_text(text)
    return path


def test_what_can_be_given_back_is_not_in_use(tmp_path: Path) -> None:
    memory, swap = read_memory(meminfo(tmp_path))
    assert (memory.percent, swap.percent) == (25.0, 25.0)
    assert memory.used_megabytes == pytest.approx(2000 / 1024)
    assert memory.available_megabytes == pytest.approx(6000 / 1024)


def test_caches_count_as_used_if_one_wants_so(tmp_path: Path) -> None:
    assert read_memory(meminfo(tmp_path), with_caches=True)[0].percent == 87.5


def test_an_old_kernel_does_not_say_what_is_available(tmp_path: Path) -> None:
    text = "".join(line for line in MEMINFO.splitlines(keepends=True) if "Available" not in line)
    assert read_memory(meminfo(tmp_path, text))[0].percent == 50.0


def test_a_machine_without_swap_uses_none_of_it(tmp_path: Path) -> None:
    text = MEMINFO.replace("4000", "0").replace("3000", "0")
    assert read_memory(meminfo(tmp_path, text))[1].percent == 0.0


def test_a_file_that_lacks_a_line_or_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no line SwapTotal"):
        read_memory(meminfo(tmp_path, MEMINFO.replace("SwapTotal", "Swap")))
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_memory(tmp_path / "none")


def test_the_disk_is_that_of_the_path(tmp_path: Path) -> None:
    disk = read_disk(str(tmp_path))
    assert 0 < disk.percent <= 100
    with pytest.raises(ConfigurationError, match="cannot look at the disk"):
        read_disk(str(tmp_path / "none"))


def test_an_instance_knows_itself_from_what_was_said_or_lies_on_its_disk(tmp_path: Path) -> None:
    tag = tmp_path / "tag"
    assert find_instance_id("i-given", [tag]) == "i-given"
    tag.write_text("i-0abc\n")
    assert find_instance_id(None, [tmp_path / "none", tag]) == "i-0abc"
    tag.write_text("Not Specified")
    with pytest.raises(ConfigurationError, match="ML_CLOUDWATCH__INSTANCE_ID"):
        find_instance_id(None, [tag])


def test_metrics_have_the_names_units_and_dimensions_of_the_old_scripts(tmp_path: Path) -> None:
    data = measure("i-0abc", NOW, str(tmp_path), meminfo=meminfo(tmp_path))
    assert {datum["MetricName"]: datum["Unit"] for datum in data} == {
        "MemoryUtilization": "Percent",
        "MemoryUsed": "Megabytes",
        "MemoryAvailable": "Megabytes",
        "SwapUtilization": "Percent",
        "SwapUsed": "Megabytes",
        "DiskSpaceUtilization": "Percent",
    }
    assert all(datum["Dimensions"][0] == {"Name": "InstanceId", "Value": "i-0abc"} for datum in data)
    assert data[-1]["Dimensions"][1] == {"Name": "MountPath", "Value": str(tmp_path)}


def test_the_command_puts_what_this_machine_measures(stub: CloudWatchStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_CLOUDWATCH__ENDPOINT_URL", stub.url)
    monkeypatch.setenv("ML_CLOUDWATCH__REGION", "eu-west-1")
    result = CliRunner().invoke(push_memory, ["--instance-id", "i-0abc"])
    assert (result.exit_code, result.output) == (0, "6 metrics of i-0abc put under System/Linux\n")
    ((_, value),) = stub.points["System/Linux", "MemoryUtilization", "i-0abc"].items()
    assert 0 < value < 100


def test_a_busy_cloudwatch_is_told_again_and_then_given_up(stub: CloudWatchStub, tmp_path: Path) -> None:
    settings = CloudWatchSettings(region="eu-west-1", endpoint_url=stub.url)
    data = measure("i-0abc", NOW, str(tmp_path), meminfo=meminfo(tmp_path))
    stub.faults = [THROTTLED, THROTTLED]
    put(settings, data, aws.Patience(attempts=3, sleep=lambda seconds: None))
    assert stub.points["System/Linux", "MemoryUtilization", "i-0abc"] == {NOW: 25.0}
    stub.always = THROTTLED
    with pytest.raises(CloudWatchUnavailable, match="cloudwatch:PutMetricData failed 2 times"):
        put(settings, data, aws.Patience(attempts=2, sleep=lambda seconds: None))


def test_the_command_ends_with_one_line_if_it_is_not_allowed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(push_memory, ["--instance-id", "i-0abc"])
    assert result.exit_code == 1
    assert result.output.startswith("error: AWS cannot be called: You must specify a region")
