"""The sentence that a page opens with: what is wrong, since when, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

from ml_monitor.distribution import OTHER, LabelDistribution, NumberDistribution
from ml_monitor.formatting import shorten, show_age, show_duration, show_number, show_share, show_time
from ml_monitor.queries import STATES, ModelPage, ModelSummary, Overview

_NAMED = 3
_WORDS = {"ok": "ok", "stale": "stale", "no data": "without data yet", "no version": "without a version"}


def overview_verdict(overview: Overview) -> str:
    """Return the verdict on all models: those that stopped by name and time, then the count of each state."""
    models = overview.models
    if not models:
        return "No model is registered yet."
    stopped = [model for model in models if model.state == "stale" and model.last_prediction_time]
    sentences = [_stopped(model, overview) for model in stopped[:_NAMED]]
    counted = []
    for state in reversed(STATES):
        names = [model.name for model in models if model.state == state]
        if names:
            # Whose last prediction was named above is not named again.
            named = "" if state == "ok" or (state == "stale" and len(names) <= _NAMED) else f" ({_listed(names)})"
            counted.append(f"{len(names)} {_WORDS[state]}{named}")
    total = "1 model" if len(models) == 1 else f"{len(models)} models"
    sentences.append(f"{total}: {', '.join(counted)}.")
    return " ".join(sentences)


def model_verdict(page: ModelPage) -> str:
    """Return the verdict on one model: whether it is used, then how what it says compares with its reference."""
    model, now = page.model, page.time
    if model.last_prediction_time is None:
        if model.state == "no version":
            return "No version is promoted and no prediction has been logged yet."
        return f"Version {model.version} is the champion; no prediction has been logged yet."
    newest = f"{show_time(model.last_prediction_time, now)} UTC"
    if model.state == "stale":
        age = show_age(model.last_prediction_time, now)
        within = show_duration(page.stale_after_hours * 3600)
        first = f"No prediction since {newest}, {age}; at least one is expected within {within}."
    else:
        count = model.predictions_last_day
        predictions = "1 prediction" if count == 1 else f"{count:,} predictions"
        first = f"{predictions} in the last day, the newest at {newest}."
    comparison = _comparison(page)
    return f"{first} {comparison}" if comparison else first


def _stopped(model: ModelSummary, overview: Overview) -> str:
    assert model.last_prediction_time is not None
    return f"{model.name} has had no prediction since {show_time(model.last_prediction_time, overview.time)} UTC."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _comparison(page: ModelPage) -> str | None:
    """Return the range's middle beside the reference's: facts without a judgement, which needs a threshold."""
    shown = page.distribution
    when = f"in the last {page.range.name}" if page.range.name else "in this range"
    if isinstance(shown, NumberDistribution) and shown.reference:
        overall, reference = show_number(shown.overall.p50), show_number(shown.reference.p50)
        return f"Median value {when}: {overall}; in the reference sample: {reference}."
    if isinstance(shown, LabelDistribution) and shown.reference:
        # Of two classes the rarer says more: 3 % fraud rather than 97 % none.
        place = 1 if len(shown.labels) == 2 and OTHER not in shown.labels else 0
        overall, reference = show_share(shown.overall[place]), show_share(shown.reference[place])
        return f"Label {shorten(shown.labels[place])} {when}: {overall}; in the reference sample: {reference}."
    return None
