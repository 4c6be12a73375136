"""What checks have measured of a model, over HTTP: realised performance, drift, estimates and quality by chunk."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Literal

from flask import Response, current_app, jsonify
from pydantic import Field

from ml_core.clock import format_time
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.shapes import Body, ModelPath, TimeField
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.csv_files import results_csv
from ml_monitor.results.results_queries import DEFAULT_CHUNKING, Answer, Topic, Wanted, find_results, with_notes
from ml_monitor.results.results_store import Result

blueprint = create_api_blueprint("results", __name__, "What checks have measured, by chunk")

EVERY_SEGMENT = "*"


class ResultsQuery(Body):
    """Which results. Chunks are told by the time they start at."""

    chunking: str = Field(DEFAULT_CHUNKING, max_length=64, description="hour, day, week, month, or a number of rows")
    from_: TimeField | None = Field(None, alias="from", description="default: 30 days before `to`")
    to: TimeField | None = Field(None, description="default: now")
    segment: str | None = Field(None, max_length=1024, description="default: all rows together; * for every segment")
    segment_by: str | None = Field(
        None, min_length=1, max_length=1024, description="a logged feature; of forecasts series or horizon"
    )
    metric: str | None = Field(None, min_length=1, max_length=191)
    column: str | None = Field(None, max_length=1024)
    format: Literal["json", "csv"] = "json"


@blueprint.get("/models/<model_id>/performance", summary="Realised performance, and how late truth comes")
def performance(path: ModelPath, query: ResultsQuery) -> Response:
    return _answer("performance", path, query)


@blueprint.get("/models/<model_id>/drift", summary="Drift of columns and of all columns together")
def drift(path: ModelPath, query: ResultsQuery) -> Response:
    return _answer("drift", path, query)


@blueprint.get("/models/<model_id>/estimates", summary="Performance estimated before truth has come")
def estimates(path: ModelPath, query: ResultsQuery) -> Response:
    return _answer("estimates", path, query)


@blueprint.get("/models/<model_id>/quality", summary="Quality of the data")
def quality(path: ModelPath, query: ResultsQuery) -> Response:
    return _answer("quality", path, query)


def _answer(topic: Topic, path: ModelPath, query: ResultsQuery) -> Response:
    # Who asks for the segments of a feature means every one of them.
    segment = query.segment if query.segment is not None else EVERY_SEGMENT if query.segment_by else ""
    wanted = Wanted(
        query.chunking,
        query.from_,
        query.to,
        None if segment == EVERY_SEGMENT else segment,
        query.metric,
        query.column,
        query.segment_by,
    )
    extensions = current_app.extensions
    answer = find_results(extensions["registry"], extensions["clock"], path.model_id, topic, wanted)
    if query.format == "json":
        return jsonify(_answer_json(answer))
    response = Response(results_csv(with_notes(answer)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={answer.model.name}-{topic}.csv"
    return response


def _answer_json(answer: Answer) -> dict[str, Any]:
    chunks = groupby(answer.results, key=lambda each: (each.start_time, each.end_time, each.segment, each.segment_by))
    return {
        "model": answer.model.name,
        "chunking": answer.chunking,
        "chunkings": list(answer.chunkings),
        "from": format_time(answer.start),
        "to": format_time(answer.end),
        "notes": list(answer.notes),
        "chunks": [
            {
                "start_time": format_time(start_time),
                "end_time": format_time(end_time),
                "segment": segment,
                "segment_by": segment_by or None,
                "metrics": [_result_json(answer, result) for result in results],
            }
            for (start_time, end_time, segment, segment_by), results in chunks
        ],
    }


def _result_json(answer: Answer, result: Result) -> dict[str, Any]:
    metric = answer.metrics.get((result.group, result.name))
    undefined = result.value.reason if isinstance(result.value, Undefined) else None
    return {
        "name": result.name,
        "title": metric.title if metric else result.name,
        "direction": metric.direction if metric else None,
        "group": result.group,
        "column": result.column or None,
        "rows": result.rows,
        "value": None if undefined is not None else result.value,
        "undefined": undefined,
        "standard_error": result.standard_error,
        "p_value": result.p_value,
        "versions": list(result.versions),
        "verdicts": result.verdicts,
        "notes": list(result.notes),
        "details": dict(result.details),
    }
