"""Moves a trial on: lets the hidden version predict what was served, weighs the outcomes, and acts on the verdict.

It may be called at any time and any number of times: the evidence holds at every look (``evidence``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from ml_core.errors import Conflict
from ml_core.process_parts import ProcessParts
from ml_core.processes import this_process
from ml_core.records import MetricPoint, Model
from ml_core.retraining.comparing import compare
from ml_core.retraining.evidence import Evidence
from ml_core.retraining.history import Event, What, append_event, list_events
from ml_core.retraining.owner import Retrainable
from ml_core.retraining.telling import figures, told
from ml_core.retraining.trials import Trial, TrialKind, end_trial, put_trial, read_trial

log = logging.getLogger(__name__)
ROLLED_BACK = "retraining_rolled_back"
"""The metric that is 1 in the minute in which a promotion was taken back, and 0 in that in which one has stood.

``ml_monitor`` watches it by default: its alert is resolved by the next promotion that turns out well.
"""


def begin_trial(
    parts: ProcessParts,
    model: str,
    kind: TrialKind,
    *,
    served: int,
    hidden: int,
    start_time: datetime | None = None,
) -> None:
    """Put a version on trial; raise ``Conflict`` if another of the model is."""
    now, section = parts.clock.now(), parts.settings.retraining
    until = now + timedelta(days=section.shadow_days if kind == "shadow" else section.watch_days)
    trial = Trial(model, kind, served, hidden, now, start_time or now, until)
    if put_trial(parts.store, trial) is None:
        raise Conflict(f"another version of model {model!r} was put on trial meanwhile")


def end_trial_for(parts: ProcessParts, model: str, reason: str) -> None:
    """End the trial of a model, if there is one, without a verdict."""
    trial = read_trial(parts.store, model)
    if trial is not None and end_trial(parts.store, trial):
        _tell(parts, trial, "kept" if trial.kind == "shadow" else "confirmed", f"the trial has ended: {reason}", None)


def advance(parts: ProcessParts, subject: Retrainable) -> str | None:
    """Look at the trial of a model, if there is one; return what came of it.

    Raises ``Conflict`` if another process changed the champion or the trial at this moment, and what the model's own
    methods raise.
    """
    trial = read_trial(parts.store, subject.model)
    if trial is None:
        return None
    model = parts.registry.find(subject.model)
    if model.champion != trial.served:
        return _changed_meanwhile(parts, trial, model)
    now, section = parts.clock.now(), parts.settings.retraining
    served, hidden = (parts.registry.version(model, number) for number in (trial.served, trial.hidden))
    subject.predict_beside(hidden, trial.start_time, now)
    evidence = compare(subject, served, hidden, trial.start_time, now, section)
    message = told(evidence, trial.served, trial.hidden, section)
    if evidence.verdict == "better":
        return _hidden_wins(parts, trial, model, evidence, message)
    if evidence.verdict == "worse" or now >= trial.until_time:
        undecided = "" if evidence.verdict == "worse" else "undecided at the end of the trial: "
        if trial.kind == "watch":
            _put_rolled_back(parts, trial, 0.0)
        end_trial(parts.store, trial)
        return _tell(parts, trial, "kept" if trial.kind == "shadow" else "confirmed", undecided + message, evidence)
    put_trial(parts.store, _looked(trial, evidence, now))
    return f"{trial.kind} goes on: {message}"


def _hidden_wins(parts: ProcessParts, trial: Trial, model: Model, evidence: Evidence, message: str) -> str:
    """Make the hidden version the champion: promoted from the shadow, or back after a promotion that was none."""
    registry = parts.registry
    if trial.kind == "shadow":
        registry.promote(model, trial.hidden)
        line = _tell(parts, trial, "promoted", message, evidence)
        end_trial(parts.store, trial)
        begin_trial(parts, model.name, "watch", served=trial.hidden, hidden=trial.served)
        return line
    if model.champions()[-2:-1] == [trial.hidden]:
        registry.roll_back(model)
    else:  # it was promoted over another version that is gone from the stack
        registry.promote(model, trial.hidden)
    _put_rolled_back(parts, trial, 1.0)
    line = _tell(parts, trial, "rolled_back", message, evidence)
    log.error("%s: version %d is rolled back: %s", model.name, trial.served, message)
    end_trial(parts.store, trial)
    return line


def _put_rolled_back(parts: ProcessParts, trial: Trial, value: float) -> None:
    now = parts.clock.now().replace(second=0, microsecond=0)
    point = MetricPoint(trial.model, ROLLED_BACK, now, now + timedelta(minutes=1), 1, value, value)
    parts.store.put_metric_points([point])


def _changed_meanwhile(parts: ProcessParts, trial: Trial, model: Model) -> str:
    """End a trial whose served version is champion no more; one that was just promoted from it is watched."""
    end_trial(parts.store, trial)
    if trial.kind == "shadow" and model.champion == trial.hidden:
        begin_trial(parts, model.name, "watch", served=trial.hidden, hidden=trial.served)
        return f"version {trial.hidden} was promoted meanwhile, and is watched"
    if trial.kind == "watch" and model.champion == trial.hidden and not _was_told(parts, trial):
        _put_rolled_back(parts, trial, 1.0)
        why = f"back to version {trial.hidden}, by a run that ended before it said so"
        return _tell(parts, trial, "rolled_back", why, None)
    reason = f"the champion was changed to version {model.champion} meanwhile"
    return _tell(parts, trial, "kept", f"the trial has ended: {reason}", None)


def _was_told(parts: ProcessParts, trial: Trial) -> bool:
    """Return whether the history says that somebody has made the hidden version the champion since its trial began."""
    return any(
        event.time > trial.begun_time
        and (event.what == "rolled_back" or (event.what == "promoted" and event.version == trial.hidden))
        for event in list_events(parts.store, trial.model)
    )


def _looked(trial: Trial, evidence: Evidence, now: datetime) -> Trial:
    found = figures(evidence)
    return replace(
        trial,
        looked_time=now,
        pairs=evidence.pairs,
        served_loss=found["loss"],
        hidden_loss=found["rival_loss"],
        log_e_better=evidence.log_e_better,
        log_e_worse=evidence.log_e_worse,
    )


def _tell(parts: ProcessParts, trial: Trial, what: What, why: str, evidence: Evidence | None) -> str:
    version = trial.hidden if trial.kind == "shadow" else trial.served
    told_figures = {} if evidence is None else figures(evidence)
    append_event(parts.store, Event(trial.model, parts.clock.now(), what, this_process(), why, version, told_figures))
    return f"{what.replace('_', ' ')}: {why}"
