"""The sentence that a page opens with: what is wrong, since when, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

from ml_monitor.formatting import shorten, show_age, show_duration, show_number, show_share, show_time
from ml_monitor.pages.alert_lines import sentence
from ml_monitor.pages.distribution import OTHER, LabelDistribution, NumberDistribution
from ml_monitor.pages.queries import STATES, ModelPage, ModelSummary, Overview, State

_NAMED = 3
_WORDS: dict[State, str] = {
    "ok": "ok",
    "no data": "without data yet",
    "no version": "without a version",
    "stale": "stale",
    "warning": "with a warning",
    "critical": "critical",
}


def overview_verdict(overview: Overview) -> str:
    """Return the verdict on all models: what is wrong with the worst and since when, then the count of each state."""
    models = overview.models
    if not models:
        return "No model is registered yet."
    # They come worst first.
    told = [model for model in models if model.alerts or model.is_stale][:_NAMED]
    sentences = [_trouble(model, overview) for model in told]
    counted = []
    for state in reversed(STATES):
        names = [model.name for model in models if model.state == state]
        if names:
            # Of whom a sentence above tells all, the names are not said again.
            is_told = {model.name for model in told}.issuperset(names)
            named = "" if state == "ok" or is_told else f" ({_listed(names)})"
            counted.append(f"{len(names)} {_WORDS[state]}{named}")
    total = "1 model" if len(models) == 1 else f"{len(models)} models"
    sentences.append(f"{total}: {', '.join(counted)}.")
    return " ".join(sentences)


def model_verdict(page: ModelPage) -> str:
    """Return the verdict on one model: what is wrong, whether it is used, and how it compares with its reference."""
    return " ".join(text for text in (_alerts(page), _use(page), _comparison(page)) if text)


def _alerts(page: ModelPage) -> str:
    """Return a sentence on each of the worst alerts, and how many there are beside them."""
    alerts, now = page.model.alerts, page.time
    sentences = [_capitalised(f"{sentence(line, now)}.") for line in alerts[:_NAMED]]
    if len(alerts) > _NAMED:
        sentences.append(f"{_more(len(alerts) - _NAMED)}.")
    return " ".join(sentences)


def _use(page: ModelPage) -> str:
    model, now = page.model, page.time
    if model.last_prediction_time is None:
        if model.version is None:
            return "No version is promoted and no prediction has been logged yet."
        return f"Version {model.version} is the champion; no prediction has been logged yet."
    newest = f"{show_time(model.last_prediction_time, now)} UTC"
    if model.is_stale:
        age = show_age(model.last_prediction_time, now)
        within = show_duration(page.stale_after_hours * 3600)
        return f"No prediction since {newest}, {age}; at least one is expected within {within}."
    count = model.predictions_last_day
    predictions = "1 prediction" if count == 1 else f"{count:,} predictions"
    return f"{predictions} in the last day, the newest at {newest}."


def _trouble(model: ModelSummary, overview: Overview) -> str:
    """Return what is wrong with a model: its worst alert, and how many more it has, or that nobody uses it any more."""
    last = model.last_prediction_time
    worst = model.alerts[0] if model.alerts else None
    if last is not None and (worst is None or worst.cause == "ingest"):
        taken_up = ", acknowledged" if worst and worst.state == "acknowledged" else ""
        said = f"{model.name} has had no prediction since {show_time(last, overview.time)} UTC{taken_up}"
    else:
        assert worst is not None
        said = f"{model.name}: {sentence(worst, overview.time)}"
    more = f"; {_more(len(model.alerts) - 1)}" if len(model.alerts) > 1 else ""
    return f"{said}{more}."


def _more(alerts: int) -> str:
    return "1 more alert" if alerts == 1 else f"{alerts:,} more alerts"


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


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
