"""What an operator should know of a rule that names something its model does not have: it would watch it in silence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

from ml_core.records import Model, Task
from ml_monitor.alerting.rules import AlertRule
from ml_monitor.evaluation.baseline import Baseline
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, TABLE_METHODS
from ml_monitor.monitoring.performance.catalogue import METRICS, SKLEARN_NAMES
from ml_monitor.monitoring.quality.catalogue import COLUMN_CHECKS, TABLE_CHECKS


def notes_on(rules: Sequence[AlertRule], model: Model, baseline: Baseline | None) -> list[str]:
    """Return a sentence for each name in the rules of a model that stands for nothing.

    A rule for all models may name what only some of them have: of it, only a metric that no task has is told.
    """
    return [note for rule in rules for note in _notes(rule, model, baseline)]


def notes_on_task(rules: Sequence[AlertRule], model: Model) -> list[str]:
    """Return a sentence for each rule of a model that watches what models of its task do not have."""
    of_forecasts = model.task == "forecast"
    return [
        f"rule {rule.name!r}: watches: expected {'forecast' if of_forecasts else 'performance'} for a model of task "
        f"{model.task}, not {rule.watches!r}"
        for rule in rules
        if rule.model == model.name and rule.watches == ("performance" if of_forecasts else "forecast")
    ]


def _notes(rule: AlertRule, model: Model, baseline: Baseline | None) -> list[str]:
    if rule.watches == "metric":
        return []  # whatever others write has a name of theirs
    is_own = rule.model == model.name
    known = _metrics(rule, (model.task,) if is_own else get_args(Task))
    found = [_note(rule, "metrics", name, known) for name in rule.metrics if SKLEARN_NAMES.get(name, name) not in known]
    if is_own and baseline is not None:
        columns = list(baseline.columns if rule.watches == "drift" else baseline.features)
        found += [_note(rule, "columns", name, columns) for name in rule.columns if name not in columns]
        if rule.segment_by is not None and baseline.segments(rule.segment_by) is None:
            found.append(_note(rule, "segment_by", rule.segment_by, list(baseline.features)))
    return found


def _metrics(rule: AlertRule, tasks: Sequence[Task]) -> list[str]:
    if rule.watches == "drift":
        return sorted({*COLUMN_METHODS, *TABLE_METHODS})
    if rule.watches == "quality":
        return [*COLUMN_CHECKS, *TABLE_CHECKS]
    if rule.watches == "forecast":
        tasks = ("forecast",)
    return sorted({metric.name for task in tasks for metric in METRICS[task]})


def _note(rule: AlertRule, field: str, name: str, known: Collection[str]) -> str:
    return f"rule {rule.name!r}: {field}: expected some of {', '.join(known) or 'none'}, not {name!r}"
