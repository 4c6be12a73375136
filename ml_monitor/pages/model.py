"""One page a model below ``/ui/models``: how well it does, by chunk, and what became of its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from ml_core.clock import format_time
from ml_core.errors import Conflict, InvalidInput
from ml_core.retraining import asking
from ml_core.web.forms import check_form
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.pages import assets, forms, frame
from ml_monitor.pages.calibration_chart import calibration_svg
from ml_monitor.pages.chunk_chart import draw_performance
from ml_monitor.pages.csv_pages import outcomes_csv, performance_csv, quality_csv
from ml_monitor.pages.examples import prediction_command
from ml_monitor.pages.model_reader import ModelPage, read_model_page
from ml_monitor.pages.quality_reader import TITLES
from ml_monitor.pages.retraining_reader import is_unheard
from ml_monitor.pages.stories import change_words, plain_text
from ml_monitor.pages.verdicts import model_verdict
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = frame.PageBlueprint("model", __name__)
_ASKED = ("retrain", "rollback")
_DONE = {
    "retrain": "It is trained anew by the next run of its owner. This page shows what comes of it.",
    "rollback": "The version before serves again.",
}


@blueprint.get("/ui/models/<model_id>")
def model(model_id: str) -> Response:
    """Show one model over a range of time; ``model_id`` is its name or seed id.

    ``?confirm=retrain`` asks whether to train it anew, ``?confirm=rollback`` whether to go back a version.
    """
    confirm = request.args.get("confirm", "")
    return _show(model_id, confirm=confirm if confirm in _ASKED else "")


@blueprint.post("/ui/models/<model_id>/retrain-requests")
def ask_for_retraining(model_id: str) -> Response:
    """File a request to train the model anew, which its owner's next run picks up."""
    return _do(model_id, "retrain", asking.ask_for_retraining)


@blueprint.post("/ui/models/<model_id>/rollbacks")
def roll_back(model_id: str) -> Response:
    """Go back to the champion before."""
    return _do(model_id, "rollback", asking.roll_back)


def _do(model_id: str, what: str, do: Callable[..., object]) -> Response:
    check_form()
    author, reason = forms.text_field("author"), forms.text_field("reason")
    try:
        do(frame.registry(), model_id, author=author, reason=reason)
    except (Conflict, InvalidInput) as error:
        return _show(model_id, confirm=what, trouble=error.message, status=error.status)
    return forms.done(f"/ui/models/{model_id}", what)


def _show(model_id: str, *, confirm: str, trouble: str = "", status: int = 200) -> Response:
    view, settings = frame.read_view(), frame.settings()
    found = read_model_page(
        frame.registry(),
        model_id,
        view.range,
        frame.now(),
        settings.monitor.stale_after_hours,
        frame.alert_lines(),
        request.args.get("metric"),
        alpha=settings.retraining.alpha,
    )
    verdict = model_verdict(found)
    response = frame.respond(
        "model.html",
        found,
        plain_text(verdict),
        name=found.model.name,
        tables={
            "performance": lambda: performance_csv(found.performance),
            "outcomes": lambda: outcomes_csv(found.outcomes),
            "quality": lambda: quality_csv(found.quality),
        },
        html=lambda: {
            "verdict_parts": verdict,
            "charts": _charts(found),
            "results_query": _results_query(found),
            "check_command": CHECK_COMMAND,
            "concept_drift_note": CONCEPT_DRIFT_NOTE,
            "check_titles": TITLES,
            "calibration_svg": calibration_svg,
            "change_words": change_words,
            "metric_names": list(dict.fromkeys(name for version in found.versions for name in version.metrics)),
            "command_line": prediction_command(found, settings),
            "confirm": confirm,
            "form_trouble": trouble,
            "done": _DONE.get(forms.what_was_done(), ""),
            "is_unheard": is_unheard(found.retraining.request, found.time),
        },
    )
    response.status_code = status
    return response


def _charts(page: ModelPage) -> Mapping[str, Any]:
    """Return what the browser needs to draw; nothing, and no import of Bokeh, where there is nothing to draw."""
    if page.performance is None:
        return {}
    address = frame.read_view().link(f"/ui/models/{page.model.name}/drift")
    link = f"{address}{'&' if '?' in address else '?'}at="
    return {
        "script": assets.bokeh_address(),
        "performance": draw_performance(page.performance, page.time, link),
    }


def _results_query(page: ModelPage) -> str:
    """Return the part of the URL that asks the API for the results which the page shows."""
    shown = page.performance
    if shown is None:
        return ""
    start, end = format_time(shown.range.start), format_time(shown.range.end)
    return urlencode({"chunking": shown.chunking, "from": start, "to": end, "format": "csv"})
