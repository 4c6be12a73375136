"""The sentence that a page opens with: what is wrong, since when, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml_monitor.formatting import shorten, show_age, show_duration, show_number, show_share, show_short, show_time
from ml_monitor.pages.alert_lines import sentence
from ml_monitor.pages.distribution import OTHER, LabelDistribution, NumberDistribution
from ml_monitor.pages.model_reader import ModelPage
from ml_monitor.pages.overview_reader import STATES, ModelRow, Overview, State
from ml_monitor.pages.predictions_reader import PredictionsPage
from ml_monitor.pages.stories import Part, told_alerts

_NAMED = 3
_WORDS: dict[State, str] = {
    "ok": "ok",
    "not judged": "not judged yet",
    "no data": "without data yet",
    "no version": "without a version",
    "stale": "stale",
    "warning": "with a warning",
    "critical": "critical",
}


def overview_verdict(overview: Overview) -> tuple[tuple[Part, ...], ...]:
    """Return the verdict on all models, a sentence each: what is wrong with the worst, then the count of each state."""
    models = overview.models
    if not models:
        return ((Part("No model is registered yet."),),)
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
    return (*sentences, (Part(f"{total}: {', '.join(counted)}."),))


def model_verdict(page: ModelPage) -> tuple[Part, ...]:
    """Return the verdict on one model: what is wrong with it, if anything is, and whether it is used."""
    model = page.model
    parts: list[Part] = []
    if model.story is not None:
        first, *rest = model.story.parts
        parts += [replace(first, text=f"{first.text[0].upper()}{first.text[1:]}"), *rest, Part(f"{_more(model)} ")]
    elif silenced := [line for line in page.alerts if line.state == "silenced"]:
        parts.append(Part(f"Silenced: {sentence(silenced[0], page.time)}. "))
    elif page.performance is not None and model.headline is not None and not model.headline.is_of_training:
        parts.append(Part(_well(model) if page.is_judged else _not_judged(page)))
    return (*parts, Part(_use(page)))


def predictions_verdict(page: PredictionsPage) -> str:
    """Return how many predictions came, and how their values compare with the reference's."""
    if page.last_prediction_time is None:
        return "No prediction has been logged yet."
    newest = f"the newest of all is of {show_time(page.last_prediction_time, page.time)} UTC"
    when = f"in the last {page.range.name}" if page.range.name else "in this range"
    count = "1 prediction" if page.volume.total == 1 else f"{page.volume.total:,} predictions"
    return " ".join(text for text in (f"{count} {when}; {newest}.", _comparison(page, when)) if text)


def _well(model: ModelRow) -> str:
    """Return how a model does that no alert is about."""
    assert model.headline is not None
    drifted = (
        "" if model.glance.drifted is None else f"; {model.glance.drifted} of {model.glance.columns} columns drifted"
    )
    return f"As expected: {model.headline.metric} {show_short(model.headline.value)}{drifted}. "


def _not_judged(page: ModelPage) -> str:
    """Return what was measured of a model that nothing could be held against: "as expected" would be our guess."""
    headline = page.model.headline
    assert headline is not None
    has_reference = page.champion is not None and page.champion.reference_rows
    why = "too few rows yet" if has_reference else "no reference to hold it against"
    return f"Measured, but not judged ({why}): {headline.metric} {show_short(headline.value)}. "


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
    return f"The newest prediction is of {newest}."


def _comparison(page: PredictionsPage, when: str) -> str | None:
    """Return the range's middle beside the reference's: facts without a judgement, which needs a threshold."""
    shown = page.distribution
    if isinstance(shown, NumberDistribution) and shown.reference:
        overall, reference = show_number(shown.overall.p50), show_number(shown.reference.p50)
        return f"Median value {when}: {overall}; in the reference sample: {reference}."
    if isinstance(shown, LabelDistribution) and shown.reference:
        # Of two classes the rarer says more: 3 % fraud rather than 97 % none.
        place = 1 if len(shown.labels) == 2 and OTHER not in shown.labels else 0
        overall, reference = show_share(shown.overall[place]), show_share(shown.reference[place])
        return f"Label {shorten(shown.labels[place])} {when}: {overall}; in the reference sample: {reference}."
    return None


def _trouble(model: ModelRow, overview: Overview) -> tuple[Part, ...]:
    """Return what is wrong with a model: its worst alert, and how many more it has, or that nobody uses it any more."""
    name = Part(model.name, model.name)
    last, worst = model.last_prediction_time, model.alerts[0] if model.alerts else None
    if last is not None and (worst is None or worst.cause == "ingest"):
        taken_up = ", acknowledged" if worst and worst.state == "acknowledged" else ""
        said = f" has had no prediction since {show_time(last, overview.time)} UTC{taken_up}"
        return name, Part(f"{said}{_more(model)}")
    assert model.story is not None
    return name, Part(model.story.joiner), *model.story.parts, Part(_more(model))


def _more(model: ModelRow) -> str:
    """Return how many alerts a sentence has left out, and its full stop."""
    told = told_alerts(model.story, model.alerts) if model.story else len(model.alerts)
    left_out = len(model.alerts) - told
    if left_out <= 0:
        return "."
    return f"; {'1 more alert' if left_out == 1 else f'{left_out:,} more alerts'}."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
