"""Judges what was measured of forecasts: by bounds set by hand, by an interval's level, or by the chunks before.

There is no reference sample of a series, so that what is usual is learnt from its own earlier chunks. Of these only
such count as had ended when the judged one began, so a verdict never rests on what came after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ml_core.errors import InvalidInput
from ml_core.records import Model
from ml_monitor.alerting.rules import AlertRule, BelowLevel, Fixed, Learnt
from ml_monitor.evaluation.judging import Judged
from ml_monitor.monitoring.performance.catalogue import SKLEARN_NAMES, find_metric, headline_of
from ml_monitor.monitoring.results import Measured, Metric, Undefined
from ml_monitor.monitoring.thresholds.base import Judgement, Threshold
from ml_monitor.monitoring.thresholds.earlier import learn_from_earlier
from ml_monitor.monitoring.thresholds.fixed import fixed_threshold
from ml_monitor.results.results_store import Result

Earlier = Callable[[Result], Sequence[Measured]]
"""Returns what was measured of the same metric and segment in the chunks before that of a result, oldest first."""
_COVERAGE = re.compile(r"coverage_(\d+)")


def judge_forecasts(model: Model, rule: AlertRule, results: Sequence[Result], earlier: Earlier) -> list[Judged]:
    """Return a verdict for each of the results of a chunk that the rule watches."""
    wanted = watched_metrics(model, rule)
    return [
        _judge(rule, result, earlier)
        for result in results
        if result.group == "performance"
        and result.chunk == rule.chunk
        and result.segment_by == rule.segment_by
        and result.name in wanted
    ]


def watched_metrics(model: Model, rule: AlertRule) -> frozenset[str]:
    """Return which metrics of forecasts a rule watches: those it names, else the model's headline metric."""
    if rule.metrics:
        return frozenset(SKLEARN_NAMES.get(name, name) for name in rule.metrics)
    headline = headline_of("forecast", model.headline_metric)
    return frozenset({headline.name} if headline else ())


def _judge(rule: AlertRule, result: Result, earlier: Earlier) -> Judged:
    metric = find_metric("forecast", result.name)
    if isinstance(result.value, Undefined):
        reason = result.value.reason
        return Judged(rule, result, Judgement("undefined", result.value, None, metric.direction, False, reason), None)
    threshold = _threshold(rule, result, metric, earlier)
    if isinstance(threshold, Undefined):
        reason = f"no threshold: {threshold.reason}"
        return Judged(rule, result, Judgement("undefined", result.value, None, metric.direction, False, reason), None)
    return Judged(rule, result, threshold.judge(result.value, metric.direction), threshold)


def _threshold(rule: AlertRule, result: Result, metric: Metric, earlier: Earlier) -> Threshold | Undefined:
    wanted = rule.threshold
    if isinstance(wanted, Fixed):
        try:
            return fixed_threshold(metric, lower=wanted.lower, upper=wanted.upper)
        except InvalidInput as error:
            return Undefined(error.message)
    if isinstance(wanted, BelowLevel):
        match = _COVERAGE.fullmatch(metric.name)
        if match is None:
            return Undefined(f"{metric.name} is no coverage, which alone has a level")
        level = int(match[1]) / 100
        return Threshold(max(0.0, round(level - wanted.below_level, 9)), None, "fixed", {"level": level})
    assert isinstance(wanted, Learnt)
    enough = [each for each in earlier(result) if each.rows >= rule.minimum_rows]
    return learn_from_earlier(enough, metric, deviations=wanted.deviations)
