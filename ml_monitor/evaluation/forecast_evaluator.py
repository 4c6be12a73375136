"""Evaluates the forecasts of a model: each series by chunks of valid times, as of what was known at a time.

A chunk is measured when its last valid time has passed, and again whenever a step or a truth in it has changed. Series
are read one after the other, so that memory holds the steps of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.clock import format_time
from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.alerting.rules import AlertRule, Learnt
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.forecast_judging import judge_forecasts, watched_metrics
from ml_monitor.evaluation.forecast_measuring import (
    as_all,
    measure_steps,
    parts_of,
    results_of_all,
    results_of_series,
    shares_of,
)
from ml_monitor.evaluation.forecast_steps import cut, fingerprint, read_steps
from ml_monitor.evaluation.judging import Judged, with_verdicts
from ml_monitor.monitoring.chunks import PERIODS, ByPeriod, Period, split
from ml_monitor.monitoring.results import Measured
from ml_monitor.monitoring.thresholds.earlier import MOST_EARLIER
from ml_monitor.results.results_store import Result

_DAY = timedelta(days=1)
_LENGTHS: Mapping[Period, timedelta] = {"hour": _DAY / 24, "day": _DAY, "week": 7 * _DAY, "month": 31 * _DAY}
_LOOK_BACK: Mapping[Period, int] = {"hour": 72, "day": 31, "week": 12, "month": 6}
"""In how many of the newest chunks truth that comes late, or a changed step, is still seen."""
_AHEAD = timedelta(days=2)

Seen = Mapping[str, Mapping[str, Mapping[str, str]]]
"""What was known of each chunk when it was measured last: by chunking, series and the chunk's start time."""


@dataclass
class ForecastEvaluation:
    """What became of a model's forecasts. ``issue_times`` are those of late, by which a silence is told."""

    seen: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    verdicts: list[tuple[Judged, Stretch]] = field(default_factory=list)
    chunks: set[tuple[str, Stretch]] = field(default_factory=set)
    issue_times: list[datetime] = field(default_factory=list)


class ForecastEvaluator:
    """Evaluates the forecasts of one model with the rules that watch it, as of one time."""

    def __init__(
        self, store: Store, model: Model, rules: Sequence[AlertRule], as_of: datetime, *, owns_all: bool = True
    ) -> None:
        """``owns_all`` says that results of all rows are of forecasts, since the model logs no predictions."""
        self.store, self.model, self.as_of, self.owns_all = store, model, as_of, owns_all
        self.rules = [rule for rule in rules if rule.watches == "forecast"]

    def evaluate(self, seen: Seen) -> ForecastEvaluation:
        """Return what is measured of new and changed chunks, and said of it; nothing is stored.

        Raises ``StoreUnavailable``.
        """
        found = ForecastEvaluation()
        wanted = {"day", *seen, *(rule.chunk for rule in self.rules)}
        names = self.store.list_series()
        for period in PERIODS:
            if period in wanted:
                self._evaluate_period(period, names, seen.get(period, {}), found)
        return found

    def _evaluate_period(
        self, period: Period, names: Sequence[str], seen: Mapping[str, Mapping[str, str]], found: ForecastEvaluation
    ) -> None:
        start = _start_of(period, self.as_of - _LOOK_BACK[period] * _LENGTHS[period])
        shares: defaultdict[Stretch, list[Mapping[str, Measured]]] = defaultdict(list)
        changed: set[Stretch] = set()
        alone: dict[Stretch, list[Result]] = {}
        kept: dict[str, dict[str, str]] = {}
        for series in names:
            steps = read_steps(self.store, series, self.model.name, start, self.as_of + _AHEAD, self.as_of)
            if steps.empty:
                continue
            found.issue_times += [each.to_pydatetime() for each in steps["issue_time"].drop_duplicates()]
            of_series = _Series(self, series, period, steps, start)
            known = seen.get(series, {})
            kept[series] = {}
            for stretch, part in of_series.chunks.items():
                shares[stretch].append(shares_of(part))
                mark = kept[series][format_time(stretch.start_time)] = fingerprint(part)
                if known.get(format_time(stretch.start_time)) == mark:
                    continue
                changed.add(stretch)
                alone[stretch] = self._evaluate_chunk(of_series, stretch, found)
        found.seen[period] = kept
        found.chunks |= {(period, stretch) for stretch in changed}
        for stretch in sorted(changed, key=lambda each: each.start_time) if self.owns_all else ():
            several = len(shares[stretch]) > 1
            found.results += results_of_all(shares[stretch], period, stretch) if several else as_all(alone[stretch])

    def _evaluate_chunk(self, of_series: _Series, stretch: Stretch, found: ForecastEvaluation) -> list[Result]:
        results = results_of_series(of_series.name, of_series.chunks[stretch], of_series.period, stretch)
        judged = [each for rule in self.rules for each in judge_forecasts(self.model, rule, results, of_series.earlier)]
        results = with_verdicts(results, judged)
        found.results += results
        found.verdicts += [(each, stretch) for each in judged]
        return results


