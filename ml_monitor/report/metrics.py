"""What checks have measured of a model in a period, metric by metric, beside the period before and the threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.monitoring.performance.catalogue import METRICS, headline_of
from ml_monitor.monitoring.results import Direction, Metric, Undefined
from ml_monitor.report.periods import Period
from ml_monitor.results.results_store import Group, Result, read_results

State = Literal["beyond", "ok", "not judged"]
CHUNK = "day"


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric over a period: its mean over the rows of all chunks, and how the chunks were judged.

    ``worst`` is the worst chunk's value, ``lower`` and ``upper`` are the strictest bounds that the newest judged chunk
    was held against, ``beyond`` of ``judged`` chunks were beyond them. Values are None where nothing was measured.
    """

    title: str
    name: str
    is_estimate: bool
    is_headline: bool
    value: float | None
    before: float | None
    worst: float | None
    lower: float | None
    upper: float | None
    beyond: int
    judged: int

    @property
    def state(self) -> State:
        """The word for the period: beyond if any chunk was."""
        return "beyond" if self.beyond else "ok" if self.judged else "not judged"


def read_metric_lines(store: Store, model: Model, period: Period) -> tuple[MetricLine, ...]:
    """Return the metrics that have a value or were judged, the headline first, then those beyond a threshold."""
    headline = headline_of(model.task, model.headline_metric)
    lines = []
    groups: tuple[Group, ...] = ("performance", "estimate")
    for group in groups:
        results = read_results(store, model.name, group, period.before_start, period.end, chunk=CHUNK)
        for metric in METRICS[model.task]:
            of_metric = [result for result in results if result.name == metric.name]
            line = _line(metric, group == "estimate", metric == headline, of_metric, period)
            if line.value is not None or line.judged:
                lines.append(line)
    return tuple(sorted(lines, key=lambda line: (not line.is_headline, line.is_estimate, line.state != "beyond")))


def read_headline(store: Store, model: Model, period: Period) -> dict[Group, list[Result]]:
    """Return the results of the headline metric by group, both periods, oldest first; none for a task without any."""
    metric = headline_of(model.task, model.headline_metric)
    if metric is None:
        return {}
    names, start, end = frozenset({metric.name}), period.before_start, period.end
    groups: tuple[Group, ...] = ("performance", "estimate")
    return {group: read_results(store, model.name, group, start, end, chunk=CHUNK, names=names) for group in groups}


def mean_of(results: Iterable[Result]) -> float | None:
    """Return the mean of results weighted by their rows; None if none of them has a value."""
    known = [(result.rows, result.value) for result in results if not isinstance(result.value, Undefined)]
    rows = sum(count for count, _ in known)
    return sum(count * value for count, value in known) / rows if rows else None


def bounds_of(result: Result, direction: Direction) -> tuple[float | None, float | None]:
    """Return the strictest lower and upper bound that rules have held a result against, on the side that is worse."""
    lower = [verdict["lower"] for verdict in result.verdicts.values() if verdict["lower"] is not None]
    upper = [verdict["upper"] for verdict in result.verdicts.values() if verdict["upper"] is not None]
    return (
        None if direction == "lower_is_better" else max(lower, default=None),
        None if direction == "higher_is_better" else min(upper, default=None),
    )


def is_beyond(result: Result) -> bool:
    """Return whether a rule found a result beyond its threshold."""
    return any(verdict["state"] == "beyond" for verdict in result.verdicts.values())


def is_judged(result: Result) -> bool:
    """Return whether a rule has judged a result."""
    return any(verdict["state"] in ("beyond", "ok") for verdict in result.verdicts.values())


def _line(
    metric: Metric, is_estimate: bool, is_headline: bool, results: Sequence[Result], period: Period
) -> MetricLine:
    now = [result for result in results if result.start_time >= period.start]
    values = [result.value for result in now if not isinstance(result.value, Undefined)]
    judged = [result for result in now if is_judged(result)]
    lower, upper = bounds_of(judged[-1], metric.direction) if judged else (None, None)
    return MetricLine(
        title=metric.title,
        name=metric.name,
        is_estimate=is_estimate,
        is_headline=is_headline,
        value=mean_of(now),
        before=mean_of(result for result in results if result.start_time < period.start),
        worst=_worst(metric, values),
        lower=lower,
        upper=upper,
        beyond=sum(map(is_beyond, judged)),
        judged=len(judged),
    )


def _worst(metric: Metric, values: Sequence[float]) -> float | None:
    if not values:
        return None
    if metric.direction == "higher_is_better":
        return min(values)
    return max(values) if metric.direction == "lower_is_better" else max(values, key=abs)
