"""One page a model below ``/ui/models``: how well it does, by chunk, and what became of its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from ml_core.clock import format_time
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.pages import assets, frame
from ml_monitor.pages.calibration_chart import calibration_svg
from ml_monitor.pages.chunk_chart import draw_performance
from ml_monitor.pages.csv_pages import outcomes_csv, performance_csv, quality_csv
from ml_monitor.pages.examples import prediction_command
from ml_monitor.pages.model_reader import ModelPage, read_model_page
from ml_monitor.pages.quality_reader import TITLES
from ml_monitor.pages.stories import change_words, plain_text
from ml_monitor.pages.verdicts import model_verdict
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = frame.PageBlueprint("model", __name__)


@blueprint.get("/ui/models/<model_id>")
def model(model_id: str) -> Response:
    """Show one model over a range of time; ``model_id`` is its name or seed id."""
    view, settings = frame.read_view(), frame.settings()
    found = read_model_page(
        frame.registry(),
        model_id,
        view.range,
        frame.now(),
        settings.monitor.stale_after_hours,
        frame.alert_lines(),
        request.args.get("metric"),
    )
    verdict = model_verdict(found)
    return frame.respond(
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
        },
    )


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