class _Series:
    """The chunks of one series; what lies before them is read, and measured, only if a threshold is learnt from it."""

    def __init__(
        self, evaluator: ForecastEvaluator, name: str, period: Period, steps: pd.DataFrame, start: datetime
    ) -> None:
        self.name, self.period = name, period
        self._evaluator, self._start = evaluator, start
        self.chunks = dict(cut(steps, ByPeriod(period), evaluator.as_of))
        self._measured: dict[Stretch, dict[tuple[str, str], Measured]] = {}
        self._before: dict[Stretch, pd.DataFrame] | None = None

    def earlier(self, result: Result) -> list[Measured]:
        """Return the same metric and segment in the chunks that had ended when that of the result began."""
        if self._before is None:
            self._before = dict(self._read_before())
        everything = self._before | self.chunks
        stretches = [each for each in everything if each.end_time <= result.start_time][-MOST_EARLIER:]
        return [
            measured
            for stretch in stretches
            if (measured := self._measure(stretch, everything[stretch]).get((result.segment, result.name)))
        ]

    def _read_before(self) -> Iterator[tuple[Stretch, pd.DataFrame]]:
        first = _start_of(self.period, self._start - MOST_EARLIER * _LENGTHS[self.period])
        evaluator = self._evaluator
        steps = read_steps(evaluator.store, self.name, evaluator.model.name, first, self._start, evaluator.as_of)
        return cut(steps, ByPeriod(self.period), evaluator.as_of)

    def _measure(self, stretch: Stretch, steps: pd.DataFrame) -> dict[tuple[str, str], Measured]:
        if stretch not in self._measured:
            rules = [
                rule
                for rule in self._evaluator.rules
                if rule.chunk == self.period and isinstance(rule.threshold, Learnt)
            ]
            names = sorted({name for rule in rules for name in watched_metrics(self._evaluator.model, rule)})
            levels = {str(rule.segment_by) for rule in rules}
            self._measured[stretch] = {
                (part.segment, name): measured
                for part in parts_of(self.name, steps, levels)
                for name, measured in measure_steps(part.steps, names).items()
            }
        return self._measured[stretch]


def _start_of(period: Period, time: datetime) -> datetime:
    times = pd.DataFrame({"time": pd.DatetimeIndex([time]).as_unit("us")})
    return split(times, ByPeriod(period))[0].start_time


def usual_gap(issue_times: Sequence[datetime]) -> timedelta:
    """Return the median time between one issue and the next; nothing for fewer than two."""
    distinct = np.unique(np.array([time.timestamp() for time in issue_times]))
    return timedelta(seconds=float(np.median(np.diff(distinct)))) if len(distinct) > 1 else timedelta(0)
