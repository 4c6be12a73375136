"""The pages: the overview at ``/`` and one page a model below ``/ui/models``; each also as JSON by ``?format=json``."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from ml_core.clock import Clock, format_time
from ml_core.errors import FieldError, InvalidInput, NotFound
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_monitor import formatting
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.pages import assets, charts
from ml_monitor.pages.alert_lines import show_subject
from ml_monitor.pages.csv_files import distribution_csv, volume_csv
from ml_monitor.pages.distribution import LabelDistribution
from ml_monitor.pages.examples import prediction_command, registration_command
from ml_monitor.pages.performance_chart import draw_performance
from ml_monitor.pages.queries import ModelPage, Overview, read_model_page, read_overview
from ml_monitor.pages.ranges import SPANS, TimeRange, parse_range
from ml_monitor.pages.verdicts import model_verdict, overview_verdict
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = Blueprint("dashboard", __name__, template_folder="../templates")
_HEADINGS = {
    400: "This request cannot be read",
    401: "A token is needed",
    403: "This token is not enough",
    404: "Not found",
    405: "This address takes other requests",
    422: "These values do not fit",
    503: "Away for now",
}

_FILTERS = (
    *(formatting.short_id, formatting.shorten, formatting.show_age, formatting.show_duration, formatting.show_feature),
    *(formatting.show_number, formatting.show_share, formatting.show_start, formatting.show_time, show_subject),
)
for _filter in _FILTERS:
    blueprint.add_app_template_filter(_filter, _filter.__name__)
blueprint.add_app_template_filter(format_time, "iso")


@blueprint.get("/")
def overview() -> Response:
    """Show all models, worst first."""
    wanted = _choose("format", ("html", "json"))
    settings = _settings()
    found = read_overview(_registry(), _clock().now(), settings.monitor.stale_after_hours)
    verdict = overview_verdict(found)
    if wanted == "json":
        return jsonify(_with_verdict(verdict, found))
    return _page("overview.html", page=found, verdict=verdict, registration=registration_command(settings))


@blueprint.get("/ui/models/<model_id>")
def model(model_id: str) -> Response:
    """Show one model over a range of time; ``model_id`` is its name or seed id."""
    wanted = _choose("format", ("html", "json", "csv"))
    chart = _choose("chart", ("volume", "distribution")) if wanted == "csv" else ""
    settings, now = _settings(), _clock().now()
    time_range = parse_range(request.args, now)
    found = read_model_page(_registry(), model_id, time_range, now, settings.monitor.stale_after_hours)
    if wanted == "csv":
        content = volume_csv(found.volume) if chart == "volume" else distribution_csv(found.distribution)
        return _download(content, f"{found.model.name}-{chart}.csv")
    verdict = model_verdict(found)
    if wanted == "json":
        return jsonify(_with_verdict(verdict, found))
    return _page(
        "model.html",
        page=found,
        verdict=verdict,
        spans=SPANS,
        charts=_charts(found),
        query=_query(found.range),
        results_query=_results_query(found),
        check_command=CHECK_COMMAND,
        concept_drift_note=CONCEPT_DRIFT_NOTE,
        around_newest=_day_before(found.model.last_prediction_time),
        metric_names=list(dict.fromkeys(name for version in found.versions for name in version.metrics)),
        command_line=prediction_command(found, settings),
    )


@blueprint.get("/ui/static/<file_name>")
def static_file(file_name: str) -> Response:
    """Send one of our own files, under the name that holds its hash."""
    asset = assets.find_static(file_name)
    if asset is None:
        raise NotFound(f"no file {file_name!r} belongs to these pages; load the page again")
    return _send(asset)


@blueprint.get("/ui/assets/<file_name>")
def package_file(file_name: str) -> Response:
    """Send Bokeh's script from its installed package."""
    if f"/ui/assets/{file_name}" != assets.bokeh_address():
        raise NotFound(f"no file {file_name!r} belongs to these pages; load the page again")
    return _send(assets.bokeh_asset())


@blueprint.after_request
def forbid_storing(response: Response) -> Response:
    """Let no cache keep what is true only now; files under a name of their own have said otherwise."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def error_page(status: int, message: str, request_id: str) -> str:
    """Render an error for a browser. It reads nothing that could fail again: of the store only its notices."""
    heading = _HEADINGS.get(status, "An error of ours" if status >= 500 else "This did not work")
    return _render("error.html", status=status, heading=heading, message=message, request_id=request_id)


def _page(template: str, **values: Any) -> Response:
    return Response(_render(template, **values), mimetype="text/html")


def _render(template: str, **values: Any) -> str:
    return render_template(
        template,
        now=_clock().now(),
        notices=_registry().store.notices(),
        stylesheet=assets.static_asset("dashboard.css").address,
        script=assets.static_asset("dashboard.js").address,
        favicon=assets.static_asset("icon.svg").address,
        **values,
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


def _query(time_range: TimeRange) -> str:
    """Return the part of the URL that asks for the same range again."""
    if time_range.name:
        return urlencode({"range": time_range.name})
    return urlencode({"from": format_time(time_range.start), "to": format_time(time_range.end)})


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


def _send(asset: assets.Asset) -> Response:
    if request.accept_encodings["gzip"]:
        response = Response(asset.compressed, mimetype=asset.mimetype)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(asset.path.read_bytes(), mimetype=asset.mimetype)
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.add_etag()
    response.make_conditional(request)
    return response


def _download(content: str, file_name: str) -> Response:
    response = Response(content, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _choose(name: str, known: tuple[str, ...]) -> str:
    """Return an argument of the URL, by default the first known value; raise ``InvalidInput``."""
    value = request.args.get(name, known[0])
    if value not in known:
        message = f"expected {' or '.join(known)}"
        raise InvalidInput(f"{name}: {message}", [FieldError(name, message)])
    return value


def _with_verdict(verdict: str, page: Overview | ModelPage) -> dict[str, Any]:
    return {"verdict": verdict, **{field.name: getattr(page, field.name) for field in fields(page)}}


def _registry() -> Registry:
    registry: Registry = current_app.extensions["registry"]
    return registry


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _clock() -> Clock:
    clock: Clock = current_app.extensions["clock"]
    return clock
