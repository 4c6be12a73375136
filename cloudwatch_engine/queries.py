"""Reads ``queries.json``: which metrics of which instances are asked for.

The file is what ``aws cloudwatch get-metric-data --metric-data-queries file://queries.json`` takes, so one file serves
the command line and us. Every query names an instance by its dimension ``InstanceId``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cloudwatch_engine.names import INSTANCE_NAME, Known, Metric, known_by_name
from ml_core.errors import ConfigurationError

_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
_KINDS = {"str": "text", "dict": "an object", "list": "a list"}


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One metric of one instance, as CloudWatch knows it."""

    query_id: str
    instance: str
    known: Known
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Average"

    @property
    def metric(self) -> Metric:
        """The metric that it is to us."""
        return self.known.metric

    @property
    def label(self) -> str:
        """The label that is asked for: left to itself CloudWatch shortens it to what tells its results apart."""
        return f"{self.instance} {self.known.namespace} {self.known.name}"


def read_queries(path: Path) -> tuple[MetricQuery, ...]:
    """Return the queries of a file; raise ``ConfigurationError`` that names the entry and what was expected."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cloudwatch.queries_file: cannot read {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{path.name}: line {error.lineno} is not JSON: {error.msg}") from None
    if not isinstance(content, list) or not content:
        raise ConfigurationError(f"{path.name}: expected a list of metric data queries, as the AWS CLI takes it")
    queries = tuple(_query(entry, f"{path.name}[{index}]") for index, entry in enumerate(content))
    ids = [query.query_id for query in queries]
    for query_id in ids:
        if ids.count(query_id) > 1:
            raise ConfigurationError(f"{path.name}: the Id {query_id!r} stands there {ids.count(query_id)} times")
    return queries


def _query(entry: Any, where: str) -> MetricQuery:
    query_id = _member(entry, "Id", str, where)
    if not _ID.fullmatch(query_id):
        raise ConfigurationError(f"{where}.Id: expected a lowercase letter, then letters, digits or '_'")
    stat = _member(entry, "MetricStat", dict, where)
    metric = _member(stat, "Metric", dict, f"{where}.MetricStat")
    where_metric = f"{where}.MetricStat.Metric"
    name = _member(metric, "MetricName", str, where_metric)
    known = known_by_name(name)
    if known is None:
        raise ConfigurationError(f"{where_metric}.MetricName: {name[:64]!r} is none of the metrics used here")
    dimensions = tuple(_dimensions(_member(metric, "Dimensions", list, where_metric), f"{where_metric}.Dimensions"))
    instance = dict(dimensions).get("InstanceId", "")
    if not INSTANCE_NAME.fullmatch(instance):
        raise ConfigurationError(f"{where_metric}.Dimensions: expected one named InstanceId, such as i-0abc")
    namespace = _member(metric, "Namespace", str, where_metric)
    known = Known(namespace, known.name, known.metric, known.rank)
    return MetricQuery(query_id, instance, known, dimensions, _member(stat, "Stat", str, f"{where}.MetricStat"))


def _dimensions(entries: list[Any], where: str) -> list[tuple[str, str]]:
    return [
        (_member(entry, "Name", str, f"{where}[{index}]"), _member(entry, "Value", str, f"{where}[{index}]"))
        for index, entry in enumerate(entries)
    ]


def _member(entry: Any, key: str, kind: type[Any], where: str) -> Any:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{where}: expected an object")
    value = entry.get(key)
    if not isinstance(value, kind):
        raise ConfigurationError(f"{where}.{key}: expected {_KINDS[kind.__name__]}")
    return value
