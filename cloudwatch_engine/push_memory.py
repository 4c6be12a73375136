"""``python -m cloudwatch_engine push-memory``: tells CloudWatch of this instance's memory, swap and disk.

It takes the place of the old ``mon-put-instance-data.pl``, under the same namespace and names, so that what was built
on those keeps working. Cron runs it every five minutes on each instance that is watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cloudwatch_engine import aws
from cloudwatch_engine.meminfo import read_disk, read_memory
from cloudwatch_engine.names import SCRIPTS
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.errors import ConfigurationError
from ml_core.settings import CloudWatchSettings

MEMINFO = Path("/proc/meminfo")
# Where an instance can read its own id without asking the metadata service over the network.
_ID_FILES = (Path("/sys/devices/virtual/dmi/id/board_asset_tag"), Path("/var/lib/cloud/data/instance-id"))


@click.command("push-memory")
@click.option("--instance-id", help="Whose metrics these are; else the setting, or what the machine says of itself.")
@click.option("--disk-path", default="/", show_default=True, help="A path on the disk to tell of.")
@click.option("--mem-used-incl-cache-buff", "with_caches", is_flag=True, help="Count caches and buffers as used.")
def push_memory(instance_id: str | None, disk_path: str, with_caches: bool) -> None:
    """Tell CloudWatch of this instance's memory, swap and disk."""
    with plain_errors():
        settings = load_settings()
        instance = find_instance_id(instance_id or settings.cloudwatch.instance_id)
        data = measure(instance, clock_of(settings).now(), disk_path, with_caches=with_caches)
        put(settings.cloudwatch, data)
    click.echo(f"{len(data)} metrics of {instance} put under {SCRIPTS}")


def find_instance_id(given: str | None, files: Sequence[Path] = _ID_FILES) -> str:
    """Return the id given, else that which is on the machine's disk; raise ``ConfigurationError``."""
    if given:
        return given
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue  # not a machine of this kind
        if text.startswith("i-"):
            return text
    raise ConfigurationError("this machine does not say which instance it is: set ML_CLOUDWATCH__INSTANCE_ID")


def measure(
    instance: str, now: datetime, disk_path: str = "/", *, with_caches: bool = False, meminfo: Path = MEMINFO
) -> list[dict[str, Any]]:
    """Return the metrics of this moment as PutMetricData takes them; raise ``ConfigurationError``."""
    memory, swap = read_memory(meminfo, with_caches=with_caches)
    disk = read_disk(disk_path)
    own = [{"Name": "InstanceId", "Value": instance}]
    of_disk = [*own, {"Name": "MountPath", "Value": disk_path}]
    values = (
        ("MemoryUtilization", "Percent", memory.percent, own),
        ("MemoryUsed", "Megabytes", memory.used_megabytes, own),
        ("MemoryAvailable", "Megabytes", memory.available_megabytes, own),
        ("SwapUtilization", "Percent", swap.percent, own),
        ("SwapUsed", "Megabytes", swap.used_megabytes, own),
        ("DiskSpaceUtilization", "Percent", disk.percent, of_disk),
    )
    return [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": now, "Value": value, "Unit": unit}
        for name, unit, value, dimensions in values
    ]


def put(settings: CloudWatchSettings, data: list[dict[str, Any]], patience: aws.Patience | None = None) -> None:
    """Put metrics; raise ``CloudWatchUnavailable`` and ``CloudWatchRefused``."""
    client = aws.new_client(settings)
    aws.patiently(
        patience or aws.Patience(),
        "cloudwatch:PutMetricData",
        lambda: client.put_metric_data(Namespace=SCRIPTS, MetricData=data),
    )
