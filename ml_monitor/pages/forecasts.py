"""The page of forecasts at ``/ui/forecasts``, and one for each series below it."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ml_core.errors import Conflict, InvalidInput
from ml_core.web.forms import check_form
from ml_monitor.pages import assets, forms, frame
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.forecast_charts import draw_series, models_drawn
from ml_monitor.pages.forecasts_reader import (
    ForecastsPage,
    SeriesPage,
    forecasts_verdict,
    read_forecasts_page,
    read_series_page,
    series_verdict,
)
from ml_monitor.pages.series_limits import set_limit
from ml_monitor.pages.sheets_reader import SHEETS

ADDRESS = "/ui/forecasts"
blueprint = frame.PageBlueprint("forecasts", __name__, label="Forecasts", address=ADDRESS)


@blueprint.get(ADDRESS)
def forecasts() -> Response:
    """Show all series; ``?words=`` chooses those whose names hold it."""
    found = read_forecasts_page(
        frame.store(), frame.read_view().range, request.args.get("words", "").strip(), frame.now()
    )
    return frame.respond(
        "forecasts.html",
        found,
        forecasts_verdict(found),
        tables={"series": lambda: _list_csv(found)},
        html=lambda: {"sheets": SHEETS},
    )


@blueprint.get(f"{ADDRESS}/<path:series>")
def one_series(series: str) -> Response:
    """Show one series with the newest forecast; ``?model=`` chooses whose."""
    return _show(series)


@blueprint.post(f"{ADDRESS}/<path:series>/limits")
def change_limit(series: str) -> Response:
    """Set the limit of a series; an empty one removes it."""
    check_form()
    read_series_page(frame.store(), series, frame.read_view().range, "", frame.now())  # it must be known
    try:
        limit, unit = forms.text_field("limit", most=40), forms.text_field("unit", most=20)
        set_limit(frame.store(), series, limit, unit)
    except (InvalidInput, Conflict) as error:
        return _show(series, trouble=error.message, status=error.status)
    return forms.done(f"{ADDRESS}/{series}", "limit")


def _show(series: str, *, trouble: str = "", status: int = 200) -> Response:
    view, model = frame.read_view(), request.args.get("model", "")
    found = read_series_page(frame.store(), series, view.range, model, frame.now())
    response = frame.respond(
        "series.html",
        found,
        series_verdict(found),
        name=found.series.replace("/", "-"),
        tables={
            "forecast": lambda: _steps_csv(found),
            "observations": lambda: _observations_csv(found),
            "scores": lambda: _scores_csv(found),
            "horizons": lambda: _horizons_csv(found),
        },
        html=lambda: {
            "charts": _charts(found),
            "drawn": models_drawn(found),
            "form_trouble": trouble,
            "done": forms.what_was_done(),
        },
    )
    response.status_code = status
    return response


def _charts(page: SeriesPage) -> dict[str, Any]:
    drawn = draw_series(page)
    return {"script": assets.bokeh_address(), **drawn} if drawn else {}


def _list_csv(page: ForecastsPage) -> str:
    header = (
        "series",
        "last_time",
        "last_value",
        "models",
        "issue_time",
        "limit",
        "reaches_limit",
        "best_model",
        "mae",
    )
    rows = []
    for line in page.series:
        best = (line.best.model, line.best.mae) if line.best else ("", None)
        limit = line.limit.limit if line.limit else None
        reaches = line.crossing.expected_time if line.crossing else None
        rows.append(
            (
                line.series,
                line.last_time,
                line.last_value,
                " ".join(line.models),
                line.issue_time,
                limit,
                reaches,
                *best,
            )
        )
    return table_csv(header, rows)


def _steps_csv(page: SeriesPage) -> str:
    rows = (
        (step.valid_time, step.value, step.lower_80, step.upper_80, step.lower_95, step.upper_95) for step in page.steps
    )
    return table_csv(("valid_time", "value", "lower_80", "upper_80", "lower_95", "upper_95"), rows)


def _observations_csv(page: SeriesPage) -> str:
    return table_csv(("time", "value"), ((each.time, each.value) for each in page.observations))


def _scores_csv(page: SeriesPage) -> str:
    rows = (
        (score.model, score.steps, score.mae, score.rmse, score.bias, score.coverage_80, score.coverage_95)
        for score in page.scores
    )
    return table_csv(("model", "steps", "mae", "rmse", "bias", "coverage_80", "coverage_95"), rows)


def _horizons_csv(page: SeriesPage) -> str:
    rows = ((error.model, error.horizon_seconds, error.steps, error.mae) for error in page.by_horizon)
    return table_csv(("model", "horizon_seconds", "steps", "mae"), rows)
