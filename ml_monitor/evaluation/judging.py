"""Judges the results of a chunk by the alert rules of its model: thresholds from the baseline, one verdict a result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InvalidInput
from ml_core.records import Model
from ml_monitor.alerting.rules import AlertRule, BelowLevel, FalseAlarms, Fixed, Learnt
from ml_monitor.evaluation.baseline import Baseline, given
from ml_monitor.evaluation.measuring import measure_performance
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, TABLE_METHODS
from ml_monitor.monitoring.performance.catalogue import SKLEARN_NAMES, find_metric, headline_of
from ml_monitor.monitoring.quality.catalogue import COLUMN_CHECKS, TABLE_CHECKS
from ml_monitor.monitoring.results import Measured, Metric, Undefined
from ml_monitor.monitoring.thresholds.base import Judgement, JudgementState, Threshold
from ml_monitor.monitoring.thresholds.false_alarms import chunk_probability, draw_null_distribution, draws_for
from ml_monitor.monitoring.thresholds.fixed import fixed_threshold
from ml_monitor.monitoring.thresholds.learnt import learn_threshold
from ml_monitor.monitoring.thresholds.multiple import called
from ml_monitor.monitoring.thresholds.shares import p_value_of_rise
from ml_monitor.results.results_store import Result

_TESTS = ("kolmogorov_smirnov", "chi_squared")
_QUALITY = ("missing", "unseen_categories", "out_of_range", "changed_types", "constant")
_TOO_DEAR_TO_DRAW = ("domain_classifier",)
_SMALLEST_REFERENCE_CHUNKS = 5
_MOST_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule says of one result."""

    rule: AlertRule
    result: Result
    judgement: Judgement
    threshold: Threshold | None


