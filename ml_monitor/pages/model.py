"""One page a model below ``/ui/models``."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Response

from ml_core.clock import format_time
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.pages import assets, charts, frame
from ml_monitor.pages.csv_files import distribution_csv, volume_csv
from ml_monitor.pages.distribution import LabelDistribution
from ml_monitor.pages.examples import prediction_command
from ml_monitor.pages.performance_chart import draw_performance
from ml_monitor.pages.queries import ModelPage, read_model_page
from ml_monitor.pages.verdicts import model_verdict
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = frame.PageBlueprint("model", __name__)


@blueprint.get("/ui/models/<model_id>")
def model(model_id: str) -> Response:
    """Show one model over a range of time; ``model_id`` is its name or seed id."""
    view, settings = frame.read_view(), frame.settings()
    found = read_model_page(frame.registry(), model_id, view.range, frame.now(), settings.monitor.stale_after_hours)
    return frame.respond(
        "model.html",
        found,
        model_verdict(found),
        name=found.model.name,
        tables={
            "volume": partial(volume_csv, found.volume),
            "distribution": partial(distribution_csv, found.distribution),
        },
        html=lambda: {
            "charts": _charts(found),
            "results_query": _results_query(found),
            "check_command": CHECK_COMMAND,
            "concept_drift_note": CONCEPT_DRIFT_NOTE,
            "around_newest": _day_before(found.model.last_prediction_time),
            "metric_names": list(dict.fromkeys(name for version in found.versions for name in version.metrics)),
            "command_line": prediction_command(found, settings),
        },
    )


def _charts(page: ModelPage) -> dict[str, Any]:
    """Return what the browser needs to draw; nothing, and no import of Bokeh, where there is nothing to draw."""
    drawn: dict[str, Any] = {}
    if page.checked.performance:
        drawn |= draw_performance(page.checked.performance, page.time)
    if page.volume.total:
        drawn |= _prediction_charts(page)
    return {"script": assets.bokeh_address(), **drawn} if drawn else {}


def _prediction_charts(page: ModelPage) -> dict[str, Any]:
    shown = page.distribution
    return {
        "axis_note": charts.axis_note(shown),
        "styles": charts.class_styles(shown) if isinstance(shown, LabelDistribution) else None,
        **charts.draw_charts(page.volume, shown, page.range, page.time),
    }


def _results_query(page: ModelPage) -> str:
    """Return the part of the URL that asks the API for the results which the page shows."""
    shown = page.checked.performance
    if shown is None:
        return ""
    start, end = format_time(shown.range.start), format_time(shown.range.end)
    return urlencode({"chunking": shown.chunking, "from": start, "to": end, "format": "csv"})


def _day_before(newest: datetime | None) -> str:
    """Return the part of the URL that asks for the day that ends with the newest prediction."""
    if newest is None:
        return ""
    end = newest.replace(microsecond=0) + timedelta(seconds=1)
    return urlencode({"from": format_time(end - timedelta(days=1)), "to": format_time(end)})
