"""The drift of a model: all columns by chunk at ``/ui/models/<model>/drift``, and one of them below it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, request

from ml_core.clock import parse_time
from ml_core.errors import FieldError, InvalidInput
from ml_monitor.pages import assets, frame
from ml_monitor.pages.column_charts import draw_column, style_of
from ml_monitor.pages.column_reader import ColumnPage, read_column_page
from ml_monitor.pages.csv_pages import column_csv, drift_csv, ranking_csv, shares_csv
from ml_monitor.pages.definitions import DEFINITIONS
from ml_monitor.pages.drift_reader import read_drift_page
from ml_monitor.pages.drift_words import column_verdict, drift_verdict, judging_words
from ml_monitor.pages.stories import OUTCOMES, change_words, plain_text
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = frame.PageBlueprint("drift", __name__)


@blueprint.get("/ui/models/<model_id>/drift")
def drift(model_id: str) -> Response:
    """Show which columns drifted in which chunk; ``at`` chooses the chunk by which they are ranked."""
    view = frame.read_view()
    found = read_drift_page(frame.registry(), model_id, view.range, frame.now(), _at())
    verdict = drift_verdict(found)
    return frame.respond(
        "drift.html",
        found,
        plain_text(verdict),
        name=f"{found.model}-drift",
        tables={"heatmap": lambda: drift_csv(found), "ranking": lambda: ranking_csv(found)},
        html=lambda: {
            "verdict_parts": verdict,
            "check_command": CHECK_COMMAND,
            "change_words": change_words,
            "outcomes": OUTCOMES,
        },
    )


@blueprint.get("/ui/models/<model_id>/drift/column")
def column(model_id: str) -> Response:
    """Show one column, which ``name`` names; ``at`` chooses the chunk to compare, ``method`` the statistic."""
    view = frame.read_view()
    name = request.args.get("name", "")
    if not name:
        raise InvalidInput("name: expected the name of a column", [FieldError("name", "expected the name of a column")])
    found = read_column_page(
        frame.registry(), model_id, name, view.range, frame.now(), _at(), request.args.get("method")
    )
    verdict = column_verdict(found)
    return frame.respond(
        "column.html",
        found,
        plain_text(verdict),
        name=f"{found.model}-column",
        tables={"chunks": lambda: column_csv(found), "shares": lambda: shares_csv(found.shares)},
        html=lambda: {
            "verdict_parts": verdict,
            "charts": _charts(found),
            "definition": DEFINITIONS.get(found.method),
            "definitions": DEFINITIONS,
            "judging": judging_words(found),
            "check_command": CHECK_COMMAND,
            "style_of": style_of,
            "shown_name": OUTCOMES.get(found.column, found.column),
        },
    )


def _charts(page: ColumnPage) -> dict[str, Any]:
    if not page.chunks:
        return {}
    address = frame.read_view().here(at=None)
    link = f"{address}{'&' if '?' in address else '?'}at="
    return {"script": assets.bokeh_address(), **draw_column(page, link)}


def _at() -> datetime | None:
    value = request.args.get("at")
    if not value:
        return None
    try:
        return parse_time(value)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"at: {error}", [FieldError("at", str(error))]) from None