class Judge:
    """Judges chunks of one model version; what it derives from the baseline is kept for the next chunk."""

    def __init__(self, model: Model, baseline: Baseline | None) -> None:
        self.model = model
        self.baseline = baseline
        self._thresholds: dict[Any, Threshold | Undefined] = {}
        self._shares: dict[tuple[str, str], Measured] = {}

    def judge(self, rule: AlertRule, results: Sequence[Result]) -> list[Judged]:
        """Return a verdict for each of the results that the rule watches; what cannot be judged is undefined."""
        watched = [result for result in results if self._is_watched(rule, result)]
        if isinstance(rule.threshold, FalseAlarms) and rule.watches in ("drift", "quality"):
            return self._judge_by_tests(rule, rule.threshold, watched, results)
        return [self._judge_by_threshold(rule, result) for result in watched]

    def metric_of(self, result: Result) -> Metric:
        """Return how a result is to be read."""
        if result.group == "drift":
            return (COLUMN_METHODS if result.column else TABLE_METHODS)[result.name].metric
        if result.group == "quality":
            return (COLUMN_CHECKS if result.column else TABLE_CHECKS)[result.name].metric
        return find_metric(self.model.task, result.name)

    def headline(self) -> str | None:
        """Return the name of the metric that stands for the model: its headline metric, else its task's first."""
        metric = headline_of(self.model.task, self.model.headline_metric)
        return metric.name if metric else None

    def _is_watched(self, rule: AlertRule, result: Result) -> bool:
        if result.group != rule.watches or result.chunk != rule.chunk:
            return False
        if rule.columns and result.column not in rule.columns:
            return False
        if result.segment_by not in ("", rule.segment_by):
            return False
        if rule.metrics:
            return result.name in {SKLEARN_NAMES.get(name, name) for name in rule.metrics}
        if rule.watches == "drift":
            return result.name in _TESTS and result.column != "score"
        if rule.watches == "quality":
            return result.name in _QUALITY
        headline = self.headline()
        if rule.watches == "estimate" and headline not in ("accuracy", "precision", "recall", "f1", "roc_auc", "mae"):
            headline = {"mse": "mae", "rmse": "mae", "r2": "mae"}.get(headline or "", "accuracy")
        return result.name == headline

    def _judge_by_threshold(self, rule: AlertRule, result: Result) -> Judged:
        metric = self.metric_of(result)
        if isinstance(result.value, Undefined) and not isinstance(rule.threshold, Fixed):
            # What has no value needs no bound, and to learn one takes long.
            reason = result.value.reason
            return Judged(
                rule, result, Judgement("undefined", result.value, None, metric.direction, False, reason), None
            )
        threshold = self._threshold(rule, result, metric)
        if isinstance(threshold, Undefined):
            reason = f"no threshold: {threshold.reason}"
            return Judged(
                rule, result, Judgement("undefined", result.value, None, metric.direction, False, reason), None
            )
        return Judged(rule, result, threshold.judge(result.value, metric.direction), threshold)

    def _threshold(self, rule: AlertRule, result: Result, metric: Metric) -> Threshold | Undefined:
        wanted = rule.threshold
        if isinstance(wanted, Fixed):
            try:
                return fixed_threshold(metric, lower=wanted.lower, upper=wanted.upper)
            except InvalidInput as error:  # it could never be crossed: a rule for many metrics may hold such
                return Undefined(error.message)
        if isinstance(wanted, BelowLevel):
            return Undefined("only the intervals of a forecast have a level")
        if self.baseline is None:
            return Undefined("the version has no reference")
        rows = _rounded(result.rows)
        key = (wanted, rule.fires_on, result.group, result.name, result.column, result.segment, rows)
        if key not in self._thresholds:
            self._thresholds[key] = self._learn(rule, wanted, result, metric, rows)
        return self._thresholds[key]

    def _learn(
        self, rule: AlertRule, wanted: Learnt | FalseAlarms, result: Result, metric: Metric, rows: int
    ) -> Threshold | Undefined:
        assert self.baseline is not None
        values = self._statistic(result, wanted)
        if isinstance(values, Undefined):
            return values
        if not rows:
            return Undefined("the chunk has no rows for it")
        places = self._places(result)
        if len(places) < 2:
            return Undefined("the reference has fewer than 2 rows for it")
        if isinstance(wanted, Learnt):
            size = min(rows, max(1, len(places) // _SMALLEST_REFERENCE_CHUNKS))
            starts = range(0, len(places) - size + 1, size)
            learnt = [values(places[start : start + size]) for start in starts]
            return learn_threshold(learnt, metric, deviations=wanted.deviations)
        if result.name in _TOO_DEAR_TO_DRAW:
            return Undefined(f"{result.name} takes too long to be drawn hundreds of times: set its bounds by hand")
        probability = _probability(wanted.false_alarms, rule.fires_on, rows, len(places))
        draws = draws_for(probability, metric.direction) if probability > 0 else math.inf
        if draws > _MOST_DRAWS:
            return Undefined(
                f"false_alarms of {wanted.false_alarms:g} on {rule.fires_on} chunks asks for a chance of "
                f"{probability:.1g} a chunk, too small to be drawn: allow more, or wait for more chunks"
            )
        null = draw_null_distribution(
            lambda drawn: values(places[drawn]),
            reference_rows=len(places),
            chunk_rows=rows,
            draws=int(draws),
        )
        return null if isinstance(null, Undefined) else null.threshold(metric, probability)

    def _places(self, result: Result) -> NDArray[np.intp]:
        """Return the rows of the reference that a result is compared with: those of its segment, else all."""
        assert self.baseline is not None
        segments = self.baseline.segments(result.segment_by) if result.segment else None
        if segments is None:
            return np.arange(self.baseline.rows)
        cells = given(self.baseline.frame[result.segment_by])
        return segments.split(cells).get(result.segment, np.arange(0))

    def _statistic(self, result: Result, wanted: Learnt | FalseAlarms) -> Any:
        """Return the metric as a function of positions of reference rows, for thresholds that are learnt from them."""
        baseline = self.baseline
        assert baseline is not None
        if result.group == "drift" and result.column:
            method, statistics = COLUMN_METHODS[result.name], baseline.drift_statistics[result.name, result.column]
            column = baseline.columns[result.column]
            return lambda rows: method.measure(statistics, column[rows]).value
        if result.group == "drift":
            table, kept = TABLE_METHODS[result.name], baseline.drift_statistics[result.name, ""]
            return lambda rows: (
                table.measure(kept, {name: each[rows] for name, each in baseline.features.items()}).value
            )
        if result.group == "quality":
            if isinstance(wanted, FalseAlarms):
                return Undefined("the reference has no such share")
            return Undefined("shares are judged by false_alarms or by fixed bounds")
        if not {"truth", "value"} <= set(baseline.frame.columns):
            return Undefined("the reference holds no truth")
        # An estimate is judged by what was realised on the reference: it speaks of the same number.
        truths, values = baseline.frame["truth"].to_numpy(), baseline.frame["value"].to_numpy()
        by_class = baseline.scores_by_class
        if by_class is not None:
            task, name = self.model.task, result.name
            return lambda rows: (
                measure_performance(task, truths[rows], values[rows], by_class.iloc[rows], None, [name])[name].value
            )
        scores = baseline.frame["score"].to_numpy() if "score" in baseline.frame else np.full(len(truths), np.nan)
        task, positive, name = self.model.task, baseline.positive, result.name
        return lambda rows: (
            measure_performance(task, truths[rows], values[rows], scores[rows], positive, [name])[name].value
        )

    def _judge_by_tests(
        self, rule: AlertRule, wanted: FalseAlarms, watched: Sequence[Result], results: Sequence[Result]
    ) -> list[Judged]:
        """Judge columns by p-values, corrected for their number, and by whether a change is large enough to matter."""
        p_values = {id(result): p_value for result in watched if (p_value := self._p_value(result)) is not None}
        tested = [result for result in watched if id(result) in p_values]
        if not tested or self.baseline is None:
            return [self._judge_by_threshold(rule, result) for result in watched]
        rows = _rounded(max(result.rows for result in tested))
        probability = _probability(wanted.false_alarms, rule.fires_on, rows, self.baseline.rows)
        judged = []
        for result, is_called in zip(tested, called(list(p_values.values()), probability), strict=True):
            is_beyond = is_called and self._effect(result, results) >= wanted.smallest_effect
            state: JudgementState = "beyond" if is_beyond else "ok"
            direction, bound = self.metric_of(result).direction, self._bound(result, wanted)
            judged.append(Judged(rule, result, Judgement(state, result.value, bound, direction, not is_beyond), None))
        return judged + [self._judge_by_threshold(rule, result) for result in watched if id(result) not in p_values]

    def _p_value(self, result: Result) -> float | None:
        """Return the chance of such a value without change; None where there is no value, or no test."""
        if isinstance(result.value, Undefined):
            return None
        if result.group != "quality":
            return result.p_value
        reference = self._reference_share(result)
        if isinstance(reference.value, Undefined):
            return None
        return p_value_of_rise(result.value, result.rows, reference.value, reference.rows)

    def _effect(self, result: Result, results: Sequence[Result]) -> float:
        """Return how large a change is on a scale that does not grow with the rows: a distance, or a share's rise."""
        if isinstance(result.value, Undefined):
            return 0.0
        if result.group == "quality":
            reference = self._reference_share(result).value
            return 0.0 if isinstance(reference, Undefined) else result.value - reference
        if result.name != "chi_squared":
            return result.value
        distances = (other for other in results if other.name == "jensen_shannon" and other.column == result.column)
        distance = next(distances, None)
        return 0.0 if distance is None or isinstance(distance.value, Undefined) else distance.value

    def _reference_share(self, result: Result) -> Measured:
        """Return the same share in the reference itself."""
        key = (result.name, result.column)
        if self.baseline is None or key not in self.baseline.quality_statistics:
            return Measured(Undefined("the reference has no such share"))
        if key not in self._shares:
            statistics = self.baseline.quality_statistics[key]
            if result.column:
                measured = COLUMN_CHECKS[result.name].measure(statistics, self.baseline.features[result.column])
            else:
                measured = TABLE_CHECKS[result.name].measure(statistics, self.baseline.features)
            self._shares[key] = measured
        return self._shares[key]

    def _bound(self, result: Result, wanted: FalseAlarms) -> float | None:
        if result.group != "quality":
            return wanted.smallest_effect if result.name == "kolmogorov_smirnov" else None
        share = self._reference_share(result).value
        return None if isinstance(share, Undefined) else share + wanted.smallest_effect


def verdict_of(judged: Judged) -> dict[str, Any]:
    """Return what is kept with a result of a rule's verdict, as plain values."""
    threshold, judgement = judged.threshold, judged.judgement
    bounds = threshold.to_dict() if threshold else {"lower": None, "upper": judgement.bound, "origin": "false_alarms"}
    return {
        "state": judgement.state,
        "lower": bounds["lower"],
        "upper": bounds["upper"],
        "origin": bounds["origin"],
        "reason": judgement.reason,
    }


def with_verdicts(results: Iterable[Result], judged: Iterable[Judged]) -> list[Result]:
    """Return the results with what was said of each."""
    said: dict[int, dict[str, Any]] = {}
    for each in judged:
        said.setdefault(id(each.result), {})[each.rule.name] = verdict_of(each)
    return [replace(result, verdicts=said.get(id(result), {})) for result in results]


@lru_cache(maxsize=512)
def _probability(budget: float, fires_on: str, chunk_rows: int, reference_rows: int) -> float:
    bad, of = (int(part) for part in fires_on.split(" of "))
    return chunk_probability(budget, bad, of, chunk_rows=chunk_rows, reference_rows=reference_rows)


def _rounded(rows: int) -> int:
    """Return the rows of a chunk on a scale of steps of a tenth, so that thresholds are learnt for few sizes."""
    return rows if rows < 10 else round(1.1 ** math.floor(math.log(rows) / math.log(1.1)))
