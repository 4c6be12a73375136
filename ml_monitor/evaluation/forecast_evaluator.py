"""Evaluates the forecasts of a model: each series by chunks of valid times, as of what was known at a time.

A chunk is measured when its last valid time has passed, and again whenever a step or a truth in it has changed: the
newest ones are looked at by every check, the older ones once in six hours, since to read a month of forecasts takes its
time. Series are read one after the other, so that memory holds the steps of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.clock import format_time, parse_time
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
_NEW = timedelta(days=2)
_FULL_LOOK_EVERY = timedelta(hours=6)
_AHEAD = timedelta(days=2)
_LOOKED, _ISSUED = "full look", "issued"

Seen = Mapping[str, Mapping[str, Mapping[str, str]]]
"""What was known of each chunk when it was measured last: by chunking, series and the chunk's start time.

Under ``full look`` there is, by chunking, when all chunks were looked at last, under ``issued`` what is known of the
times of issue.
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """When the newest forecast was issued, and the usual time from one to the next (nothing if only one is known)."""

    newest_time: datetime
    usual_gap: timedelta = timedelta(0)


@dataclass
class ForecastEvaluation:
    """What became of a model's forecasts."""

    seen: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    verdicts: list[tuple[Judged, Stretch]] = field(default_factory=list)
    chunks: set[tuple[str, Stretch]] = field(default_factory=set)
    issued: Issued | None = None


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
        before = seen.get(_ISSUED, {}).get("")
        found = ForecastEvaluation(issued=_read_issued(before) if before else None)
        wanted = {"day", *seen, *(rule.chunk for rule in self.rules)}
        names = self.store.list_series()
        looked = {period: time for period, time in seen.get(_LOOKED, {}).get("", {}).items() if period in wanted}
        for period in PERIODS:
            if period in wanted:
                last = looked.get(period)
                is_full = last is None or not timedelta(0) <= self.as_of - parse_time(last) < _FULL_LOOK_EVERY
                looked |= {period: format_time(self.as_of)} if is_full else {}
                self._evaluate_period(period, names, seen.get(period, {}), found, is_full=is_full)
        found.seen[_LOOKED] = {"": looked}
        if found.issued is not None:
            found.seen[_ISSUED] = {"": _written(found.issued)}
        return found

    def _evaluate_period(
        self,
        period: Period,
        names: Sequence[str],
        seen: Mapping[str, Mapping[str, str]],
        found: ForecastEvaluation,
        *,
        is_full: bool,
    ) -> None:
        farthest = _start_of(period, self.as_of - _LOOK_BACK[period] * _LENGTHS[period])
        start = farthest if is_full else _start_of(period, self.as_of - max(_LENGTHS[period], _NEW))
        shares: defaultdict[Stretch, list[Mapping[str, Measured]]] = defaultdict(list)
        changed: set[Stretch] = set()
        alone: dict[Stretch, list[Result]] = {}
        kept: dict[str, dict[str, str]] = {}
        issue_times: list[datetime] = []
        for series in names:
            steps = read_steps(self.store, series, self.model.name, start, self.as_of + _AHEAD, self.as_of)
            known = seen.get(series, {})
            # What is not looked at now stays as it was.
            marks = {each: mark for each, mark in known.items() if farthest <= parse_time(each) < start}
            if marks or len(steps):
                kept[series] = marks
            if steps.empty:
                continue
            issue_times += [each.to_pydatetime() for each in steps["issue_time"].drop_duplicates()]
            of_series = _Series(self, series, period, steps, start)
            for stretch, part in of_series.chunks.items():
                shares[stretch].append(shares_of(part))
                mark = marks[format_time(stretch.start_time)] = fingerprint(part)
                if known.get(format_time(stretch.start_time)) == mark:
                    continue
                changed.add(stretch)
                alone[stretch] = self._evaluate_chunk(of_series, stretch, found)
        found.issued = _issued(issue_times, found.issued, is_full=is_full)
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


def _issued(issue_times: Sequence[datetime], before: Issued | None, *, is_full: bool) -> Issued | None:
    """Return what the times of issue that were read tell; a full look has the most of them for the usual gap."""
    if not issue_times:
        return before
    newest, gap = max(issue_times), _usual_gap(issue_times)
    if before is None:
        return Issued(newest, gap)
    usual = gap if gap and is_full else before.usual_gap or _usual_gap([*issue_times, before.newest_time])
    return Issued(max(newest, before.newest_time), usual)


def _usual_gap(times: Sequence[datetime]) -> timedelta:
    distinct = np.unique(np.array([time.timestamp() for time in times]))
    return timedelta(seconds=float(np.median(np.diff(distinct)))) if len(distinct) > 1 else timedelta(0)


def _written(issued: Issued) -> dict[str, str]:
    return {"newest_time": format_time(issued.newest_time), "usual_gap_seconds": str(issued.usual_gap.total_seconds())}


def _read_issued(values: Mapping[str, str]) -> Issued:
    return Issued(parse_time(values["newest_time"]), timedelta(seconds=float(values["usual_gap_seconds"])))
