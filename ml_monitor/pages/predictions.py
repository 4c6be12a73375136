"""The predictions of a model as they were logged, below its own page."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Response

from ml_core.clock import format_time
from ml_monitor.pages import assets, charts, frame
from ml_monitor.pages.csv_files import distribution_csv, volume_csv
from ml_monitor.pages.distribution import LabelDistribution
from ml_monitor.pages.predictions_reader import PredictionsPage, read_predictions_page
from ml_monitor.pages.verdicts import predictions_verdict

blueprint = frame.PageBlueprint("predictions", __name__)


@blueprint.get("/ui/models/<model_id>/predictions")
def predictions(model_id: str) -> Response:
    """Show how many predictions a model made over a range of time, how they spread, and the newest of them."""
    view = frame.read_view()
    found = read_predictions_page(frame.registry(), model_id, view.range, frame.now())
    return frame.respond(
        "predictions.html",
        found,
        predictions_verdict(found),
        name=found.model,
        tables={
            "volume": partial(volume_csv, found.volume),
            "distribution": partial(distribution_csv, found.distribution),
        },
        html=lambda: {"charts": _charts(found), "around_newest": _day_before(found.last_prediction_time)},
    )


def _charts(page: PredictionsPage) -> dict[str, Any]:
    """Return what the browser needs to draw; nothing, and no import of Bokeh, where there is nothing to draw."""
    if not page.volume.total:
        return {}
    shown = page.distribution
    return {
        "script": assets.bokeh_address(),
        "axis_note": charts.axis_note(shown),
        "styles": charts.class_styles(shown) if isinstance(shown, LabelDistribution) else None,
        **charts.draw_charts(page.volume, shown, page.range, page.time),
    }


def _day_before(newest: datetime | None) -> str:
    """Return the part of the URL that asks for the day that ends with the newest prediction."""
    if newest is None:
        return ""
    end = newest.replace(microsecond=0) + timedelta(seconds=1)
    return urlencode({"from": format_time(end - timedelta(days=1)), "to": format_time(end)})
