"""Evaluates one model as of a time: finds the chunks that are new or whose truth has changed, measures and judges them.

Each chunk is remembered with what was known of it (rows, truths, when the newest truth came), and evaluated again only
when that has changed. Whatever a check writes may be written twice: results replace themselves, and an alert counts a
chunk once. So a check that was killed is simply run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ml_core.artifacts.folders import read_reference
from ml_core.clock import format_time, parse_time
from ml_core.errors import ArtifactError, Conflict
from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.alerting.rules import AlertRule, rules_for
from ml_monitor.evaluation.alert_moves import Move, move_alerts
from ml_monitor.evaluation.baseline import Baseline, make_baseline
from ml_monitor.evaluation.chunk_finder import Stretch, find_chunks
from ml_monitor.evaluation.forecast_evaluator import ForecastEvaluator, Issued
from ml_monitor.evaluation.gradings import Gradings
from ml_monitor.evaluation.judging import Judge, Judged, with_verdicts
from ml_monitor.evaluation.kept_statistics import KeptStatistics
from ml_monitor.evaluation.measuring import measure_chunk
from ml_monitor.evaluation.metric_points import judge_points
from ml_monitor.evaluation.profiling import Profiler
from ml_monitor.evaluation.rule_notes import notes_on, notes_on_task
from ml_monitor.monitoring.chunks import ByPeriod, Chunking, parse_chunking, split
from ml_monitor.results.results_store import EVALUATIONS, Result, evaluation_key, point_of

DEFAULT_CHUNK = "day"
_LOOK_BACK = timedelta(days=31)
_LOOK_BACK_BY_PERIOD = {"week": timedelta(weeks=26), "month": timedelta(days=731)}
_KEPT_CHUNKS = 1000
_OF_PREDICTIONS = ("performance", "estimate", "drift", "quality")


@dataclass
class Evaluation:
    """What became of one model: how many chunks were evaluated, and which alerts changed their status.

    ``issued`` says when its forecasts came.
    """

    model: str
    chunks: int = 0
    results: int = 0
    moves: list[Move] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    issued: Issued | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A chunk as it was when it was evaluated last."""

    stretch: Stretch
    rows: int
    truths: int
    newest_truth: str

    def to_list(self) -> list[object]:
        start, end = format_time(self.stretch.start_time), format_time(self.stretch.end_time)
        return [start, end, self.rows, self.truths, self.newest_truth]

    @staticmethod
    def from_list(values: Sequence[str]) -> _Seen:
        stretch = Stretch(parse_time(values[0]), parse_time(values[1]))
        return _Seen(stretch, int(values[2]), int(values[3]), values[4])


