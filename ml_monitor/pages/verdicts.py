"""The sentence that a page opens with: what is wrong, since when, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

from ml_monitor.formatting import show_time
from ml_monitor.pages.overview_reader import STATES, ModelRow, Overview, State
from ml_monitor.pages.stories import Part, told_alerts

_NAMED = 3
_WORDS: dict[State, str] = {
    "ok": "ok",
    "no data": "without data yet",
    "no version": "without a version",
    "stale": "stale",
    "warning": "with a warning",
    "critical": "critical",
}


def overview_verdict(overview: Overview) -> tuple[Part, ...]:
    """Return the verdict on all models: what is wrong with the worst and since when, then the count of each state."""
    models = overview.models
    if not models:
        return (Part("No model is registered yet."),)
    # They come worst first.
    told = [model for model in models if model.alerts or model.is_stale][:_NAMED]
    parts = [part for model in told for part in (*_trouble(model, overview), Part(" "))]
    counted = []
    for state in reversed(STATES):
        names = [model.name for model in models if model.state == state]
        if names:
            # Of whom a sentence above tells all, the names are not said again.
            is_told = {model.name for model in told}.issuperset(names)
            named = "" if state == "ok" or is_told else f" ({_listed(names)})"
            counted.append(f"{len(names)} {_WORDS[state]}{named}")
    total = "1 model" if len(models) == 1 else f"{len(models)} models"
    return (*parts, Part(f"{total}: {', '.join(counted)}."))


def model_trouble(model: ModelRow) -> tuple[Part, ...]:
    """Return what is wrong with a model for its own page, where its name goes without saying; empty if nothing is."""
    if model.story is None:
        return ()
    first, *rest = model.story.parts
    return (Part(f"{first.text[0].upper()}{first.text[1:]}", first.model, first.column), *rest, Part(_more(model)))


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
