"""The page of anomalies at ``/ui/anomalies``."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, request

from ml_monitor.pages import assets, frame
from ml_monitor.pages.anomalies_reader import (
    OUTCOME_FILTERS,
    AnomaliesPage,
    anomalies_verdict,
    read_anomalies_page,
)
from ml_monitor.pages.anomaly_chart import draw_scores
from ml_monitor.pages.csv_files import table_csv

ADDRESS = "/ui/anomalies"
blueprint = frame.PageBlueprint("anomalies", __name__, label="Anomalies", address=ADDRESS)


@blueprint.get(ADDRESS)
def anomalies() -> Response:
    """Show what a detector has scored; ``?model=`` chooses it, ``?outcome=`` which of its predictions are listed."""
    outcome = frame.choose("outcome", OUTCOME_FILTERS)
    found = read_anomalies_page(
        frame.registry(), frame.read_view().range, request.args.get("model", ""), outcome, frame.now()
    )
    return frame.respond(
        "anomalies.html",
        found,
        anomalies_verdict(found),
        name=found.model or "",
        tables={"rows": lambda: _rows_csv(found), "scores": lambda: _points_csv(found)},
        html=lambda: {"charts": _charts(found)},
    )


def _charts(page: AnomaliesPage) -> dict[str, Any]:
    drawn = draw_scores(page)
    return {"script": assets.bokeh_address(), **drawn} if drawn else {}


def _rows_csv(page: AnomaliesPage) -> str:
    rows = (
        (
            *(row.prediction_id, row.time, row.outcome, row.score, row.truth or "", row.version),
            orjson.dumps(dict(row.features)).decode(),
        )
        for row in page.rows
    )
    return table_csv(("prediction_id", "time", "outcome", "score", "truth", "version", "features"), rows)


def _points_csv(page: AnomaliesPage) -> str:
    return table_csv(("time", "score", "outcome"), ((each.time, each.score, each.outcome) for each in page.points))