class ModelEvaluator:
    """Evaluates one model with the rules that watch it, as of one time."""

    def __init__(self, registry: Registry, model: Model, rules: Sequence[AlertRule], as_of: datetime) -> None:
        self.store: Store = registry.store
        self.registry = registry
        self.model = model
        self.rules = [rule for rule in rules_for(rules, model.name) if rule.watches != "ingest"]
        self._prediction_rules = [
            rule for rule in self.rules if rule.watches in _OF_PREDICTIONS and _is_fit(rule, model)
        ]
        self.as_of = as_of
        self._judges: dict[int | None, Judge] = {}
        self._profiler = Profiler(registry.store, model)

    def evaluate(self) -> Evaluation:
        """Evaluate what is new or changed, and store results, alerts, the summary and what was seen, in this order.

        Raises ``StoreUnavailable``, and ``Conflict`` if another check of the same model was in the way.
        """
        evaluation = Evaluation(self.model.name)
        if self.model.task == "forecast" or any(rule.watches == "forecast" for rule in self.rules):
            evaluation.notes += notes_on_task(self.rules, self.model)
        document = self.store.get_document(EVALUATIONS, evaluation_key(self.model.name))
        content = document.content if document else {"chunkings": {}, "gradings": {}}
        gradings = Gradings(content["gradings"])
        chunkings = {}
        verdicts: list[tuple[Judged, Stretch]] = []
        own = (rule.chunk for rule in self._prediction_rules)
        for chunk in sorted({DEFAULT_CHUNK, *content["chunkings"], *own}):
            seen = [_Seen.from_list(values) for values in content["chunkings"].get(chunk, [])]
            now_seen, judged = self._evaluate_chunking(chunk, seen, gradings, evaluation)
            chunkings[chunk] = [each.to_list() for each in now_seen[-_KEPT_CHUNKS:]]
            verdicts += judged
        changed: dict[str, Any] = {"chunkings": chunkings, "gradings": gradings.to_dict()}
        if self.model.task == "forecast":
            changed["forecasts"] = self._evaluate_forecasts(content.get("forecasts", {}), verdicts, evaluation)
        points = judge_points(self.store, self.model.name, self.rules, content.get("points", {}), self.as_of)
        verdicts += points.verdicts
        evaluation.chunks += points.new
        if points.seen:
            changed["points"] = points.seen
        evaluation.moves = move_alerts(self.store, self.model.name, verdicts, self.as_of)
        self._profiler.finish(self.as_of)
        if changed != content:
            key, revision = evaluation_key(self.model.name), document.revision if document else None
            if self.store.put_document(EVALUATIONS, key, changed, expected_revision=revision) is None:
                raise Conflict(f"model {self.model.name!r} is evaluated by another check at this moment")
        return evaluation

    def _evaluate_forecasts(
        self, seen: Mapping[str, Any], verdicts: list[tuple[Judged, Stretch]], evaluation: Evaluation
    ) -> Mapping[str, Any]:
        """Measure and judge the forecasts of series, store the results, and return what was seen."""
        owns_all = self.store.last_prediction_time(self.model.name) is None
        evaluator = ForecastEvaluator(self.store, self.model, self.rules, self.as_of, owns_all=owns_all)
        found = evaluator.evaluate(seen)
        self.store.put_metric_points([point_of(self.model.name, result) for result in found.results])
        verdicts += found.verdicts
        evaluation.chunks += len(found.chunks)
        evaluation.results += len(found.results)
        evaluation.issued = found.issued
        if found.chunks:
            notes = notes_on(evaluator.rules, self.model, None)
            evaluation.notes += [note for note in notes if note not in evaluation.notes]
        return found.seen

    def _evaluate_chunking(
        self, chunk: str, seen: Sequence[_Seen], gradings: Gradings, evaluation: Evaluation
    ) -> tuple[list[_Seen], list[tuple[Judged, Stretch]]]:
        known = {each.stretch: each for each in seen}
        judged: list[tuple[Judged, Stretch]] = []
        for stretch in self._stretches(chunk, seen):
            frame = self.store.scored(self.model.name, stretch.start_time, stretch.end_time, known_at=self.as_of)
            now = _see(stretch, frame)
            if frame.empty or known.get(stretch) == now:
                continue
            results, said = self._evaluate_chunk(chunk, stretch, frame, gradings, evaluation)
            self.store.put_metric_points([point_of(self.model.name, result) for result in results])
            known[stretch] = now
            judged += [(each, stretch) for each in said]
            evaluation.chunks += 1
            evaluation.results += len(results)
        return sorted(known.values(), key=lambda each: each.stretch.start_time), judged

    def _stretches(self, chunk: str, seen: Sequence[_Seen]) -> list[Stretch]:
        """Return the chunks to look at: known ones that truth may still reach, and new ones."""
        chunking = parse_chunking(chunk)
        start = _look_back(chunking, self.as_of)
        recent = [
            each.stretch for each in seen if start <= each.stretch.start_time and each.stretch.end_time <= self.as_of
        ]
        if isinstance(chunking, ByPeriod):
            return find_chunks(self.store, self.model.name, chunking, start, self.as_of)
        begin = seen[-1].stretch.end_time if seen else start
        return recent + find_chunks(self.store, self.model.name, chunking, begin, self.as_of)

    def _evaluate_chunk(
        self, chunk: str, stretch: Stretch, frame: pd.DataFrame, gradings: Gradings, evaluation: Evaluation
    ) -> tuple[list[Result], list[Judged]]:
        judge = self._judge_for(frame, evaluation)
        evaluation.notes += [
            note
            for note in notes_on(self._prediction_rules, self.model, judge.baseline)
            if note not in evaluation.notes
        ]
        rules = [rule for rule in self._prediction_rules if rule.chunk == chunk]
        segment_by = sorted({rule.segment_by for rule in rules if rule.segment_by})
        results = measure_chunk(frame, self.model.task, judge.baseline, chunk, stretch, segment_by)
        results = gradings.grade(results, judge.baseline.version if judge.baseline else None)
        judged = [each for rule in rules for each in judge.judge(rule, results)]
        results = with_verdicts(results, judged)
        self._profiler.add(chunk, stretch, frame, judge.baseline, results)
        return results, judged

    def _judge_for(self, frame: pd.DataFrame, evaluation: Evaluation) -> Judge:
        """Return the judge of the version that made most of the chunk's predictions."""
        versions = frame["version"].dropna()
        version = int(versions.mode().iloc[0]) if len(versions) else self.model.champion
        if version not in self._judges:
            self._judges[version] = Judge(self.model, self._baseline(version, evaluation))
        return self._judges[version]

    def _baseline(self, number: int | None, evaluation: Evaluation) -> Baseline | None:
        version = None if number is None else self.store.get_version(self.model.name, number)
        if version is None or version.artifact is None or version.artifact_sha256 is None:
            return None
        try:
            reference = read_reference(self.registry.artifact_folder(version), version.artifact_sha256)
        except ArtifactError as error:
            evaluation.notes.append(f"version {number} has no reference that can be used: {error.message}")
            return None
        methods = frozenset(name for rule in self.rules if rule.watches == "drift" for name in rule.metrics)
        schema = {spec.name: spec.kind for spec in version.features} | {"": f"{self.model.task} {sorted(methods)}"}
        kept = KeptStatistics(self.registry.artifact_folder(version), version.artifact_sha256, schema)
        baseline = make_baseline(self.model, version.number, reference, version.features, kept, methods)
        self._profiler.keep_reference(baseline, version.artifact_sha256)
        return baseline


def _is_fit(rule: AlertRule, model: Model) -> bool:
    """Return whether a rule can judge the predictions of a model: one of drift for all models not steps of forecasts.

    The steps of a forecast share its inputs, and a day of a season is no sample of all days: to a test that takes rows
    as independent both look like drift. Whoever names the model has chosen bounds that hold for it.
    """
    return not (rule.watches == "drift" and rule.model == "*" and model.task == "forecast")


def _see(stretch: Stretch, frame: pd.DataFrame) -> _Seen:
    received = frame["truth_received_time"].dropna()
    newest = format_time(received.max().to_pydatetime()) if len(received) else ""
    return _Seen(stretch, len(frame), len(received), newest)


def _look_back(chunking: Chunking, as_of: datetime) -> datetime:
    """Return the border of chunks from which on they are looked at; truth that comes later than that is too late."""
    if not isinstance(chunking, ByPeriod):
        return as_of - _LOOK_BACK
    start = as_of - _LOOK_BACK_BY_PERIOD.get(chunking.period, _LOOK_BACK)
    times = pd.DataFrame({"time": pd.DatetimeIndex([start]).as_unit("us")})
    return split(times, chunking)[0].start_time
