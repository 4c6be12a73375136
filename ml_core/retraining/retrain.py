"""Trains the models anew for which somebody has asked, and decides on each challenger.

1. Claim the request, so that nobody else does the same.
2. Hold out the newest labelled chunk, and train a challenger on what lies before it.
3. Compare it with the champion there, pair by pair.
4. Promote a clear winner at once, keep a clear loser out, and let any other predict in the shadow.

A promotion holds only if the champion is still the one compared with; afterwards it is watched (``advance``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ml_core.clock import format_time
from ml_core.errors import Conflict, SuiteError
from ml_core.jobs.runner import Job, RunStopped
from ml_core.jobs.slots import Schedule
from ml_core.process_parts import ProcessParts
from ml_core.processes import this_process
from ml_core.records import Model, ModelVersion
from ml_core.retraining.advance import advance, begin_trial, end_trial_for
from ml_core.retraining.comparing import FEWEST_HELD_OUT, compare, held_out_start, training_end
from ml_core.retraining.history import Event, append_event
from ml_core.retraining.owner import Owner, Retrainable
from ml_core.retraining.requests import Outcome, RetrainRequest, claim, finish, note_challenger, read_request
from ml_core.retraining.telling import figures, told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Decision:
    outcome: Outcome
    message: str
    challenger: int | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


def retrain_job(owner: Owner) -> Job:
    """Return the job of an owner's command: once for each minute in which it is called, and with a history.

    A run ends before the claims that it makes do, so that no claim is lost by mere slowness.
    """
    lease = timedelta(minutes=owner.parts.settings.retraining.lease_minutes)
    return Job(
        owner.job,
        Schedule(timedelta(minutes=1)),
        lambda slot: retrain(owner),
        deadline=lease,
        missed="none",
        is_anytime=True,
    )


def retrain(owner: Owner) -> str:
    """Advance the trials of an owner's models and serve the requests for them; return what came of it in a line.

    One model that fails does not stop the others; afterwards a ``SuiteError`` names those that did, with the reasons.
    """
    told_of, failed = [], []
    for subject in owner.subjects:
        try:
            lines = [advance(owner.parts, subject), serve_request(owner.parts, subject)]
        except RunStopped:
            raise
        except SuiteError as error:
            log.error("%s: %s", subject.model, error.message)
            failed.append(f"{subject.model}: {error.message}")
            continue
        told_of += [f"{subject.model}: {line}" for line in lines if line]
    if failed:
        raise SuiteError("; ".join([*failed, *told_of]))
    return "; ".join(told_of) or "nothing was asked for, and nothing is on trial"


def serve_request(parts: ProcessParts, subject: Retrainable) -> str | None:
    """Claim the request for a model, if there is one to claim, and see it through; return what came of it.

    What goes wrong ends the request as failed, with the reason, and is raised.
    """
    store, section = parts.store, parts.settings.retraining
    request = read_request(store, subject.model)
    if request is None or not request.is_claimable(parts.clock.now(), timedelta(hours=section.cool_down_hours)):
        return None
    now, holder = parts.clock.now(), this_process()
    claimed = claim(store, request, holder=holder, now=now, lease=timedelta(minutes=section.lease_minutes))
    if claimed is None:
        return None
    again = f"; {request.claimed_by} had it before and ended without a word" if request.state == "claimed" else ""
    append_event(store, Event(subject.model, now, "claimed", holder, f"asked for by {request.asked_by}{again}"))
    try:
        decision = _promoted_before(parts, claimed)
        if decision is None:
            challenger, held_out = _train(parts, subject, claimed, now)
            noted = note_challenger(store, claimed, challenger.number)
            if noted is None:
                raise Conflict("the claim was lost to another process; what was trained is not compared")
            claimed = noted
            decision = _decide(parts, subject, challenger, held_out, now)
    except Exception as error:  # whatever it was, the request must not stay claimed, and the next hour may do better
        message = error.message if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
        _finish(parts, claimed, _Decision("failed", message))
        raise
    _finish(parts, claimed, decision)
    return f"{decision.outcome}: {decision.message}"


def _promoted_before(parts: ProcessParts, claimed: RetrainRequest) -> _Decision | None:
    """Return what a run had decided that ended between the promotion and its record; None if there is no such."""
    champions = parts.registry.find(claimed.model).champions()
    if claimed.challenger is None or champions[-1:] != [claimed.challenger]:
        return None
    if len(champions) > 1:
        end_trial_for(parts, claimed.model, f"version {champions[-1]} was promoted")
        begin_trial(parts, claimed.model, "watch", served=champions[-1], hidden=champions[-2])
    return _Decision("promoted", f"version {champions[-1]}, by a run that ended before it said so", champions[-1])


def _train(
    parts: ProcessParts, subject: Retrainable, claimed: RetrainRequest, as_of: datetime
) -> tuple[ModelVersion, datetime | None]:
    """Return a new challenger, and where the chunk begins that neither it nor the champion was trained on, or None."""
    champion = parts.registry.champion(parts.registry.find(subject.model))
    times = subject.labelled_times(as_of - timedelta(days=parts.settings.retraining.window_days), as_of, as_of)
    held_out = held_out_start(times, champion) if champion else None
    challenger = subject.train(held_out or as_of, as_of)
    why = (
        f"version {challenger.number}, on what was known at {format_time(as_of)} of before "
        f"{format_time(training_end(challenger))}"
    )
    event = Event(subject.model, parts.clock.now(), "trained", claimed.claimed_by, why, challenger.number)
    append_event(parts.store, event)
    return challenger, held_out


def _decide(
    parts: ProcessParts, subject: Retrainable, challenger: ModelVersion, held_out: datetime | None, as_of: datetime
) -> _Decision:
    registry, section = parts.registry, parts.settings.retraining
    model = registry.find(subject.model)
    champion = registry.champion(model)
    if champion is None:
        registry.promote(model, challenger.number)
        return _Decision("promoted", f"version {challenger.number}: there was no champion", challenger.number)
    if held_out is None or training_end(champion) > held_out:  # the champion may have been changed since
        message = (
            f"version {challenger.number}: fewer than {FEWEST_HELD_OUT} outcomes are known that version "
            f"{champion.number} was not trained on; compared from now on"
        )
        return _shadow(parts, model, champion, challenger, as_of, message)
    evidence = compare(subject, champion, challenger, held_out, as_of, section)
    message = told(evidence, champion.number, challenger.number, section)
    if evidence.verdict == "worse":
        return _Decision("kept", message, challenger.number, figures(evidence))
    if evidence.verdict == "open":
        decision = _shadow(parts, model, champion, challenger, held_out, message)
    else:
        decision = _promote(parts, model, champion, challenger, message)
    return replace(decision, figures=figures(evidence))


def _promote(
    parts: ProcessParts, model: Model, champion: ModelVersion, challenger: ModelVersion, message: str
) -> _Decision:
    try:
        parts.registry.promote(model, challenger.number)
    except Conflict:
        changed = f"the champion was changed meanwhile, so version {challenger.number} is not promoted ({message})"
        return _Decision("kept", changed, challenger.number)
    end_trial_for(parts, model.name, f"version {challenger.number} was promoted")
    begin_trial(parts, model.name, "watch", served=challenger.number, hidden=champion.number)
    return _Decision("promoted", message, challenger.number)


def _shadow(
    parts: ProcessParts,
    model: Model,
    champion: ModelVersion,
    challenger: ModelVersion,
    start_time: datetime,
    message: str,
) -> _Decision:
    end_trial_for(parts, model.name, f"version {challenger.number} takes its place")
    begin_trial(parts, model.name, "shadow", served=champion.number, hidden=challenger.number, start_time=start_time)
    return _Decision("shadow", message, challenger.number)


def _finish(parts: ProcessParts, claimed: RetrainRequest, decision: _Decision) -> None:
    now, message = parts.clock.now(), decision.message
    if not finish(parts.store, claimed, decision.outcome, message, now=now, challenger=decision.challenger):
        message = f"{message} (its claim had ended before)"
    append_event(
        parts.store,
        Event(claimed.model, now, decision.outcome, claimed.claimed_by, message, decision.challenger, decision.figures),
    )
