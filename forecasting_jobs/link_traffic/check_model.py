"""``check-model`` (job check_model): has the monitor check one model, and tells what came of it.

Only ``ml_monitor check`` judges, alerts and files requests to train anew; this runs it as a process of its own, with a
rule that asks for training when the error is **above** its threshold: the first system's rule was the other way round.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from forecasting_jobs.suite_process import run_suite
from ml_core.clock import format_time
from ml_core.process_parts import ProcessParts
from ml_core.retraining.requests import RetrainRequest, file_by_hand, read_request
from ml_core.retraining.trials import read_trial
from ml_core.settings import LinkTrafficSettings

JOB = "check_model"
Run = Callable[[Sequence[str]], str]
"""Runs a command of the suite and returns what it wrote; raises ``CommandFailed``."""
_METRIC = "day/performance/rmse"
_LOOKED_BACK = timedelta(days=60)
_STILL_BREACHED = "the error is still beyond its bound, and the challenger on trial is of before"
_KNOWS_MORE = "the champion took over after a breach, and more of what came since is known by now"
_FOLLOWED_AFTER = timedelta(days=3)
_DEVIATIONS = 4.0  # days of one link's bursts are no reason to train anew
_FEWEST_STEPS = 24  # two forecasts of one link: the usual would leave days of two links unjudged


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """The newest day that was judged, and what follows.

    ``upper`` is the bound that the RMSE of a day must not exceed, in Gbit/s; None for both while no day has enough
    forecasts whose truth is known. ``moves`` are the alerts that changed, as the check told them.
    """

    model: str
    day: datetime | None
    rmse: float | None
    upper: float | None
    request: RetrainRequest | None
    moves: Sequence[str]

    @property
    def is_breached(self) -> bool:
        """Whether the newest day's error is beyond its bound."""
        return self.rmse is not None and self.upper is not None and self.rmse > self.upper

    def told(self) -> str:
        """Return it in a line."""
        if self.day is None or self.rmse is None:
            return f"{self.model}: no day has been judged yet"
        bound = "no bound" if self.upper is None else f"at most {self.upper:.3f} expected"
        asked = ""
        if self.request is not None and self.request.state != "done":
            asked = f"; training anew was asked for at {format_time(self.request.requested_time)}"
        state = "BREACHED" if self.is_breached else "ok"
        return f"{self.model}: RMSE of {self.day:%Y-%m-%d} {self.rmse:.3f} Gbit/s, {bound}: {state}{asked}"


def check_model(parts: ProcessParts, model: str, run: Run = run_suite) -> ModelVerdict:
    """Check a model in a process of its own, by ``run``, and return the verdict.

    While the error stays beyond its bound, a challenger on trial is followed by one that knows more, and so is a
    champion that took over, three days later.

    Raises ``CommandFailed`` with what the process said if it failed.
    """
    if read_verdict(parts, model).day is None and not _has_rule(model, run):  # where it judged, it was there
        _set_rule(parts.settings.link_traffic, model, run)
    output = run(["ml_monitor", "check", "--model", model])
    verdict = read_verdict(parts, model, [line for line in output.splitlines() if " -> " in line])
    if reason := _why_again(parts, verdict):
        file_by_hand(parts.store, model, author=JOB, now=parts.clock.now(), reason=reason)
        return read_verdict(parts, model, verdict.moves)
    return verdict


def read_verdict(parts: ProcessParts, model: str, moves: Sequence[str] = ()) -> ModelVerdict:
    """Return what the last check has found."""
    now = parts.clock.now()
    points = parts.store.metric_points(model, [_METRIC], now - _LOOKED_BACK, now, segment="")
    judged = [point for point in points if rule_name(model) in point.details.get("verdicts", {})]
    request = read_request(parts.store, model)
    for point in sorted(judged, key=lambda each: each.start_time, reverse=True):
        if "value" in point.details:
            upper = point.details["verdicts"][rule_name(model)].get("upper")
            return ModelVerdict(model, point.start_time, point.details["value"], upper, request, moves)
    return ModelVerdict(model, None, None, None, request, moves)


def rule_name(model: str) -> str:
    """Return the name of the rule that asks for a model to be trained anew."""
    return f"{model}-rmse"


def rule_of(section: LinkTrafficSettings, model: str) -> dict[str, Any]:
    """Return the rule: two days of three with an RMSE beyond the bound, set or learnt from the reference."""
    learnt = {"deviations": _DEVIATIONS}
    return {
        "name": rule_name(model),
        "model": model,
        "watches": "performance",
        "metrics": ["rmse"],
        "chunk": "day",
        "threshold": learnt if section.rmse_limit is None else {"upper": section.rmse_limit},
        "fires_on": "2 of 3",
        "clears_after": 2,
        "minimum_rows": _FEWEST_STEPS,
        "severity": "critical",
        "retrain": True,
    }


def _why_again(parts: ProcessParts, verdict: ModelVerdict) -> str:
    """Return why training is asked for though no rule does, or nothing.

    A rule asks for no other challenger while one is on trial, even if that one was trained before the last cool-down
    and the error is still beyond its bound. And whoever took over after a breach had a few days of the new pattern to
    learn from: three days later there is more, and so on as long as those that follow win.
    """
    now, request = parts.clock.now(), verdict.request
    if request is not None and request.state != "done":
        return ""
    trial = read_trial(parts.store, verdict.model)
    if trial is not None:
        cool_down = timedelta(hours=parts.settings.retraining.cool_down_hours)
        is_stale = trial.kind == "shadow" and now >= _trained(parts, trial.model, trial.hidden) + cool_down
        return _STILL_BREACHED if verdict.is_breached and is_stale else ""  # whoever is watched is watched to the end
    if request is None or request.challenger is None or request.author not in ("", JOB):
        return ""  # a person asked, and may ask again
    is_champion = parts.registry.find(verdict.model).champion == request.challenger
    is_due = is_champion and now >= _trained(parts, verdict.model, request.challenger) + _FOLLOWED_AFTER
    return _KNOWS_MORE if is_due else ""


def _trained(parts: ProcessParts, model: str, number: int) -> datetime:
    return parts.registry.version(parts.registry.find(model), number).created_time


def _has_rule(model: str, run: Run) -> bool:
    """Return whether the rule is there: it may be somebody's own by now, which must stay as it is."""
    listed = run(["ml_monitor", "rules", "list"]).splitlines()
    return rule_name(model) in {line.partition(" ")[0] for line in listed}


def _set_rule(section: LinkTrafficSettings, model: str, run: Run) -> None:
    """Have the monitor keep the rule."""
    with tempfile.TemporaryDirectory(prefix="rule-") as folder:
        file = Path(folder) / "rules.yaml"
        file.write_bytes(orjson.dumps({"rules": [rule_of(section, model)]}))  # JSON is YAML
        run(["ml_monitor", "rules", "apply", str(file), "--yes"])
